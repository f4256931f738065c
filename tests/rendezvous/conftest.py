"""A rendezvous in this process."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from exo_core.identity.authority import blank_certificate
from exo_rendezvous.testing.meeting_place import LIMITS, Rendezvous

IMPATIENT = replace(LIMITS, visit_seconds=0.6)


@pytest.fixture
async def rendezvous() -> AsyncIterator[Rendezvous]:
    """An honest one."""
    async with serving(Rendezvous()) as made:
        yield made


@pytest.fixture
async def impatient() -> AsyncIterator[Rendezvous]:
    """One with little time for who takes no seat."""
    async with serving(Rendezvous(limits=IMPATIENT)) as made:
        yield made


@pytest.fixture
async def crowded() -> AsyncIterator[Rendezvous]:
    """One with little room for who takes no seat."""
    async with serving(Rendezvous(limits=replace(LIMITS, visits=4))) as made:
        yield made


@pytest.fixture
async def strict() -> AsyncIterator[Rendezvous]:
    """One that soon has had enough, and for long."""
    async with serving(Rendezvous(limits=replace(LIMITS, messages_per_second=0.001))) as made:
        yield made


@pytest.fixture
async def impatient_over_tls(tmp_path: Path) -> AsyncIterator[Rendezvous]:
    """The same with a certificate."""
    certificate, key = self_signed(tmp_path)
    async with serving(Rendezvous(limits=IMPATIENT, certificate=certificate, key=key)) as made:
        yield made


@asynccontextmanager
async def serving(made: Rendezvous) -> AsyncGenerator[Rendezvous]:
    """While the context is open."""
    await made.start()
    yield made
    await made.stop()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key, in files."""
    key = Ed25519PrivateKey.generate()
    certificate = blank_certificate("x", "x", key.public_key(), 1).sign(key, algorithm=None)
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files
