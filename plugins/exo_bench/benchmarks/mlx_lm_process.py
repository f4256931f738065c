"""What runs in a process of mlx-lm's own.

python mlx_lm_process.py generate FOLDER       a JSON request a line on stdin, a JSON answer a line on stdout
python mlx_lm_process.py serve ARGUMENTS       mlx_lm.server with these arguments
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import mlx_lm_facade


def main() -> None:
    """As the first word says."""
    what, *arguments = sys.argv[1:]
    if what == "serve":
        mlx_lm_facade.serve(arguments)
    else:
        answer_lines(Path(arguments[0]))


def answer_lines(folder: Path) -> None:
    """`{"text", "tokens"}` to `{"prompt_tokens", "arrivals"}`, until stdin ends."""
    model = mlx_lm_facade.LoadedModel(folder)
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        made = model.generate(asked["text"], asked["tokens"])
        print(json.dumps({"prompt_tokens": made.prompt_tokens, "arrivals": list(made.arrivals)}), flush=True)


if __name__ == "__main__":
    main()
