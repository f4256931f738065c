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

# Every figure that the control plane promises, with all runs; about ten minutes on a machine that does nothing else.
reliability *arguments:
    uv run python exo_core/benchmarks/reliability.py {{arguments}}

# More than a hundred streams cross every kind of fault of five real nodes; about five minutes.
prove-reliability:
    uv run pytest -m "" -s tests/reliability/test_many_streams.py

# Minutes of load (EXO_SOAK_MINUTES, default 5) while nodes come and go: what a node holds must level off.
soak:
    uv run pytest -m "" -s tests/reliability/test_soak.py

# What CI runs.
ci:
    .ci/run

# Ten thousand storms over virtual clusters, and a storm for every planted fault.
prove-simulation *arguments:
    uv run python -m exo_core.testing.simulation prove {{arguments}}
    uv run python tests/simulation/find_catching_seeds.py

# How much of the protocol 50 storms in both modes run through, lines and branches; fails below 95 %.
simulation-coverage:
    uv run coverage run --rcfile=tests/simulation/coverage.ini -m exo_core.testing.simulation run 0 50
    uv run coverage report --rcfile=tests/simulation/coverage.ini --fail-under=95

# Other people's clients (litellm, langchain-openai, instructor, pydantic-ai, openai for Node), fetched and run against a
# real node, and two hundred calls of tools; a few minutes.
prove-clients:
    uv run pytest -m "" -s tests/clients

# Ten thousand requests drawn from /openapi.json, others every time: no 5xx, no answer against the document.
prove-api:
    EXO_API_CASES=10500 uv run pytest -s tests/openapi/test_answers.py

# A thousand streams at once, clients that vanish, that break rules and that are slow, on a real node: what was asked and
# what was reached, as a table; two minutes on a machine that does nothing else.
prove-front-door:
    uv run pytest -m "" -s tests/front_door

# Links over WebRTC: the transport's contract, real nodes over it, a browser that asks one (with Chromium), and homes
# behind every kind of NAT (as root, with nftables and coturn); what cannot be run is said.
prove-webrtc:
    #!/usr/bin/env bash
    failed=0
    uv run pytest -m "" -rs tests/transport_webrtc tests/rendezvous tests/web_client tests/chaos \
        tests/network/test_behind_nats.py tests/network/test_browser_behind_nats.py || failed=1
    export EXO_TEST_TRANSPORT=webrtc
    uv run pytest -m "" -rs --timeout 900 tests/reliability/test_faults.py || failed=1
    uv run pytest -m "" -rs --timeout 400 tests/integration/test_split.py tests/integration/test_faults.py \
        tests/integration/test_membership.py tests/integration/test_leaving.py tests/integration/test_adapters.py || failed=1
    exit $failed

# Three models (arithmetic, tiny, random weights) answer 304 random JSON schemas each: what ends by itself fits.
prove-schemas:
    EXO_SCHEMAS=304 uv run pytest -m "" -s tests/integration/test_random_schemas.py
