"""`python -m exo_core.runner DESCRIPTOR`: a runner, at the other end of whose socket its node is."""

from __future__ import annotations

import sys

from exo_core.runner.child import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
