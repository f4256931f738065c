"""`python -m exo_core`: the command line where no `exo` script is installed."""

from __future__ import annotations

from exo_core.cli import main

if __name__ == "__main__":
    main()
