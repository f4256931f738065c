"""What follows from a cluster's secret is the same everywhere, and gives nothing else away."""

from __future__ import annotations

import re

import pytest

from exo_core.errors import UserError
from exo_core.identity.secret import ClusterSecret

HEX = "00" * 31 + "01"


def test_every_node_derives_the_same_certificate_byte_for_byte() -> None:
    first, second = ClusterSecret.from_hex(HEX), ClusterSecret(bytes.fromhex(HEX))
    assert first == second
    assert first.authority.pem == second.authority.pem
    assert first.cluster_id == second.cluster_id


def test_the_derived_values_never_change_between_versions() -> None:
    secret = ClusterSecret.from_hex(HEX)
    assert secret.cluster_id == "cxcfmketdz3losqgfzhvxauyde"
    assert secret.authority.fingerprint.hex() == "a2f9ffe82e4ffea63dc87e25f63dee895c630e2a923bbf4d331c865841c78386"
    assert secret.discovery_key.hex() == "ff3823b41eecf1b9ac8bbc52d05c2c85ed8ea02e6d12b1c6a2fda3c4182f877a"


def test_another_secret_makes_another_cluster() -> None:
    first, second = ClusterSecret.generate(), ClusterSecret.generate()
    assert first != second
    assert first.cluster_id != second.cluster_id
    assert first.authority.fingerprint != second.authority.fingerprint


def test_the_cluster_id_is_26_characters_and_begins_the_authority_name() -> None:
    secret = ClusterSecret.generate()
    assert re.fullmatch(r"[a-z2-7]{26}", secret.cluster_id)
    assert secret.authority.name == f"{secret.cluster_id[:16]}.cluster.exo"


def test_the_secret_is_in_no_repr() -> None:
    secret = ClusterSecret.generate()
    shown = f"{secret!r} {secret} {secret.authority!r}"
    assert secret.reveal().hex() not in shown
    assert str(secret.reveal()) not in shown


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "g" * 64, "0x" + "0" * 62, "é" * 64])
def test_a_secret_that_is_not_64_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="64 hex digits"):
        _ = ClusterSecret.from_hex(text)


def test_white_space_around_a_secret_does_not_matter() -> None:
    assert ClusterSecret.from_hex(f" {HEX}\n") == ClusterSecret.from_hex(HEX.upper())
