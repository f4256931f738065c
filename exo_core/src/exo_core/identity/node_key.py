"""This machine's own key: what makes it the same node across restarts, whichever cluster it is in."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from pathlib import Path
from typing import final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from exo_core.errors import HomeError
from exo_core.identifiers import NodeId
from exo_core.whole_files import write_private

NODE_ID_LENGTH = 26


def node_id_of(public_key: Ed25519PublicKey) -> NodeId:
    """base32(SHA-256(the 32 bytes of the public key))[:26], lower case: 130 bits."""
    digest = hashlib.sha256(public_key.public_bytes_raw()).digest()
    return NodeId(base64.b32encode(digest).decode()[:NODE_ID_LENGTH].lower())


@final
class NodeKey:
    """An Ed25519 key and the node id that follows from it."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self.public = private.public_key()
        self.node_id = node_id_of(self.public)

    @classmethod
    def generate(cls) -> NodeKey:
        """A new machine's key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> NodeKey:
        """Read the key from a PEM file. Raises `HomeError` when it is unreadable or no Ed25519 key."""
        try:
            content = path.read_bytes()
        except OSError as problem:
            message = f"cannot read this machine's key {path}: {problem.strerror}"
            raise HomeError(message) from problem
        try:
            key = load_pem_private_key(content, password=None)
        except (ValueError, TypeError) as problem:
            message = f"{path} holds no key that can be read. Restore the file, or remove it to be a new node"
            raise HomeError(message) from problem
        if not isinstance(key, Ed25519PrivateKey):
            message = f"{path} holds no Ed25519 key. Restore the file, or remove it to be a new node"
            raise HomeError(message)
        return cls(key)

    @classmethod
    def load_or_create(cls, path: Path) -> NodeKey:
        """The key in that file, which is made (mode 0600) when there is none. Raises `HomeError`."""
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # somebody else was faster: theirs is the key
                cls.generate().store(path)
        return cls.load(path)

    def store(self, path: Path) -> None:
        """Write a new file, whole or not at all. Raises `FileExistsError`, or `HomeError` when it cannot be written."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(beside, self.pem)
            os.link(beside, path)  # unlike a rename it never replaces a key that is there
        except FileExistsError:
            raise
        except OSError as problem:
            message = f"cannot write this machine's key {path}: {problem.strerror}. Choose another folder with --home"
            raise HomeError(message) from problem
        finally:
            beside.unlink(missing_ok=True)

    @property
    def pem(self) -> bytes:
        """The private key, PKCS#8 PEM."""
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def __repr__(self) -> str:  # the key must not reach a log
        return f"NodeKey({self.node_id})"
