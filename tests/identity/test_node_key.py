"""A machine's key survives restarts, is private, and names the node."""

from __future__ import annotations

import base64
import hashlib
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exo_core.errors import HomeError
from exo_core.identity.node_key import NodeKey


def test_the_node_id_is_the_hash_of_the_public_key() -> None:
    key = NodeKey.generate()
    digest = hashlib.sha256(key.public.public_bytes_raw()).digest()
    assert key.node_id == base64.b32encode(digest).decode().lower()[:26]


def test_a_stored_key_is_the_same_node_again(tmp_path: Path) -> None:
    path = tmp_path / "identity" / "node.pem"
    first = NodeKey.load_or_create(path)
    assert NodeKey.load_or_create(path).node_id == first.node_id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["node.pem"]


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "node.pem"
    first = NodeKey.load_or_create(path)
    with pytest.raises(FileExistsError):
        NodeKey.generate().store(path)
    assert NodeKey.load(path).node_id == first.node_id


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node.pem"
    _ = path.write_bytes(content)
    with pytest.raises(HomeError, match=r"node\.pem"):
        _ = NodeKey.load_or_create(path)
    assert path.read_bytes() == content


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "node.pem"
    other = generate_private_key(SECP256R1())
    _ = path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(HomeError, match="Ed25519"):
        _ = NodeKey.load(path)


def test_the_key_is_in_no_repr() -> None:
    key = NodeKey.generate()
    assert repr(key) == f"NodeKey({key.node_id})"
