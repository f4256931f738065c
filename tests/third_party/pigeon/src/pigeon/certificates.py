"""TLS 1.3 contexts in which both sides prove who they are under the identity's authority, and only that one."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable
from typing import final

from exo_core.transports import Identity


def client_context(identity: Identity) -> ssl.SSLContext:
    """For flying to somebody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # `peer_of` judges the certificate; its name is nobody's host
    return _filled(context, identity)


def server_context(identity: Identity) -> ssl.SSLContext:
    """For being visited."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.num_tickets = 0  # a resumed session would not prove anything again
    return _filled(context, identity)


def _filled(context: ssl.SSLContext, identity: Identity) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=identity.authority_pem.decode())
    with tempfile.NamedTemporaryFile() as file:  # readable by us alone; `ssl` takes keys from files only
        file.write(identity.certificate_chain_pem + identity.private_key_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@final
class Doorkeeper:
    """Answers each visitor under the authority that it asks for (SNI): ours, or that of a live join code."""

    def __init__(self, identity: Identity, identity_named: Callable[[str], Identity | None]) -> None:
        self._own = identity
        self._identity_named = identity_named
        self.context = server_context(identity)
        self.context.sni_callback = self._choose
        self._identities = {self.context: identity}

    def identity_in(self, context: ssl.SSLContext) -> Identity:
        """Who we were in a handshake that ended in this context."""
        return self._identities[context]

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name == self._own.authority_name:
            return None
        identity = self._identity_named(name or "")
        if identity is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        known = {item: context for context, item in self._identities.items()}
        tls.context = known.get(identity) or server_context(identity)
        self._identities[tls.context] = identity
        return None
