# `uv run just NAME`; `just --list` shows them all.

# Every test that is not slow.
test *arguments:
    uv run pytest {{arguments}}

# Every test.
test-all:
    uv run pytest -m ""

# Everything a commit must pass but the tests.
lint:
    uv run ruff check
    uv run ruff format --check
    uv run basedpyright

# Mend what can be mended by a machine.
fix:
    uv run ruff check --fix
    uv run ruff format

# What CI runs.
ci:
    .ci/run
