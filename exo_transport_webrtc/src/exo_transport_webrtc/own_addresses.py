"""Is an address still one of this machine's?"""

from __future__ import annotations

import socket


def is_ours(host: str) -> bool:
    """Whether a packet could still leave from there: asked of the system, which costs some microseconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True
