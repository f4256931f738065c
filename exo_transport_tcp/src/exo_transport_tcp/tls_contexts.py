"""Contexts for `ssl`: mutual TLS 1.3 under exactly one authority, and which identity a server answers with."""

from __future__ import annotations

import logging
import secrets
import ssl
import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import final

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from exo_core.errors import AuthenticationError
from exo_core.transports import Identity

logger = logging.getLogger(__name__)

MAXIMUM_NAMED = 128
"""How many identities besides its own a server keeps contexts for."""


@lru_cache(maxsize=16)
def client_context(identity: Identity) -> ssl.SSLContext:
    """For connecting as `identity` to somebody under the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # names are not what we trust: the leaf's own proof is, see exo_core.identity.leaf
    return _filled(context, identity)


def server_context(identity: Identity) -> ssl.SSLContext:
    """For answering as `identity` to somebody under the same authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a resumed session would skip the proof, and tickets cost two messages
    return _filled(context, identity)


def _filled(context: ssl.SSLContext, identity: Identity) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity.authority_pem.decode())
    _load_chain(context, identity)
    return context


def _load_chain(context: ssl.SSLContext, identity: Identity) -> None:
    """`ssl` reads keys from files only, so the key goes there encrypted, under a password that nobody else ever has."""
    password = secrets.token_hex(16).encode()
    key = load_pem_private_key(identity.private_key_pem, password=None)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password))
    with tempfile.TemporaryDirectory(prefix="exo-") as folder:  # made with mode 0700
        path = Path(folder) / "identity.pem"
        _ = path.write_bytes(identity.certificate_chain_pem + encrypted)
        context.load_cert_chain(path, password=password)


@final
class ServerContexts:
    """Answers each client under the authority it asks for by SNI: our own, or a live join code's; else not at all."""

    def __init__(self, identity: Identity, identity_named: Callable[[str], Identity | None]) -> None:
        self._identity = identity
        self._identity_named = identity_named
        self._contexts = {identity: server_context(identity)}
        self.first = self._contexts[identity]
        self.first.sni_callback = self._choose

    def identity_of(self, context: ssl.SSLContext) -> Identity:
        """The identity that a handshake used. Raises `AuthenticationError` when it was withdrawn meanwhile."""
        for identity, known in self._contexts.items():
            if known is context:
                return identity
        message = "the join code that was asked for is not known any more"
        raise AuthenticationError(message)

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """Called by `ssl` within the handshake; an alert's number refuses the client."""
        if name == self._identity.authority_name:
            return None
        try:
            identity = self._identity_named(name) if name else None
            if identity is None:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            tls.context = self._context_of(identity)
        except Exception:  # an exception here would vanish in `ssl`
            logger.exception("no identity for the authority %r", name)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    def _context_of(self, identity: Identity) -> ssl.SSLContext:
        if identity not in self._contexts:
            if len(self._contexts) > MAXIMUM_NAMED:
                del self._contexts[next(known for known in self._contexts if known != self._identity)]
            self._contexts[identity] = server_context(identity)
        return self._contexts[identity]
