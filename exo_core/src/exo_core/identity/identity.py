"""What a transport needs to prove who it speaks for, and to judge the other side."""

from __future__ import annotations

from dataclasses import dataclass

from exo_core.identifiers import NodeId


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A certificate, its key, and the authority that both sides of a link must have been certified by.

    `node_id` is the machine's; `role` is `node`, `runner:<runner id>`, `joiner` or `inviter`. The certificate chain is
    one leaf, issued by the authority itself, in which the node vouches for its runner (see `leaf.py`). `authority_pem`
    is the only root to trust, and `authority_name` the server name (SNI) by which a client says which authority it
    means. All certificates and keys are PEM.
    """

    node_id: NodeId
    role: str
    certificate_chain_pem: bytes
    private_key_pem: bytes
    authority_pem: bytes
    authority_name: str

    def __repr__(self) -> str:  # the key must not reach a log
        return f"Identity({self.node_id} {self.role} under {self.authority_name})"
