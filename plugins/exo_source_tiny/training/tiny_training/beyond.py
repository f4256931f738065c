"""What does the model say to what it never learned: other sums, and everything else?"""

from __future__ import annotations

from random import Random

from tiny_training.topic import Topic, topic

OTHER_SUM_ANSWER = "I can only add and subtract whole numbers from 0 to 99."

UNKNOWN = topic(
    "unknown",
    "I am a very small model: I can do small sums, greet you and answer questions about exo.",
    "(what is|what's|tell me|do you know) the (capital|population|president|flag|language|king|area|currency|history|national dish|best city|longest river|highest mountain) of"
    " (France|Spain|Germany|Italy|Japan|China|India|Brazil|Canada|Kenya|Peru|Norway|Egypt|Poland|Greece|Chile|Mexico|Turkey|Iran|Cuba|the USA|England)",
    "(write|compose|give me|make|tell me|create|invent|make up) (a|an|one|another|a short|a long|me a) (poem|story|song|essay|letter|joke|riddle|novel|haiku|speech|fairy tale|recipe|list|email|limerick|script|program|function|fable)"
    "( about| on| for| of|) (cats|dogs|love|the sea|summer|a dragon|winter|my mother|the moon|rain|school|a birthday|trees|a robot|spring|sorting numbers|bread|old age|Berlin|friendship|)",
    "(translate|say|spell|pronounce|write) (hello|good morning|this|the word house|cat|I love you|water|that sentence|my name|bread|tree) (in|into|to) (French|German|Spanish|Latin|Chinese|Italian|Russian|Greek|Arabic|Swedish)",
    "(who|when|where) (won|wrote|invented|discovered|painted|was|built|is|became|played|directed) (the world cup|Hamlet|the telephone|America|the Mona Lisa|Napoleon|the Eiffel tower|Einstein|the light bulb|Mozart|Titanic|Newton|Shakespeare|the wheel|penicillin|the Beatles|Cleopatra|Mars)",
    "(what is|what's|how is|tell me) the (weather|time|date|news|temperature|stock price|score|day|forecast|traffic)( today| tomorrow| now| in London| in Paris| in New York| outside| right now|)",
    "(why|how) (is|are|do|does|did) (the sky|the sea|birds|fish|cats|a car|the sun|planes|people|dinosaurs|the moon|a clock|rainbows|bees|volcanoes|grass|snow|a television|magnets|stars) (blue|fly|swim|work|hot|die|laugh|shine|made|born|green|move|sleep|so big|yellow|sing|white|cold|sad|old)",
    "how (do|can|should) I (cook|bake|make|grow|draw|paint|sell|wash|build|learn|play|repair|eat|buy|clean|drive|write) (pasta|bread|a cake|tomatoes|a cat|my car|a house|the piano|chess|a bicycle|sushi|pizza|my shoes|French|soup|football|a song|tea|a boat|the guitar)",
    "(do you (like|know|prefer|want|play|have|love) |what do you think about |what is your favourite |let us talk about |I (love|hate|like|want|need|bought|saw|ate) |tell me about |what is |what are |explain |who is )"
    "(music|football|cats|dogs|coffee|philosophy|quantum physics|politics|love|the universe|food|colours|films|a film|books|a book|history|biology|the stock market|art|a potato|gravity|a black hole|photosynthesis|Bitcoin|democracy|the meaning of life|an apple|a tiger|wine|dinosaurs|Rome|cheese|a poem|a train)",
    "(should I|can I|when should I|is it good to|is it wrong to|how often should I) (buy a house|eat meat|drink coffee|marry|learn the piano|go to Spain|sleep all day|sell my car|run every day|wear a hat|get a dog|study law|take an umbrella|drive fast|water my plants|call my mother)",
    "(the (cat|sun|old man|ship|green hill|teacher|king|bird) (sat|shines|went|sailed|jumped|sings|slept|fell) (on the mat|today|to town|away|over the fence|in the garden|quickly|again))",
    "(was ist das|wie geht es dir|bonjour, comment allez-vous|hola, que tal|ciao, come stai|wie spät ist es|je ne sais pas|dov'è la stazione|donde esta la playa|guten tag|merci beaucoup|¿cómo te llamas?|これは何ですか|你好|привет|où est la gare|здравствуйте|שלום|مرحبا|안녕하세요|🙂|😀👍|…|?|!|...)",
)

_OTHER_SUM_FORMS = topic(
    "other_sum",
    OTHER_SUM_ANSWER,
    "(what is|what's|how much is|compute|calculate|work out|tell me|) (BIG (+|-|plus|minus) NUMBER|NUMBER (+|-|plus|minus) BIG|BIG (+|-|plus|minus) BIG|NUMBER (*|x|times|multiplied by|/|divided by|÷|×|to the power of|^|%|mod) NUMBER"
    "|NUMBER (+|plus) NUMBER (+|plus|-|minus) NUMBER|BIG (*|times|/) NUMBER|NUMBER.NUMBER (+|-|plus) NUMBER|the square root of NUMBER|NUMBER squared|half of NUMBER|twice NUMBER|the double of NUMBER|the square of NUMBER|NUMBER percent of BIG|add BIG and NUMBER|subtract NUMBER from BIG)",
)
TOPICS: tuple[Topic, ...] = (UNKNOWN, _OTHER_SUM_FORMS)


def draw_unknown(rng: Random) -> tuple[str, str]:
    """A prompt (before noise) beyond what the model learned, and the answer that says so."""
    if rng.random() < 0.6:
        return UNKNOWN.draw_prompt(rng), UNKNOWN.answer
    if rng.random() < 0.2:
        return _gibberish(rng), UNKNOWN.answer
    return _fill_numbers(_OTHER_SUM_FORMS.draw_prompt(rng), rng), OTHER_SUM_ANSWER


def _fill_numbers(prompt: str, rng: Random) -> str:
    while "BIG" in prompt:
        prompt = prompt.replace("BIG", str(rng.choice((rng.randrange(100, 1000), rng.randrange(1000, 100000)))), 1)
    while "NUMBER" in prompt:
        prompt = prompt.replace("NUMBER", str(rng.randrange(100)), 1)
    return prompt


def _gibberish(rng: Random) -> str:
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ("".join(rng.choice(letters) for _ in range(rng.randrange(2, 9))) for _ in range(rng.randrange(1, 5)))
    return " ".join(words)
