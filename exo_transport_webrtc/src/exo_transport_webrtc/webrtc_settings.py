"""What a person may set for this transport: EXO_WEBRTC_STUN, _TURN, _TURN_USER, _TURN_PASSWORD, _RENDEZVOUS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from exo_core.errors import UserError

DEFAULT_PORT = 3478
DEFAULT_TLS_PORT = 5349
_SERVER = re.compile(
    r"(?P<scheme>stun|turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,253})(?::(?P<port>[0-9]{1,5}))?"
    r"(?:\?transport=(?P<transport>udp|tcp))?"
)
_RENDEZVOUS = re.compile(r"(?:wss?|https?)://[A-Za-z0-9._:\[\]-]{1,200}(?:/[A-Za-z0-9._~/-]{0,100})?")


@dataclass(frozen=True)
class StunServer:
    """Who tells us how we look from outside."""

    host: str
    port: int


@dataclass(frozen=True)
class TurnServer:
    """Who passes packets on when two NATs let nothing else through. `transport` is how we reach it."""

    host: str
    port: int
    transport: Literal["udp", "tcp"]
    tls: bool
    user: str | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class WebrtcSettings:
    """None of these is set by default: no machine of others is asked unless a person names it."""

    stun: StunServer | None = None
    turn: TurnServer | None = None
    rendezvous: str | None = None


def parse_settings(settings: Mapping[str, str]) -> WebrtcSettings:
    """From the environment's EXO_WEBRTC_<KEY>. Raises `UserError` that says how to write it."""
    return WebrtcSettings(
        stun=_stun(settings.get("stun", "")),
        turn=_turn(settings.get("turn", ""), settings.get("turn_user"), settings.get("turn_password")),
        rendezvous=parse_rendezvous(settings["rendezvous"]) if settings.get("rendezvous") else None,
    )


def parse_rendezvous(text: str) -> str:
    """The address of a rendezvous as `ws://…` or `wss://…`, without a slash at its end. Raises `UserError`."""
    if not _RENDEZVOUS.fullmatch(text):
        message = f"{text!r} is no address of a rendezvous: write https://HOST:PORT"
        raise UserError(message)
    scheme, _, rest = text.partition("://")
    return f"{scheme.replace('http', 'ws')}://{rest.rstrip('/')}"


def _stun(text: str) -> StunServer | None:
    if not text:
        return None
    found = _SERVER.fullmatch(text)
    if found is None or found["scheme"] != "stun" or found["transport"]:
        message = f"EXO_WEBRTC_STUN={text}: write stun:HOST:PORT"
        raise UserError(message)
    return StunServer(found["host"].strip("[]"), int(found["port"] or DEFAULT_PORT))


def _turn(text: str, user: str | None, password: str | None) -> TurnServer | None:
    if not text:
        return None
    found = _SERVER.fullmatch(text)
    tls = found is not None and found["scheme"] == "turns"
    transport = (found["transport"] if found else None) or ("tcp" if tls else "udp")
    if found is None or found["scheme"] == "stun" or (tls and transport == "udp"):
        message = f"EXO_WEBRTC_TURN={text}: write turn:HOST:PORT, turn:HOST:PORT?transport=tcp or turns:HOST:PORT"
        raise UserError(message)
    port = int(found["port"] or (DEFAULT_TLS_PORT if tls else DEFAULT_PORT))
    return TurnServer(found["host"].strip("[]"), port, "tcp" if transport == "tcp" else "udp", tls, user, password)
