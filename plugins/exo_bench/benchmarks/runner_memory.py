"""What does a runner hold in memory beyond weights and caches, idle and while many answer?

    uv run python plugins/exo_bench/benchmarks/runner_memory.py [--model tiny|134m] [--streams 8]

Resident memory of the runner's process less the weights less the keys and values of all streams at once, which the
model's card says per token. mlx-lm's caches grow by 256 tokens at a time, which is counted in. Asked: at most
150 MB idle, 300 MB under load.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
from alternation import options
from cores import threads
from exo_sides import Placed, one_stage

from exo_backend_mlx.testing.benchmark_models import llama_134m
from exo_bench.chat_server import TimedAnswer
from exo_bench.prompts import chat_request, random_words
from exo_bench.streams import ask_together
from exo_core.cli.documents import as_list, as_number, as_object, objects
from exo_core.frozen import JsonObject
from exo_source_tiny.embedded_model import EMBEDDED_FOLDER

IDLE_MB, LOAD_MB = 150, 300
CACHE_STEP = 256
LOOK_S = 0.02
SETTLE_S = 3.0


@contextmanager
def watched(pid: int) -> Generator[list[int]]:
    """The resident bytes of a process, looked at all the time."""
    seen: list[int] = []
    done = threading.Event()
    process = psutil.Process(pid)

    def look() -> None:
        while not done.wait(LOOK_S):
            seen.append(process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def card_of(placed: Placed) -> JsonObject:
    """What exo knows of the model's sizes."""
    models = placed.server.get("/models")
    return next(as_object(item.get("card")) for item in objects(models) if item.get("id") == placed.model)


def weights(folder: Path) -> int:
    """Bytes; float32 lies in the file as it does in memory."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors"))


def key_values(card: JsonObject, answers: list[TimedAnswer]) -> float:
    """Bytes of the caches of all of them at once."""
    per_token = sum(map(as_number, as_list(card.get("kv_bytes_per_token"))))
    lengths = [answer.prompt_tokens + answer.completion_tokens for answer in answers]
    return per_token * sum(-(-length // CACHE_STEP) * CACHE_STEP for length in lengths)


def say(what: str, resident: float, less: float, asked: int) -> None:
    """One line."""
    beyond = (resident - less) / 1e6
    said = f"(asked: at most {asked}) · {'met' if beyond <= asked else 'NOT MET'}"
    print(f"{what}: resident {resident / 1e6:.0f} MB, beyond weights and caches {beyond:.0f} MB {said}", flush=True)


def main() -> None:
    """Start, wait, load, print."""
    parser = options(__doc__, tokens=32)
    parser.add_argument("--model", choices=("tiny", "134m"), default="134m")
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--words", type=int, default=400, help="of each prompt")
    chosen = parser.parse_args()
    files = EMBEDDED_FOLDER if chosen.model == "tiny" else llama_134m(chosen.folder)
    with one_stage("tiny" if chosen.model == "tiny" else files, threads(chosen.threads)) as placed:
        (pid,) = placed.runner_pids
        time.sleep(SETTLE_S)
        say("idle", psutil.Process(pid).memory_info().rss, weights(files), IDLE_MB)
        drawing = random.Random(0)
        texts = [random_words(drawing, chosen.words) for _ in range(chosen.streams)]
        with watched(pid) as seen:
            answers = ask_together(placed.server, [chat_request(placed.model, text, chosen.tokens) for text in texts])
        say(f"{chosen.streams} streams", max(seen), weights(files) + key_values(card_of(placed), answers), LOAD_MB)
        time.sleep(SETTLE_S)
        print(f"afterwards: resident {psutil.Process(pid).memory_info().rss / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
