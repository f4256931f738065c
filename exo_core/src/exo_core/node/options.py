"""What a node is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from exo_core.gateway.gateway import MOST_REQUESTS
from exo_core.gateway.local_heads import MOST_WAITING
from exo_core.identity.enrolment_messages import Consistency
from exo_core.node_handle import HttpOptions

DEFAULT_NODE_PORT = 52416


@dataclass(frozen=True, kw_only=True)
class NodeOptions:
    """One field per option of `exo run`, checked and converted.

    `private`: a node for one conversation, with a temporary identity and log, and neither cluster, HTTP nor discovery;
    `models_folder` then still is the usual one. `consistency` is what a cluster that it founds keeps, and what it asks
    of one that it joins; None: whatever that keeps. `max_memory` is the most, in bytes, that models may take; None:
    what is measured. `max_requests` of its clients are taken in at once, `max_queue` wait at one head of this node.
    What a request has placed is unloaded once nobody has asked it anything for `idle_unload_s`; 0: it stays.
    `exact`: nothing of its clients' requests is rounded between machines, however thin their links.
    `drain_s`: how long, in seconds, requests may run on after the first signal.
    """

    home: Path
    name: str
    transports: tuple[str, ...] = ("tcp",)
    backends: tuple[str, ...] = ()
    listen: str = f":{DEFAULT_NODE_PORT}"
    data_ports: str = "0"
    peers: tuple[str, ...] = ()
    join_code: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    worker: bool = True
    discovery: bool = True
    consistency: Consistency | None = None
    http: HttpOptions = field(default_factory=HttpOptions)
    models: tuple[str, ...] = ()
    offline: bool = False
    max_memory: int | None = None
    max_requests: int = MOST_REQUESTS
    max_queue: int = MOST_WAITING
    idle_unload_s: int = 0
    exact: bool = False
    drain_s: float = 0.0
    models_folder: Path | None = None
    without: tuple[str, ...] = ()
    private: bool = False
