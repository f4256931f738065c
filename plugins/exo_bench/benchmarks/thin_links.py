"""Two stages linked by tcp and by webrtc, their hidden states exact and rounded: how fast is one stream?

    uv run python plugins/exo_bench/benchmarks/thin_links.py [--model tiny|134m] [--links tcp,webrtc] [--states int8]

Each combination is started, asked a few times and ended. `chosen` leaves the codec to what the stages measure; what
they say of it is printed. On loopback tcp is no thin link; to make one (Linux, as root):

    unshare -n sh -c 'ip link set lo mtu 1500 up; tc qdisc add dev lo root tbf rate 10mbit burst 64kb latency 400ms;
        python plugins/exo_bench/benchmarks/thin_links.py'
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext

from alternation import options
from cores import threads
from exo_sides import rendezvous, two_stages
from one_prompt import DECODE, PREFILL, PromptRun

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.ratios import spread

WORDS = {"tiny": 100, "134m": 500}
TOKENS = {"tiny": 200, "134m": 32}


def combinations(links: str, states: str) -> Iterator[tuple[str, str]]:
    """Every transport with every codec."""
    for link in links.split(","):
        for state in states.split(","):
            yield link, state


def meeting_place(link: str) -> AbstractContextManager[Mapping[str, str]]:
    """What nodes need besides, to meet over such a link."""
    return rendezvous() if link == "webrtc" else nullcontext(dict[str, str]())


def measure(name: str, model: str, link: str, states: str, runs: int) -> None:
    """One line: what two stages of the model do over such a link."""
    fixed = {} if states == "chosen" else {"EXO_ACTIVATION_CODEC": states}
    with meeting_place(link) as meeting:
        environment = {**threads(1), **fixed, **meeting}
        with two_stages(model, environment, "--transport", link, pinned=False) as split:
            run = PromptRun(split.server, split.model, WORDS[name], TOKENS[name])
            figures = [run(number) for number in range(runs + 1)][1:]
            prefill, decode = (spread([each[figure] for each in figures]) for figure in (PREFILL, DECODE))
            print(f"{name:5} {link:6} {states:8} {PREFILL} {prefill} · {DECODE} {decode} · {split.remark}", flush=True)


def main() -> None:
    """Everything that was asked for."""
    parser = options(__doc__, tokens=0, alternations=3)
    parser.add_argument("--model", choices=sorted(WORDS), action="append", help="default: both")
    parser.add_argument("--links", default="tcp,webrtc")
    parser.add_argument("--states", default="exact,float16,int8,chosen")
    chosen = parser.parse_args()
    for name in chosen.model or WORDS:
        model = "tiny" if name == "tiny" else str(llama_134m(chosen.folder))
        for link, states in combinations(chosen.links, chosen.states):
            measure(name, model, link, states, chosen.alternations)


if __name__ == "__main__":
    main()
