"""Every option of `exo run` can be given on the command line and as EXO_<OPTION>, and means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import click
import pytest
from click.testing import CliRunner

from exo_core.cli import exo
from exo_core.cli.run import RunWords, command
from exo_core.cli.run_options import node_options, refuse_what_is_not_there
from exo_core.errors import NotThereYet, UserError, WrongUsage

OPTIONS = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
VALUES: dict[str, str] = {
    "consistency": "majority",
    "log_format": "json",
    "api_port": "1234",
    "drain": "5.0",
    "max_requests": "5",
    "max_queue": "5",
    "verbose": "2",
    "home": "some-home",
    "api_key_file": "some-file",
}


def words_of(arguments: list[str], environment: dict[str, str]) -> RunWords:
    """What the command's callback would get."""
    seen: list[RunWords] = []

    def remember(**words: object) -> None:
        seen.append(cast("RunWords", cast("object", words)))  # click gives what the parameters say

    probe = click.Command("run", params=command.params, callback=remember)
    probe.context_settings = command.context_settings
    result = CliRunner().invoke(probe, arguments, env=environment)
    assert result.exit_code == 0, result.output
    return seen[0]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: cast("click.Option", option).opts[-1])
def test_each_option_reads_from_the_environment_as_from_the_command_line(option: click.Option) -> None:
    name = option.name
    assert name is not None
    flag = max(option.opts, key=len)
    value = VALUES.get(name, "word")
    if option.count:
        by_argument = [flag] * int(value)
    else:
        by_argument = [flag] if option.is_flag else [flag, value]
    variable = "EXO_" + flag.removeprefix("--").replace("-", "_").upper()
    by_environment = {variable: "1" if option.is_flag and not option.count else value}
    default, argued = named(words_of([], {})), named(words_of(by_argument, {}))
    set_outside = named(words_of([], by_environment))
    assert argued[name] == set_outside[name]
    assert argued[name] != default[name]


def named(words: RunWords) -> Mapping[str, object]:
    """The same words, to be read by names that are not known before."""
    return words


def words(change: Callable[[RunWords], None] = lambda _: None) -> RunWords:
    """Defaults, changed."""
    found = words_of([], {})
    change(found)
    return found


def test_the_key_is_read_from_a_file(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("secret-key\n")
    options = node_options(words_of(["--api-key-file", str(key_file)], {}))
    assert options.http.api_key == "secret-key"
    assert "secret-key" not in repr(options)


@pytest.mark.parametrize("content", [None, ""])
def test_a_missing_or_empty_key_file_is_an_error(tmp_path: Path, content: str | None) -> None:
    key_file = tmp_path / "key"
    if content is not None:
        key_file.write_text(content)
    with pytest.raises(UserError, match="key"):
        node_options(words_of(["--api-key-file", str(key_file)], {}))


def test_what_is_not_there_yet_says_so() -> None:
    with pytest.raises(NotThereYet, match="--allow-plaintext-tensor is not there yet"):
        refuse_what_is_not_there(words_of(["--allow-plaintext-tensor"], {}))
    refuse_what_is_not_there(words())


def test_how_long_what_is_idle_stays() -> None:
    assert node_options(words_of([], {})).idle_unload_s == 0
    assert node_options(words_of(["--idle-unload", "10m"], {})).idle_unload_s == 600
    with pytest.raises(WrongUsage, match="--idle-unload soon: write a time like"):
        node_options(words_of(["--idle-unload", "soon"], {}))


def test_exact_is_asked_for_by_name() -> None:
    assert not node_options(words_of([], {})).exact
    assert node_options(words_of(["--exact"], {})).exact


def test_how_long_it_drains() -> None:
    assert node_options(words_of([], {})).drain_s == 0
    assert node_options(words_of(["--drain", "2.5"], {})).drain_s == 2.5
    for wrong in ("-1", "nan", "inf", "1e9"):
        with pytest.raises(WrongUsage, match="--drain"):
            node_options(words_of(["--drain", wrong], {}))


@pytest.mark.parametrize("word", ["x", "9-1", "0", "1-", "-1", "5000-70000", "1-2-3", ""])
def test_data_ports_that_cannot_be_meant_are_an_error(word: str) -> None:
    with pytest.raises(UserError, match="--data-ports"):
        node_options(words_of([f"--data-ports={word}"], {}))


@pytest.mark.parametrize("word", ["5000", "5000-5100", "7-7"])
def test_data_ports(word: str) -> None:
    assert node_options(words_of(["--data-ports", word], {})).data_ports == word


@pytest.mark.parametrize("word", ["99999", ":99999", ":", "", ":-5", ":5-4", ":1-70000", ":0-9", ":x", "::1"])
def test_where_nobody_can_listen_is_wrong_usage(word: str) -> None:
    with pytest.raises(WrongUsage, match="--listen"):
        node_options(words_of([f"--listen={word}"], {}))


@pytest.mark.parametrize("word", [":0", ":52416", "*:7", "[::1]:52416", "machine.local:5000-5100", "memory:0"])
def test_where_to_listen(word: str) -> None:
    assert node_options(words_of([f"--listen={word}"], {})).listen == word


def test_consistency_is_nobodys_unless_it_is_asked_for() -> None:
    assert node_options(words_of([], {})).consistency is None
    assert node_options(words_of([], {"EXO_CONSISTENCY": "majority"})).consistency == "majority"


@pytest.mark.parametrize("arguments", [["--listen", ":99999"], ["--data-ports", "9-1"], ["--api-port", "70000"]])
def test_wrong_usage_ends_with_status_2_and_says_what_to_type(arguments: list[str]) -> None:
    result = CliRunner().invoke(exo, ["run", *arguments])
    assert result.exit_code == 2, result.output
    assert arguments[0] in result.stderr


@pytest.mark.parametrize("name", ["x" * 65, "two\nlines", "\x1b[31mred"])
def test_a_name_that_no_table_could_show_is_an_error(name: str) -> None:
    with pytest.raises(UserError, match="--name"):
        node_options(words_of(["--name", name], {}))
