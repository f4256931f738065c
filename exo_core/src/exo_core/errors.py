"""Every exception that exo raises on purpose.

ExoError
├── UserError               printed as one line, without a traceback; exit status 1
│   ├── WrongUsage          a word on the command line that cannot be meant; exit status 2
│   ├── PluginError         a plugin or component is missing, doubled or broken
│   ├── HomeError           the home folder is in use, unreadable or another's
│   ├── JoinError           a join code is wrong, used or expired
│   ├── ModelError          a model is unknown, broken, or does not fit
│   │   └── LastingModelError   and asking again changes nothing
│   └── NotThereYet         asked for something this version does not do
├── TransportError
│   ├── ConnectError        nobody answered, or the answer was not for us
│   ├── AuthenticationError the other side is not who it must be
│   └── LinkClosed          a link died; it never comes back
├── WireError               bytes that no honest peer sends
├── CallFailed              the other node could not answer a question
├── LogError                the event log cannot do what was asked
│   ├── LogConflict         the log moved on since the caller looked
│   ├── LogCorrupt          a row fails its check
│   └── LogFull             the disk takes no more; nothing was written
├── NoMaster                no master could be reached in time
└── RequestRefused          an engine or the gateway refuses a request (status, code, message)
"""

from __future__ import annotations

from typing import final


class ExoError(Exception):
    """Base of all of exo's errors."""


class UserError(ExoError):
    """The message says what happened and what to type next; no traceback is shown."""


class WrongUsage(UserError):
    """A word on the command line cannot be meant: exit status 2."""


class PluginError(UserError):
    """A plugin or a named component is missing, provided twice, or failed to import."""


class HomeError(UserError):
    """The home folder cannot be used."""


class JoinError(UserError):
    """A join code is malformed, expired, used, or nobody answers at its addresses."""


class ModelError(UserError):
    """A model is unknown, its files are broken, or it does not fit."""


class LastingModelError(ModelError):
    """Asking again changes nothing: a person has to do what the message says (free disk space, a token, a licence)."""


class NotThereYet(UserError):
    """A documented feature that this version does not have."""


class TransportError(ExoError):
    """Base of what transports and links raise."""


class ConnectError(TransportError):
    """No link could be made in time."""


class AuthenticationError(ConnectError):
    """The other side did not prove what it must."""


@final
class LinkClosed(TransportError):
    """The link died. It died once and for all; make a new one."""


class WireError(ExoError):
    """Received bytes break the wire format; the link that brought them is closed."""


@final
class CallFailed(ExoError):
    """The other node was reached and could not answer; it said why."""


class LogError(ExoError):
    """The event log cannot do what was asked."""


@final
class LogConflict(LogError):
    """The log's length differs from what the caller expected; nothing was written."""


@final
class LogCorrupt(LogError):
    """A row fails its checksum or its chain."""


@final
class LogFull(LogError):
    """The disk takes no more (full, or read-only); nothing was written, what was there can be read."""


@final
class NoMaster(ExoError):
    """No master was heard in time; the command may be repeated."""


@final
class RequestRefused(ExoError):
    """A request that is refused before anything was generated.

    `status` is the HTTP status it maps to, `code` a stable word such as `model_not_found`.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
