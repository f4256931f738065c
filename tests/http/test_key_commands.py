"""`exo key` against a node's real control socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from exo_core.cli import exo
from exo_core.control_socket.operations import LocalOperations
from exo_core.control_socket.server import serving
from exo_core.node.home import Home
from exo_http.key_ring import KeyRing
from exo_http.operation import Scope
from exo_http.testing.scripted_node import ScriptedNode


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A node's."""
    return tmp_path


async def typed(home: Path, *words: str) -> Result:
    """What the command says."""
    return await asyncio.to_thread(CliRunner().invoke, exo, ["key", *words, "--home", str(home)])


def scopes(ring: KeyRing, secret: str) -> frozenset[Scope] | None:
    """What a secret grants now."""
    grant = ring.grant_of([b"", secret.encode()])
    return None if grant is None else grant.scopes


async def test_a_key_is_made_shown_once_listed_and_revoked(home: Path) -> None:
    node = ScriptedNode()
    ring = KeyRing(node, is_reachable=False)
    async with serving(Home(home).socket, LocalOperations(node)):
        assert "No keys" in (await typed(home, "list")).output
        limits = ("--max-requests", "4", "--tokens-per-minute", "9000")
        made = await typed(home, "create", "--name", "laptop", "--scope", "infer", *limits)
        secret = made.stdout.split()[-1]
        assert scopes(ring, secret) == {"infer"}
        admin = (await typed(home, "create", "--scope", "admin")).stdout.split()[-1]
        assert scopes(ring, admin) == {"infer", "admin"}
        listed = await typed(home, "list", "--json")
        documents = json.loads(listed.stdout)
        assert sorted(document["name"] for document in documents) == ["", "laptop"]
        assert all(document.keys() == {"id", "name", "scopes", "created", "limits"} for document in documents)
        shown = (await typed(home, "list")).output
        assert "laptop  (4 requests at once, 9000 tokens a minute)" in shown
        assert secret not in shown
        nobody = await typed(home, "revoke", "")
        assert (nobody.exit_code, "an id or a name" in nobody.output) == (2, True)
        assert scopes(ring, admin) is not None, "the key without a name is another"
        revoked = await typed(home, "revoke", "laptop")
        assert (revoked.exit_code, "No key is left" in revoked.output) == (0, False)
        assert scopes(ring, secret) is None
        again = await typed(home, "revoke", "laptop")
        assert (again.exit_code, "exo key list" in again.output) == (1, True)
        (last,) = json.loads((await typed(home, "list", "--json")).stdout)
        assert "No key is left" in (await typed(home, "revoke", last["id"])).output
        assert not ring.is_needed


async def test_wrong_words(home: Path) -> None:
    assert (await typed(home, "create", "--scope", "root")).exit_code == 2
    assert (await typed(home, "create", "--max-requests", "0")).exit_code == 2
    missing = await typed(home, "create")
    assert missing.exit_code == 1
    assert "no node runs" in missing.output


def test_help_says_what_keys_are() -> None:
    shown = CliRunner().invoke(exo, ["key", "--help"]).output
    assert "They hold on every node" in shown
    assert "revoke" in shown
