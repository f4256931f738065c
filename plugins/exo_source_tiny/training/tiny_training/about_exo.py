"""Which facts about exo does the model know, and how may a person ask for each?"""

from __future__ import annotations

from tiny_training.topic import Topic, topic

TOPICS: tuple[Topic, ...] = (
    topic(
        "what_is_exo",
        "exo turns the machines you own into one AI cluster that serves language models.",
        "<what> (<exo>|exo exactly|exo really|the exo project)",
        "(what does|what can|what will) <exo> (do|do for me|offer|actually do|give me)",
        "(what is|what's) (exo|this) (for|about|good for|used for|all about|supposed to do|meant for)",
        "why (should|would|do) (I|anyone|people) (use|need|want|install|run) exo",
        "(what is|explain) the (purpose|point|idea|goal|use|job) (of|behind) <exo>",
        "(introduce|summarise|summarize|present) exo|exo in (one sentence|short|a nutshell|brief)|explain exo to me|about exo"
        "|exo|meaning of exo|what does exo mean|what kind of (program|software|thing|tool|system|project) is exo",
    ),
    topic(
        "join",
        "Run `exo invite` on the first machine, then `exo run --join CODE` on the second with the code it printed.",
        "how (does|can|do|could|would|will|should) <second> <machine> (join|come in|get in|connect|take part|be added|enter)"
        " (|the cluster|my cluster|a cluster|exo|in|us|it)",
        "<how> (add|join|connect|attach|bring in|include|enrol|enroll|hook up) (<second>|a|my) <machine> (|to the <cluster>|to exo|to it)",
        "<how> (join|enter|get into|become part of|become a member of) (a|the|my|an existing) (<cluster>|exo <cluster>)"
        " (|with <second> <machine>|from <second> <machine>)",
        "<how> (add|connect|join|link|combine|pair|put together|use) (two|2|several|three|many|multiple|both|more|my) <machines> (|together|with exo)",
        "(adding|joining|connecting|inviting|pairing) (<second>|a|two) <machine>",
        "<how> (invite|let in) <second> <machine>",
        "I have (two|2|three|several) <machines> (,|and) (how do I|how can I|how to) (connect|join|combine|link|pair) them",
        "(what is|what's) exo invite (for|good for|about)|what does exo invite do|where do I get a (join code|code|invite)"
        "|<how> (get|make|create) a (join|invitation|invite) code|what do I do with (the|a) (join |invite |)code",
    ),
    topic(
        "ports",
        "The HTTP API is on port 52415, and peers connect to each other on port 52416.",
        "(which|what|what TCP|which TCP|which network) (port|ports) (does|do|will|would) (<exo>|it|the API|the server|the node|peers) "
        "(use|listen on|need|run on|serve on|open|bind|take|bind to)",
        "(which|what) (is the|is its|is the default|default) (port|port number|API port|HTTP port|peer port|listening port)( of exo| of the API| for peers|)",
        "(on |)(which|what) (port|ports) (is|are) (the API|exo|it|the HTTP API|the server|used|open|the peers|listening|default)( on| by exo| reachable on|)",
        "what('s| is) the (default |)(port|port number) (of|for) (exo|the API|the server|peers|HTTP|nodes)",
        "(tell me|give me|I need|show me) the (port|ports|port number|port numbers)( of exo| exo uses| of the API|)",
        "<how> (find|know|learn|see) the port( of exo| number|)|port( number|)|ports of exo|exo port",
        "(which|what) ports (must|should|do) I (open|allow|forward)( in (my|the) firewall| for exo|)",
    ),
    topic(
        "transport",
        "Choose a transport with `exo run --transport tcp`; repeat the option to give an order of preference.",
        "<how> (choose|pick|select|set|change|specify|use|switch|configure|define|decide on) (the|a|another|which|my|a different|a certain) transport( to use|)( for exo| in exo|)",
        "(which|what) (option|flag|command|switch|setting|argument|parameter) (chooses|sets|selects|picks|changes|is for|controls|decides) the transport",
        "(choosing|selecting|picking|setting|changing) (a|the) transport|transport (option|choice|selection|setting)",
        "(where|how) is the transport (chosen|set|selected|configured|picked|changed)",
        "<how> (use|run|start exo with|run exo over|make exo use|force|prefer) (tcp|TCP)( as transport| as the transport|)",
        "how do I tell exo (which|what) transport to use",
    ),
    topic(
        "which_transports",
        "exo has two transports: tcp, and webrtc for machines behind a NAT.",
        "(which|what) transports (are there|exist|does exo have|does exo offer|does exo support|can I use|are available|can I choose from|do you know|are supported|come with exo)",
        "(list|name|show|tell me|enumerate) (the|all|all the|all available) transports( of exo|)",
        "how many transports (are there|does exo have|exist)",
        "does exo (support|have|speak|offer|know|do) (webrtc|WebRTC|tcp and webrtc)|is there (a |)(webrtc|WebRTC)( transport|)",
        "<what> (the webrtc transport|webrtc|WebRTC)|(when|why) (should|would) I use (webrtc|WebRTC)",
        "(does|can|will) exo (work|run|connect) (behind|through|across) (a NAT|NAT|a router|NATs)",
    ),
    topic(
        "backend",
        "Choose a backend with `exo run --backend mlx`; without the option exo takes those that work well here.",
        "<how> (choose|pick|select|set|change|specify|use|switch|configure|define|decide on) (the|a|another|which|my|a different|a certain) backend( to use|)( for exo| in exo|)",
        "(which|what) (option|flag|command|switch|setting|argument|parameter) (chooses|sets|selects|picks|changes|is for|controls|decides) the backend",
        "(choosing|selecting|picking|setting|changing) (a|the) backend|backend (option|choice|selection|setting)",
        "(where|how) is the backend (chosen|set|selected|configured|picked|changed)",
        "<how> (use|run|run exo with|make exo use|force|prefer) (mlx|MLX)( as backend| as the backend|)",
        "how do I tell exo (which|what) backend to use|(which|what) backend (does exo use|is used|is the default|will be used|runs the model)",
    ),
    topic(
        "status",
        "Run `exo status` to see the nodes, links, instances, runners and requests.",
        "<how> (see|show|check|get|view|display|look at|find out|know|print|watch|inspect) (the|its|my|the current) (status|state|health)( of| of the <cluster>| of exo| of my <cluster>| of my <machines>|)",
        "<how> (see|check|find out|know|list|show) (what is running|what is going on|which <machines> are connected|my <machines>|the nodes|all nodes|the members|who is in the <cluster>|what exo is doing|the links|which models are running|the running models|the instances|all instances|the requests)",
        "(which|what) (command|program) (shows|prints|displays|lists|tells me) (the|its) (status|state|nodes|instances|links|<cluster>)",
        "<what> exo status|what does exo status (do|show|print)|status( of the <cluster>|)|cluster status"
        "|(which|what) (nodes|machines) are (in the <cluster>|connected|there|online|running)|is my <cluster> (ok|healthy|working|running)",
    ),
    topic(
        "place",
        "Run `exo place MODEL`; add `--preview` to see the possible placements first.",
        "<how> (place|load|deploy|start|launch|put|run|serve|host|use) (a|the|my|some|another|a new|a big) model( on the <cluster>| on my <machines>| in exo| with exo|)",
        "<how> (preview|see the possible|compare|look at the) (placements|placement)( of a model| first|)",
        "(which|what) command (places|loads|deploys|starts|runs|launches) (a|the|my) model",
        "<what> exo place|what does exo place do|(placing|loading|deploying|running|starting) a model|<what> (a placement|placement)",
        "<how> (get|bring) (a|the|my) model (running|up|onto the <cluster>|onto the machines|started|loaded)",
    ),
    topic(
        "model_sources",
        "A model is a hub id such as org/name, a path to a folder, or tiny, the embedded model.",
        "where (do|does|can|will) (the models|models|a model|exo's models|exo|the model|the weights) (come from|get its models from|get models from|come|get them|get models)",
        "(which|what|what kind of|which kinds of) models (can I use|does exo support|are there|can exo run|are available|are supported|work|can I run|does it run|may I choose|can it serve)( with exo|)",
        "<how> (name|specify|write|give|refer to|pick|choose|select) (a|the|which) model( to use|)",
        "(can|does|could|may) (I|exo) (use|load|run|open) (a local model|a model from a folder|my own model|a folder|a model by path|hugging face models|models from hugging face|a model from the hub|a model from disk)( in exo|)",
        "(source|sources|origin) of (the |)models|where are (the |)models (found|taken from|downloaded from|from)|<what> a model( id|)",
    ),
    topic(
        "security",
        "Links use mutual TLS 1.3 with a secret of the cluster, so only machines that were invited can join.",
        "is (exo|it|the <cluster>|this|my <cluster>|the connection|the traffic|my data) (safe|secure|encrypted|protected|dangerous|private)( to use|)",
        "how (safe|secure|private) is (exo|it|the <cluster>|this|my <cluster>|the connection)",
        "(who|which <machines>) (can|may|could|is allowed to|are allowed to) (join|enter|connect|get in|see my data|read the traffic|access)( the <cluster>| my <cluster>| it|)",
        "(can|could|may) (anyone|anybody|a stranger|strangers|someone else|everybody|a hacker|my neighbour|others|other people) (join|connect|enter|get in|read|see my data|listen)( my <cluster>| the <cluster>| the traffic| to it|)",
        "(does exo|do the links|do nodes|does it) (use|have|do) (encryption|TLS|security|authentication|certificates)",
        "how (are|is) (links|the links|connections|messages|the traffic|the <cluster>|machines|nodes) (encrypted|secured|protected|authenticated)",
        "(what about|tell me about|explain) (the |)(security|safety|encryption|TLS)( of exo|)|security|<how> (keep|make) (my <cluster>|exo|it) (safe|secure)",
    ),
    topic(
        "machine_lost",
        "The other machines notice it, elect a new master if needed, and keep the log of the cluster.",
        "what (happens|will happen|happens then|does exo do|would happen|occurs) (when|if|once|as soon as|after) (a|one|my|one of the|the other|some|one of my|any) <machine> (goes away|dies|fails|crashes|is lost|disappears|is switched off|shuts down|leaves|loses power|goes down|breaks|is turned off|goes offline|drops out|is unplugged|stops|vanishes)",
        "(when|if) (a|one|my|one of the) <machine> (goes away|dies|fails|crashes|is lost|disappears|is switched off|shuts down|goes down|breaks), what (happens|then|does exo do|now)",
        "(can|does|will|could) (exo|the <cluster>|it) (survive|handle|tolerate|cope with|live with|notice) (the loss of a <machine>|a crash|a lost <machine>|a failure|a dead <machine>|losing a <machine>|a <machine> that fails)",
        "how does exo (handle|treat|react to|deal with|cope with|recover from) (failures|crashes|the loss of a <machine>|a lost <machine>|a dead <machine>|a failure|node loss|a crash)",
        "(is exo|is it|is the <cluster>) fault tolerant|my <machine> (died|crashed|is gone|went away|disappeared)|what if (a|one) <machine> (dies|is gone|fails|goes away|crashes|breaks|disappears)",
    ),
    topic(
        "remove_instance",
        "Run `exo remove INSTANCE`; `exo status` shows the instances.",
        "<how> (remove|delete|unload|stop|get rid of|take down|drop|kill|end|free|throw out|clear) (an instance|the instance|a model|the model|a placed model|a running model|my model|instances|a loaded model|the model from memory|this instance)",
        "(which|what) command (removes|deletes|unloads|stops|drops) (an instance|the instance|a model|the model)",
        "<what> exo remove|what does exo remove do|(removing|deleting|unloading|stopping) (a model|an instance|the model)",
        "<how> free (the |)memory( of a model| again|)",
    ),
    topic(
        "chat",
        "Run `exo chat MODEL` to talk to a model in the terminal; with a prompt it gives one answer and exits.",
        "<how> (chat|talk|speak|have a chat|have a conversation|converse|write)( with| to) (a model|the model|the cluster|exo|it|tiny|a language model|my model|an AI)( in the terminal| from the terminal| on the command line| from the shell| from the command line|)",
        "<how> (ask|send|give|put) (a question|one question|a prompt|something|it a question|the model a question|a single question)( in the terminal| from the command line| to the model| from the shell|)",
        "(which|what) command (starts|opens|begins|is for) (a|the) (chat|conversation)",
        "<what> exo chat|what does exo chat do|(chatting|chat|talking) (in|from) the terminal|(can|may) I chat( with it| with exo| here| in the terminal|)|<how> start a (chat|conversation)",
    ),
    topic(
        "plugins",
        "Run `exo plugins` to list every plugin with its version, components and state.",
        "<how> (list|see|show|get|view|find|check|display|print|look at) (the|all|my|all the|installed|the installed|which) plugins( of exo| are installed| are there| I have|)",
        "(which|what) plugins (are installed|do I have|are there|are loaded|does exo have|are active|are running|exist|are available|did exo load)",
        "(which|what) command (lists|shows|prints|displays) (the |all |)plugins|<what> exo plugins|what does exo plugins (do|show)"
        "|(list|show|name|print) (the |all |my |)plugins|plugin list|how many plugins (are there|do I have)",
    ),
    topic(
        "doctor",
        "Run `exo doctor`: it shows what this machine can do, what is missing, and the command that mends it.",
        "<what> (exo doctor|the doctor|the doctor command|doctor)|what does (exo doctor|the doctor|the doctor command) (do|show|tell me|check|print)",
        "<how> (check|find out|see|know|test|diagnose|verify|examine) (what my <machine> can do|what this <machine> can do|what is missing|what is wrong|if my <machine> is ready|whether my <machine> is good enough|my installation|the installation|if something is missing|problems|why it does not work)",
        "(something|exo|it) (is broken|does not work|doesn't work|is not working|isn't working|is wrong|fails)|what can my <machine> do|what can this <machine> do"
        "|<how> (fix|repair|mend|solve|debug|troubleshoot) (exo|it|problems|my installation|a problem|my setup)|what is (missing|wrong)( on this <machine>| here|)",
    ),
    topic(
        "licence",
        "exo is free software under the Apache-2.0 licence.",
        "(what|which) (licence|license) (does exo have|is exo under|does exo use|has exo|is used|applies|is it|does it have|is it under|covers exo)",
        "(what is|what's|tell me|name|explain|show me) (the|exo's|its) (licence|license)( of exo| of this program|)",
        "(is|was) (exo|it|this) (free|open source|free software|commercial|proprietary|gratis|open|for free|open-source)( to use|)",
        "(how much does|what does) (exo|it|this) cost|does (exo|it) cost (anything|money)|do I (have to|need to|must) pay( for exo| for it|)|(price|licence|license)( of exo|)"
        "|(can|may) I (modify|copy|share|sell|change|use) exo (freely|at work|commercially|for free|in my company)|under (which|what) (licence|license) is exo( published| released|)",
    ),
    topic(
        "api",
        "exo speaks OpenAI's API at http://localhost:52415/v1, so OpenAI clients work with it.",
        "(which|what|what kind of) (API|interface|protocol) (does exo speak|does exo have|does exo offer|does it speak|is there|can I use|does exo serve|does exo provide|is supported|does it have)",
        "(is|are) (exo|it|the API) (compatible with|compatible to|like) (OpenAI|OpenAI's API|the OpenAI API|OpenAI clients)",
        "(can|could|may) I use (the OpenAI client|OpenAI clients|the OpenAI library|my OpenAI programs|OpenAI's API|the openai package|existing clients|OpenAI tools)( with exo| with it|)",
        "<how> (call|use|reach|access|query|talk to|find|connect to|send a request to) (the API|exo's API|exo from a program|exo from my program|exo from Python|the HTTP API|exo from code|the endpoint|exo over HTTP)",
        "(what is|what's|tell me|where is|give me) (the|exo's) (API|URL|base URL|address|endpoint|API address|API URL|base url of the API)( of exo|)|where (is|do I find) the API"
        "|does exo (support|speak|have|offer|understand|provide|do) (OpenAI|the OpenAI API|an API|OpenAI's API|a REST API)|API|OpenAI",
    ),
    topic(
        "tiny",
        "tiny is the very small language model embedded in exo, so that a first run needs no download.",
        "<what> (tiny|the tiny model|the model tiny|the embedded model|the model called tiny|the built-in model)",
        "(why|what for) (is there|does exo have|does exo come with|do we need|does exo ship) (tiny|an embedded model|a tiny model|such a small model|the model tiny)",
        "(is there|does exo have|do you have|does exo include|is there also) (an embedded model|a built-in model|a model without a download|a model that needs no download|a model included)",
        "what is tiny (for|good for|made for)|(do|must) I (need to|have to|always) download (something|a model|anything)( first|)|which model is (embedded|built in|included)|<how> (try|test) exo without (a download|downloading)( a model|)",
    ),
    topic(
        "start",
        "Type `exo run` to start the node of this machine.",
        "<how> (start|run|launch|boot|turn on|begin|switch on|fire up|bring up) (exo|a node|the node|my node|the program|it|this|the server|the cluster|a cluster|this <machine>|exo on this <machine>|exo here)",
        "(which|what) command (starts|launches|runs|begins) (exo|the node|a node|the server)",
        "<what> exo run|what does exo run do|(starting|launching) (exo|a node)|<how> (get started|get going|begin)( with exo|)|(first|what are the first) steps( with exo|)|(start|launch|begin)",
    ),
    topic(
        "stop",
        "Press Ctrl-C where `exo run` works; the node says goodbye to its peers and ends its runners.",
        "<how> (stop|quit|end|exit|shut down|terminate|halt|close|kill|turn off|switch off|interrupt) (exo|a node|the node|my node|the program|the server|exo run|this node|a running node|exo cleanly)",
        "(which|what) (command|key|keys) (stops|ends|quits|terminates|closes|shuts down) (exo|the node|a node|the server)",
        "(stopping|quitting|ending|closing) (exo|a node|the node)|what happens when I (press|hit|type) ctrl-c|(can|may) I (just |)press ctrl-c",
    ),
    topic(
        "leave",
        "Run `exo leave` on the machine that should leave the cluster.",
        "<how> (leave|quit|exit|get out of|go out of|part from) (the|a|my|this) (cluster|network|group)( with this <machine>|)",
        "how (does|can|do|could) (a|one|this|my) <machine> leave( the cluster| the <cluster>|)",
        "<how> (make|let|have) (a|one|this|my) <machine> leave( the cluster| the <cluster>|)|<how> (take|remove|get|pull) (a|one|this|my) <machine> out of (the|my) <cluster>"
        "|<what> exo leave|what does exo leave do|leaving the (cluster|<cluster>)|(which|what) command leaves the <cluster>",
    ),
    topic(
        "code_lifetime",
        "A join code is good for one hour and for one machine; `exo invite --minutes N` changes the time.",
        "how (long|many minutes|many hours) (is|does|will|can) (a|the|my|an) (code|join code|invite code|invitation|invite|invitation code) (valid|last|work|good|live|be used|be valid|stay valid)( for|)",
        "(when|does|will) (a|the|my) (code|join code|invite code|invitation|invite) (expire|expires|run out|time out|end|get old)",
        "(my|the) (code|join code|invitation|invite code) (has expired|expired|is too old|does not work|was refused|is refused|no longer works)|(lifetime|validity) of (a|the) (code|join code|invitation)"
        "|(can|may) I use (a|the|one) (code|join code|invite code) (twice|again|two times|several times|more than once)|<how> (extend|lengthen|change) the (time|lifetime|validity) of (a|the) (code|join code|invitation)",
    ),
    topic(
        "list_models",
        "Run `exo models list` to see the models and which machine has them on disk.",
        "<how> (list|see|show|view|get a list of|print|display) (the|all|my|the available|all the|the downloaded|the installed) models( of exo| on disk| I have| on my <machines>|)",
        "(which|what) models (do I have|are on disk|are downloaded|are installed|have I downloaded|are on this <machine>)|(which|what) command (lists|shows|prints) (the |all |my |)models"
        "|<what> exo models|what does exo models (do|list|show)|(list|show) (the |all |my |all my |)models|model list",
    ),
    topic(
        "split",
        "exo gives every machine a run of layers in proportion to its free memory, so the model can be larger than one machine.",
        "how (does exo|is|are|do you|does it) (split|divide|share|distribute|cut|spread|partition|models split|a model split|a model divided|models divided|a model distributed|the layers divided|a model shared)( a model| models| up| the model| the layers| over the <machines>| between <machines>| among <machines>|)",
        "(can|could|may|does) (a|one|the|my) model (be larger than|be bigger than|be too large for|not fit on|exceed|be too big for|be larger than the memory of) (one|a|a single|my) <machine>",
        "what if (a|the|my) model (does not fit|doesn't fit|is too large|is too big|needs more memory)( on one <machine>| for one <machine>| into memory|)",
        "(can|does|will|could) (exo|several <machines>|my <machines>|two <machines>) (run|share|hold|serve|split) (a model that is too large|a large model together|a big model together|one model together|one model|a huge model|a model together)( for one <machine>|)"
        "|how (is the memory|are the layers|is the model) (pooled|shared|distributed|assigned|divided|split)( over the <machines>| among the <machines>|)|<what> pipeline parallelism",
    ),
    topic(
        "systems",
        "exo runs on Macs with Apple silicon and on Linux, with or without a GPU.",
        "(on |)(which|what) (systems|operating systems|platforms|hardware|OS|machines|computers) (does exo run on|does exo run|are supported|does exo support|can run exo|work with exo|do I need|does exo need|is supported|does exo require)",
        "(does|can|will|could) (exo|it) (run|work|be used) on (linux|Linux|a Mac|macOS|Apple silicon|my Mac|a Linux box|a laptop|an M1|Ubuntu|Debian|mac|a MacBook|a Linux server|macs)",
        "(do I need|does exo need|is|does it need|must I have) a (GPU|graphics card|Mac|GPU required|powerful machine)( for exo| to run exo|)"
        "|(does|can) (exo|it) (run|work) without a (GPU|graphics card)|(does exo|can exo) (use|support) (a GPU|GPUs|CUDA|Metal|Apple silicon|my GPU|NVIDIA cards)|(hardware|system) requirements( of exo|)",
    ),
    topic(
        "master",
        "The master is the elected node that puts the events of the cluster in order; if it is lost, another is elected.",
        "<what> (the master|a master|the master node|a master node|the leader)( of the cluster| of a cluster| in exo|)",
        "(what does|what is the job of|what is the role of|what does it mean to be) (the|a) (master|leader|master node)( do| of the cluster| do in exo|)|who is the (master|leader)|(which|what) (node|<machine>) is the (master|leader|boss)",
        "how (is|does exo choose|does the cluster choose|does exo elect|do the nodes elect|do they choose) (the|a) (master|leader)( elected| chosen|)|how does the election work|<what> the election"
        "|what (happens|will happen) (when|if) the (master|leader) (dies|fails|is lost|crashes|goes away|disappears|is gone)|(is there|does exo have) a (central server|leader|master|single point of failure)",
    ),
    topic(
        "runner",
        "A runner is the process that holds one shard of a model and computes with it.",
        "<what> (a runner|the runner|runners|the runners|a runner process|a runner in exo|an exo runner)",
        "(what does|what do|what is the job of|what is the role of) (a|the) runner( do| in exo|)|what do runners do|(why|what for) are there runners|runner|what are runners( for| in exo|)|why does exo (have|use|start) (runners|a runner)",
    ),
    topic(
        "instance",
        "An instance is one placed model; its shards may sit on several machines.",
        "<what> (an instance|the instance|instances|an instance in exo|an exo instance|a model instance)",
        "(what does|what is) (the word |the term |)instance (mean|in exo)|what are instances( for| in exo|)|what does exo call an instance|instance|(can|may) (an instance|one instance) (use|span|be on|cover) (several|two|many) <machines>",
    ),
    topic(
        "shard",
        "A shard is the part of a model that one machine holds, as a rule some of its layers.",
        "<what> (a shard|the shard|shards|the shards|a shard in exo|a shard of a model|a model shard)",
        "(what does|what is) (the word |the term |)shard (mean|in exo)|what are shards( for| in exo|)|shard|what is in a shard|what does a shard (hold|contain)|(which|what) part of (a|the) model does (a|one|each) <machine> (hold|have|get)",
    ),
    topic(
        "cluster_word",
        "A cluster is the set of your machines that share one secret and work as one server.",
        "<what> (a cluster|the cluster|clusters|a cluster in exo|an exo cluster|an AI cluster|my cluster)",
        "(what does|what is) (the word |the term |)cluster (mean|in exo)|what are clusters|cluster|what (makes|forms|is in) a cluster|which machines (form|make up|are) a cluster",
    ),
    topic(
        "api_key",
        "Give the API a key with `exo run --api-key-file FILE` or with the variable EXO_API_KEY.",
        "<how> (set|use|add|give|configure|define|require|choose|create|pass|change|provide) (an|the|a|my) (API key|key|key for the API|password|api key|key file|password for the API)( for exo|)",
        "<how> (protect|secure|lock|guard) (the|my) (API|HTTP API|HTTP server)( with a key| with a password|)|(does exo|does the API|do I) (need|have|support|use|require) (an API key|a key|API keys|a password|an api key)"
        "|where (do I put|do I set|is|goes|can I set|do I write) (the|my) (API key|key|api key)|(which|what) (option|variable|flag) (sets|gives|is for|holds) the (API key|key|api key)|API key",
    ),
    topic(
        "api_host",
        "Start it with `exo run --api-host 0.0.0.0` and an API key; without a key it serves only this machine.",
        "<how> (reach|use|open|access|call|query|see) (the API|exo|the HTTP API|the page) from (<second> <machine>|my phone|another room|the LAN|the network|outside|elsewhere|other machines|the internet|everywhere)",
        "(can|could|may) (other <machines>|other people|my phone|<second> <machine>|my family|my colleagues|programs on other <machines>) (use|reach|call|access|open|query) (the API|exo|it|the page|my API)",
        "<how> (make|let|have) (the API|exo|the HTTP server) (listen on all interfaces|reachable from other machines|public|available on the network|listen on another address|available to others|visible in the LAN)"
        "|<how> (expose|open|publish|share) (the API|exo|my API|the HTTP API)( to others| to the network| to the LAN| on the network|)|why (can|does) (I|the API) (only |)(reach the API only from this <machine>|serve only this <machine>|listen on localhost)|(which|what) (option|flag) (sets|changes|chooses) the (API host|address of the API|API address)",
    ),
    topic(
        "home",
        "exo keeps its identity, clusters, log and models in its home folder; choose it with `--home DIR`.",
        "where (does|do|is|are) (exo|it|the data|the files|exo's files|my data|the home|the home folder|the log|the identity) (store|keep|save|put|stored|kept|saved|located|live|lie)( its data| its files| everything| models| things| on disk| the models| its log| its identity|)",
        "<how> (change|choose|set|move|use|pick|select) (the|another|a different|its) (home|home folder|home directory|data folder|data directory|folder)( of exo| for exo|)|<what> (the home|exo's home|the home folder|the home directory|EXO_HOME|the option --home)( of exo|)"
        "|(which|what) (folder|directory) does exo (use|need|write to|keep its data in|store things in)|(which|what) option (sets|changes|chooses) the (home|home folder|data folder)",
    ),
    topic(
        "two_nodes_one_machine",
        "Give each node its own `--home`, `--listen` and `--api-port`.",
        "<how> (run|start|have|launch|use|put) (two|2|several|three|many|multiple|more than one) (nodes|copies of exo|instances of exo|exo processes|exo nodes) on (one|the same|a single|this|my) (machine|computer|laptop|host)",
        "(can|could|may) (two|2|several|three|multiple) (nodes|copies of exo|exo nodes|exo processes) (run|live|work|be) on (one|the same|a single) (machine|computer|laptop|host)"
        "|(several|two|three|multiple) nodes on (one|the same|a single|this) (machine|computer|laptop|host)|<how> (run|start) (a second node|another node|a second exo) (on this machine|here|on the same machine|on this computer)",
    ),
    topic(
        "min_nodes",
        "Use `exo place MODEL --min-nodes N` to spread it over at least N machines.",
        "<how> (spread|stretch|force|distribute|put|place|split) (a|the|my) model (over|across|on|onto) (at least|exactly|a minimum of) (two|2|three|3|N|several|four) <machines>",
        "<what> (--min-nodes|min-nodes|the option --min-nodes|min nodes)|what does (--min-nodes|min-nodes|the option --min-nodes) (do|mean)"
        "|<how> (set|choose|give|ask for|require) (a|the) minimum (number of|of) <machines>( for a model|)|(which|what) option (spreads|sets|forces) (a model over|the minimum number of) (several |more |)<machines>|<how> (force|make) exo (to |)(use|spread over) (two|several|more|both|all) <machines>",
    ),
    topic(
        "python_version",
        "exo needs Python 3.11 or newer.",
        "(which|what) (version of Python|Python version|Python) (does exo need|do I need|is needed|is required|does exo require|does exo use|is supported|must I have|does it need|works|should I use)( for exo|)",
        "(does|will|can) (exo|it) (work|run) (with|on) (Python 3.10|Python 3.11|Python 3.12|Python 3|Python 2|an old Python|older Python)|(do I need|does exo need|is) Python( needed| required|)|(what|which) is the (minimum|oldest|lowest|required) Python( version|)|Python version|(is exo|is it) written in Python",
    ),
    topic(
        "install",
        "Get the repository, install uv, and type `uv run exo`; uv installs everything that is needed.",
        "<how> (install|set up|get|download|obtain|deploy|build) (exo|it|this|this program|the program|the software|exo on my <machine>|exo on Linux|exo on a Mac|exo on this <machine>)",
        "(installing|setting up) exo|(installation|install|setup)( of exo| instructions| steps|)|where (can|do) I (get|download|find) exo|what do I need to (install|run exo|install exo|use exo)|(does|do) (exo|I) need uv|(which|what) command installs exo|is exo (hard|easy|difficult) to install",
    ),
    topic(
        "logs",
        "Run `exo logs` to read what the node wrote, or `exo logs -f` to follow it.",
        "<how> (read|see|view|show|get|find|follow|open|look at|watch|tail|check) (the logs|the node's log|the log output|what the node wrote|the log of the node|the log file|my logs|log messages|the log lines|the output of the node)",
        "where (are|do I find|can I find|can I see|is) (the logs|the log file|exo's logs|log messages|the log of the node)|(which|what) command (shows|prints|follows|reads) the logs|<what> exo logs|what does exo logs (do|show)|logs|(show|give|print) (me |)the logs",
    ),
    topic(
        "event_log",
        "Run `exo log` to read the event log of the cluster.",
        "<how> (read|see|view|show|get|find|open|look at|check|print) (the event log|the events|the events of the cluster|the event log of the cluster|what happened in the cluster|the history of the cluster|the cluster's events)",
        "<what> (the event log|an event|exo log|the event log of the cluster|events)|what does exo log (do|show)|(which|what) command (shows|prints|reads) the (event log|events)|event log|what (has happened|happened) in (the|my) cluster|(show|list|print) (me |)the events",
    ),
    topic(
        "without_plugin",
        "Use `exo run --without PLUGIN` to leave a plugin out.",
        "<how> (disable|block|leave out|turn off|switch off|exclude|deactivate|skip|not load|do without|run exo without|start exo without) (a plugin|one plugin|plugins|the plugin|some plugins|a broken plugin|certain plugins|a certain plugin)",
        "<what> (--without|the option --without)|what does --without do|(which|what) option (disables|blocks|leaves out|turns off|excludes) (a plugin|plugins)|(can|may) I (disable|block|turn off|leave out) (a plugin|plugins)|(disabling|blocking) (a plugin|plugins)",
    ),
    topic(
        "write_plugin",
        "A plugin is a Python package with an entry point in the group exo.plugins; plugins/README.md is the guide.",
        "<how> (write|make|create|develop|build|program|code|publish|add) (a plugin|my own plugin|a new plugin|plugins|an own plugin|a plugin of my own|a transport of my own|a backend of my own|my own transport|my own backend)( for exo|)",
        "<what> (a plugin|plugins in exo|an exo plugin)|(writing|making|developing|creating) (a plugin|plugins|my own plugin)|(can|may|could) I (extend|write a plugin for|write plugins for) exo|is exo extensible|<how> extend exo|where is the (plugin guide|guide for plugin authors)|(which|what) entry point (group |)does a plugin (need|use)",
    ),
    topic(
        "stream",
        "Yes, with `\"stream\": true` the answer comes token by token.",
        "(can|does|will|could|is) (exo|the API|it|the answer|an answer) (stream|streaming|be streamed|stream answers|stream tokens|stream its answers|support streaming|stream the answer|do streaming)( tokens| supported| token by token|)",
        "<how> (stream|get a stream of|receive) (an answer|answers|the answer|tokens|the tokens|a reply|replies)( token by token| as they come| from the API|)|is (streaming|a stream) (supported|possible|there)|(do|can) answers (come|arrive) (token by token|word by word|as a stream|piece by piece)|streaming",
    ),
    topic(
        "privacy",
        "Your prompts stay on your own machines, and exo never logs them.",
        "(where|who) (do|does|sees|reads|stores|can read|can see|gets|keeps|logs) (my prompts|my questions|what I write|my messages|my text|my conversations|my chats)( go| stay|)",
        "(does|do|will|is|are) (exo|you|my prompts|my chats|my messages|my questions|my conversations) (log my prompts|store my prompts|keep my prompts|logged|stored|saved|recorded|send my prompts away|spy on me|collect data|sent to the cloud|sent somewhere|sent to a server|phone home|leave my machine|stay private|private|kept)"
        "|(does|is) exo (need|use|work in) (the cloud|a cloud)|is (exo|anything|my text) (sent|in) (to |)the (cloud|internet)|privacy|what about (my |)privacy|(is|are) (my privacy|my prompts) (protected|respected|safe|logged|stored)",
    ),
    topic(
        "web_page",
        "Open http://localhost:52415 in a browser to see the status page.",
        "(is there|does exo have|has exo|do you have) (a web page|a dashboard|a web interface|a status page|a graphical interface|a GUI|a page|a user interface|a website|a web UI)( for exo| of the <cluster>|)",
        "<how> (open|see|find|reach|view|get to|visit|use) (the web page|the dashboard|the web interface|the status page|the graphical interface|the GUI|the page in a browser|the web UI|exo in a browser|exo in my browser)",
        "where is the (web page|dashboard|web interface|status page|GUI|web UI|page|user interface)|(can|may) I use (exo in a browser|a browser|exo with a browser|my browser)|(dashboard|web page|status page|web interface|GUI|browser)|what do I see in (the|my) browser",
    ),
    topic(
        "thunderbolt",
        "Yes, join two Macs with a Thunderbolt cable and use the tcp transport.",
        "(can|does|will|could) (exo|it|I|two macs|my macs) (use|support|work with|work over|run over|connect over|be joined by|be connected by|know) (Thunderbolt|a Thunderbolt cable|a thunderbolt cable|thunderbolt|a Thunderbolt bridge)",
        "(is|what about|how about) (Thunderbolt|thunderbolt|a Thunderbolt cable)( supported| possible| useful|)|<how> (use|connect two macs with|connect my macs over|join two macs with|link two macs by) (Thunderbolt|thunderbolt|a Thunderbolt cable|a thunderbolt cable)|(Thunderbolt|thunderbolt)( cable|)",
    ),
    topic(
        "change_port",
        "Use `exo run --api-port PORT` for the API and `--listen HOST:PORT` for peers.",
        "<how> (change|set|choose|pick|use|configure|select|move|specify) (the port|another port|a different port|the API port|the HTTP port|the port number|the peer port|my own port|the listening port|a custom port|the ports)( of exo| of the API| for peers| for the API|)",
        "(can|could|may) (I|exo|it) (change|use|choose|run on|listen on|set) (the port|another port|a different port|port 8000|port 8080|my own port)|(the|my) port is (in use|taken|already in use|busy|occupied)|(port 52415|port 52416) is (in use|taken|already in use|busy)|(which|what) (option|flag) (changes|sets|chooses) the port|changing the port",
    ),
)
