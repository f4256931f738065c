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

# More than a hundred streams cross every kind of fault of five real nodes; about ten minutes.
prove-reliability:
    uv run pytest -m "" -s tests/reliability/test_many_streams.py

# What CI runs.
ci:
    .ci/run
