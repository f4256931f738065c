"""The guide for plugin authors says what is true: every hook, every block of code, every name."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import exo_http.hookspecs
import exo_rendezvous.hookspecs
from exo_core import hookspecs

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "plugins" / "README.md").read_text(encoding="utf-8")
SOURCE = re.compile(r"<!-- from (tests/third_party/\S+) -->")
CONTRACTS = (
    "exo_core.transports",
    "exo_core.backends",
    "exo_core.sources",
    "exo_core.node_handle",
    "exo_core.event_logs",
    "exo_core.messaging",
    "exo_core.clock",
    "exo_engine.stage",
    "exo_engine.text",
)


def declared_hooks() -> Iterator[str]:
    """Every hook as its specification has it: name, arguments and answer."""
    for module in (hookspecs, exo_http.hookspecs, exo_rendezvous.hookspecs):
        for node in ast.parse(inspect.getsource(module)).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("exo_"):
                assert node.returns is not None
                yield f"{node.name}({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"


def blocks() -> list[tuple[str, str]]:
    """Where each block of Python and TOML comes from ("" for one that does not say), and its code."""
    found: list[tuple[str, str]] = []
    for block in re.finditer(r"(?P<before>[^\n]*)\n```(?:python|toml)\n(?P<code>.*?)\n```", GUIDE, re.DOTALL):
        source = SOURCE.fullmatch(block["before"])
        found.append((source[1] if source else "", block["code"]))
    return found


@pytest.mark.parametrize("signature", list(declared_hooks()))
def test_every_hook_is_there_with_its_exact_signature(signature: str) -> None:
    assert f"`{signature}`" in GUIDE


def test_no_hook_is_there_that_does_not_exist() -> None:
    names = {signature.partition("(")[0] for signature in declared_hooks()}
    mentioned = set(
        re.findall(
            r"\bexo_(?:add|register|node|election|place|reject|event|state|observe|http_[er]|rendezvous_r)\w*",
            GUIDE,
        )
    )
    assert mentioned - names == set()


@pytest.mark.parametrize(("source", "code"), blocks(), ids=[source for source, _ in blocks()])
def test_every_block_of_code_stands_in_a_file_that_is_tested(source: str, code: str) -> None:
    assert source, f"this block does not say where it comes from:\n{code}"
    text = (ROOT / source).read_text(encoding="utf-8")
    assert any(textwrap.indent(code, indent) in text for indent in ("", "    ")), f"{source} has no such lines"


def test_the_first_plugin_is_shown_whole() -> None:
    shown = [code for source, code in blocks() if source.startswith("tests/third_party/hello/")]
    files = [ROOT / "tests/third_party/hello" / name for name in ("exo_hello.py", "pyproject.toml")]
    assert shown == [file.read_text(encoding="utf-8").rstrip() for file in files]


def test_every_name_of_ours_can_be_imported() -> None:
    names = set(re.findall(r"`((?:exo_core|exo_engine|exo_http)(?:\.\w+)+)", GUIDE))
    assert len(names) > 15
    for name in sorted(names):
        imported(name)


def imported(dotted: str) -> object:
    """The module, or what of a module is meant."""
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        module, _, attribute = dotted.rpartition(".")
        return getattr(imported(module), attribute)


def test_every_link_leads_to_a_file() -> None:
    targets = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", GUIDE)}
    assert [target for target in targets if target and not (ROOT / "plugins" / target).exists()] == []


def test_every_link_within_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.+)$", GUIDE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", GUIDE)) - headings == set()


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_method_of_a_contract_says_what_it_promises(name: str) -> None:
    module = importlib.import_module(name)
    protocols = [
        item
        for item in vars(module).values()
        if inspect.isclass(item) and item.__module__ == name and getattr(item, "_is_protocol", False)
    ]
    assert protocols
    silent = [
        f"{protocol.__name__}.{method}"
        for protocol in protocols
        for method, item in vars(protocol).items()
        if not method.startswith("_") and (inspect.isfunction(item) or isinstance(item, property))
        if not inspect.getdoc(item)
    ]
    assert silent == []
    assert all(inspect.getdoc(protocol) for protocol in protocols)
