"""A home whose files are broken is refused with one line that names the file, and is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exo_core.errors import HomeError
from exo_core.node.clusters import current_cluster
from exo_core.node.home import Home

Break = Callable[[Home], Path]


def overwrite(find: Callable[[Home], Path], content: bytes) -> Break:
    def spoil(home: Home) -> Path:
        find(home).write_bytes(content)
        return find(home)

    return spoil


def remove_secret(home: Home) -> Path:
    secret_of(home).unlink()
    return secret_of(home)


def pointer_of(home: Home) -> Path:
    return home.current_file


def secret_of(home: Home) -> Path:
    return next(home.clusters.iterdir()) / "secret"


@pytest.mark.parametrize(
    "spoil",
    [
        overwrite(pointer_of, b""),
        overwrite(pointer_of, b"\xff\x00\xad"),
        overwrite(pointer_of, b"../../../etc\n"),
        overwrite(secret_of, b""),
        overwrite(secret_of, b"zz"),
        overwrite(secret_of, b"ab" * 32),
        remove_secret,
    ],
)
def test_a_broken_pointer_or_secret(tmp_path: Path, spoil: Break) -> None:
    home = Home(tmp_path / "home")
    home.prepare()
    cluster = current_cluster(home, secret_hex=None)
    assert current_cluster(home, secret_hex=None).cluster_id == cluster.cluster_id
    file = spoil(home)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(HomeError) as raised:
        current_cluster(home, secret_hex=None)
    assert str(file) in str(raised.value)
    assert "exo run --join CODE" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert sorted(tmp_path.rglob("*")) == before
