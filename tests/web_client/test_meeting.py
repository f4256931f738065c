"""Browsers meet nodes at a rendezvous: who has a key gets in as its client, and nobody else is heard or harms."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

import exo_http.plugin
import exo_web_client.plugin
from exo_core.errors import ConnectError, LinkClosed
from exo_core.frozen import JsonObject
from exo_core.node_handle import HttpOptions
from exo_core.plugins.manager import Plugins
from exo_core.transports import Link
from exo_http.key_limits import UNLIMITED, KeyLimits
from exo_http.keys import NewKey
from exo_http.operation import Scope
from exo_http.testing.cluster_keys import keep_key, make_key, revoke_key
from exo_http.testing.scripted_node import ScriptedNode
from exo_http.testing.scripts import endless
from exo_http.testing.serving import serving_at
from exo_rendezvous.testing.meeting_place import PATIENCE_SECONDS, Rendezvous, until
from exo_web_client import channel, meeting
from exo_web_client.channel import REQUESTS_AT_ONCE
from exo_web_client.envelopes import Answer, Call, Offer, Said, write
from exo_web_client.testing.stand_in import StandIn, answer, request

CHAT: JsonObject = {"model": "m", "messages": [{"role": "user", "content": "the secret prompt"}], "stream": True}


async def one_more(node: ScriptedNode, rendezvous: Rendezvous, *scopes: Scope, limits: KeyLimits = UNLIMITED) -> NewKey:
    """One more key, for whose browsers the node waits."""
    seats = rendezvous.rooms.seats
    made = await make_key(node, *(scopes or ("infer",)), limits=limits)
    await rendezvous.until_seated(seats + 1)
    return made


@asynccontextmanager
async def come(rendezvous: Rendezvous, key: NewKey) -> AsyncGenerator[Link]:
    """A browser with that key, at the node."""
    async with (
        StandIn(rendezvous.url, key.secret).sitting() as browser,
        asyncio.timeout(PATIENCE_SECONDS),
        browser.link() as link,
    ):
        yield link


async def asked(link: Link, number: int, said: bytes) -> tuple[int, str]:
    """Status and body of an answer that is complete."""
    await link.send(said)
    status, text, problem = await answer(link, number)
    assert problem == ""
    return status, text


def code(text: str) -> str:
    """Of an error."""
    return str(json.loads(text)["error"]["code"])


async def test_a_browser_asks_models_and_nothing_else_whatever_its_key_may(
    node: ScriptedNode, rendezvous: Rendezvous
) -> None:
    admin = await one_more(node, rendezvous, "admin")
    async with come(rendezvous, admin) as link:
        status, text = await asked(link, 1, request(1, "/v1/chat/completions", admin.secret, CHAT))
        assert status == 200
        assert "Hel" in text
        assert text.endswith("data: [DONE]\n\n")
        assert (await asked(link, 2, request(2, "/v1/models", admin.secret)))[0] == 200
        assert code((await asked(link, 3, request(3, "/v1/models", "exo-other")))[1]) == "invalid_api_key"
        assert code((await asked(link, 4, request(4, "/nowhere", admin.secret)))[1]) == "not_found"
        assert code((await asked(link, 5, request(5, "/v1/chat/completions", admin.secret, {})))[1]) != ""
    assert node.state.members == {}


async def test_limits_of_a_key_hold_for_a_browser_even_on_the_nodes_machine(
    node: ScriptedNode, rendezvous: Rendezvous
) -> None:
    key = await one_more(node, rendezvous, limits=KeyLimits(requests_per_minute=1))
    async with come(rendezvous, key) as link:
        assert (await asked(link, 1, request(1, "/v1/chat/completions", key.secret, CHAT)))[0] == 200
        status, text = await asked(link, 2, request(2, "/v1/chat/completions", key.secret, CHAT))
        assert (status, code(text)) == (429, "rate_limit_exceeded")


async def test_what_nobody_waits_for_is_cancelled(node: ScriptedNode, rendezvous: Rendezvous, key: NewKey) -> None:
    async with come(rendezvous, key) as link:
        for number in (1, 2):
            await link.send(request(number, "/v1/chat/completions", key.secret, {**CHAT, "model": "endless"}))
        await until(lambda: len(node.open_requests) == 2)
        await link.send(b'{"kind": "cancel", "number": 1}')
        await link.send(b'{"kind": "cancel", "number": 7}')
        await until(lambda: len(node.open_requests) == 1)
    await until(lambda: not node.open_requests)


async def test_a_page_asks_few_things_at_once(node: ScriptedNode, rendezvous: Rendezvous, key: NewKey) -> None:
    async with come(rendezvous, key) as link:
        for number in range(REQUESTS_AT_ONCE):
            await link.send(request(number, "/v1/chat/completions", key.secret, {**CHAT, "model": "endless"}))
        status, text = await asked(link, 99, request(99, "/v1/models", key.secret))
        assert (status, code(text)) == (429, "too_many_requests")


async def test_a_page_asks_few_things_a_minute(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert node.state.extensions
    monkeypatch.setattr(channel, "MESSAGES_PER_MINUTE", 3)
    async with come(rendezvous, key) as link:
        answers = [await asked(link, number, request(number, "/v1/models", key.secret)) for number in range(4)]
    assert [status for status, _ in answers] == [200, 200, 200, 429]


async def test_who_does_not_read_is_sent_away(
    node: ScriptedNode,
    rendezvous: Rendezvous,
    key: NewKey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(channel, "UNREAD_SECONDS", 0.3)
    node.add_script("much", endless("word " * 4000))
    async with come(rendezvous, key) as link:
        await link.send(request(1, "/v1/chat/completions", key.secret, {**CHAT, "model": "much"}))
        await until(lambda: bool(node.open_requests))
        await until(lambda: not node.open_requests)
    assert "it read nothing for" in caplog.text


BAD_MESSAGES: dict[str, Callable[[str], bytes]] = {
    "no JSON": lambda _: b"hello",
    "unknown": lambda key: request(1, "/", key, more=1),
    "a number in use": lambda key: request(0, "/v1/models", key),
    "no path": lambda key: request(1, "v1/models", key),
    "a header that is two": lambda key: request(1, "/v1/models", key, headers={"x": "1\r\nhost: evil"}),
    "too large": lambda _: bytes(6 * 2**20),
}


@pytest.mark.parametrize("name", BAD_MESSAGES)
async def test_who_breaks_the_rules_of_the_channel_is_sent_away(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    async with come(rendezvous, key) as link:
        await link.send(request(0, "/v1/chat/completions", key.secret, {**CHAT, "model": "endless"}))
        await until(lambda: bool(node.open_requests))
        with pytest.raises(LinkClosed):
            await asked(link, 99, BAD_MESSAGES[name](key.secret))
    await until(lambda: not node.open_requests)
    assert "failed" not in caplog.text
    assert key.secret not in caplog.text
    assert "secret prompt" not in caplog.text
    async with come(rendezvous, key) as link:
        assert (await asked(link, 1, request(1, "/v1/models", key.secret)))[0] == 200


async def test_a_revoked_key_ends_its_browsers_and_opens_no_room(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey
) -> None:
    revoked = await one_more(node, rendezvous)
    async with come(rendezvous, revoked) as link, come(rendezvous, key) as stays:
        await revoke_key(node, revoked)
        with pytest.raises(LinkClosed):
            _ = await link.receive()
        assert (await asked(stays, 1, request(1, "/v1/models", key.secret)))[0] == 200
    await rendezvous.until_seated(1)
    assert await unanswered(rendezvous, revoked.secret)


async def unanswered(rendezvous: Rendezvous, secret: str) -> bool:
    """Whether nobody answers a call with that key."""
    async with StandIn(rendezvous.url, secret).sitting() as browser:
        try:
            async with asyncio.timeout(0.3):
                await browser.call()
        except TimeoutError:
            return True
    return False


async def test_who_has_no_key_of_the_cluster_is_not_answered(node: ScriptedNode, rendezvous: Rendezvous) -> None:
    assert node.state.extensions
    assert await unanswered(rendezvous, "exo-wrong")
    assert await unanswered(rendezvous, "")


async def test_the_rendezvous_learns_nothing(node: ScriptedNode, rendezvous: Rendezvous, key: NewKey) -> None:
    async with come(rendezvous, key) as link:
        await asked(link, 1, request(1, "/v1/chat/completions", key.secret, CHAT))
    everything = b"".join(rendezvous.heard)
    digest = hashlib.sha256(key.secret.encode())
    assert everything
    for told in (
        key.secret.encode(),
        digest.digest(),
        digest.hexdigest().encode(),
        node.node_id.encode(),
        b"candidates",
    ):
        assert told not in everything


async def test_more_browsers_than_there_are_places_are_not_answered_until_one_goes(
    node: ScriptedNode,
    rendezvous: Rendezvous,
    key: NewKey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = await one_more(node, rendezvous)
    monkeypatch.setattr(meeting, "MOST_BROWSERS", 1)
    bounded = await one_more(node, rendezvous)
    async with come(rendezvous, bounded):
        assert await unanswered(rendezvous, bounded.secret)
        assert "too many are here" in caplog.text
        async with come(rendezvous, other) as link:
            assert (await asked(link, 1, request(1, "/v1/models", other.secret)))[0] == 200
    async with come(rendezvous, bounded) as link:
        assert (await asked(link, 1, request(1, "/v1/models", bounded.secret)))[0] == 200
    assert key.secret not in caplog.text


LIES: dict[str, tuple[Callable[[bytes], list[bytes]], str]] = {
    "drops": (lambda _: [], ""),
    "changes": (lambda said: [said[:-1] + bytes((said[-1] ^ 1,))], "was not sealed in this room"),
    "cuts": (lambda said: [said[:20]], "was not sealed in this room"),
    "invents": (lambda _: [bytes(200)], "was not sealed in this room"),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_rendezvous_that_lies_prevents_a_path_and_nothing_else(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, caplog: pytest.LogCaptureFixture, lie: str
) -> None:
    rendezvous.spoil, complaint = LIES[lie]
    async with StandIn(rendezvous.url, key.secret).sitting() as browser:
        calling = asyncio.ensure_future(browser.call())
        await until(lambda: bool(rendezvous.heard) and complaint in caplog.text)
        assert not calling.done()
        calling.cancel()
    rendezvous.spoil = lambda said: [said]
    async with come(rendezvous, key) as link:
        assert (await asked(link, 1, request(1, "/v1/models", key.secret)))[0] == 200


async def test_what_is_said_again_makes_no_second_path(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, caplog: pytest.LogCaptureFixture
) -> None:
    rendezvous.spoil = lambda said: [said, said]
    async with StandIn(rendezvous.url, key.secret).sitting() as browser, browser.link():
        offers = [said for said in browser.heard if isinstance(said, Offer)]
        assert len({offer.offer for offer in offers}) == 1
    assert "a call that was heard before" in caplog.text


def with_fingerprint(said: Said) -> list[bytes]:
    """The answer promises another certificate than the one that is shown."""
    if isinstance(said, Answer):
        said = said.model_copy(update={"path": said.path.model_copy(update={"fingerprint": "ab" * 32})})
    return [write(said)]


async def test_another_certificate_than_promised_gets_no_link(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with StandIn(rendezvous.url, key.secret, with_fingerprint).sitting() as browser:
        reaching = asyncio.ensure_future(reach(browser))
        await until(lambda: "another certificate than the one whose fingerprint" in caplog.text)
        reaching.cancel()
        await asyncio.wait([reaching])
        assert reaching.cancelled() or isinstance(reaching.exception(), ConnectError)


async def reach(browser: StandIn) -> None:
    """Have a link for a moment."""
    async with browser.link():
        pass


BAD_ENVELOPES: dict[str, bytes] = {
    "no JSON": b"hello",
    "no kind": b"{}",
    "another number": b'{"kind": "call", "call": "12"}',
    "a name for an address": json.dumps(
        {
            "kind": "answer",
            "call": "0" * 32,
            "offer": "0" * 32,
            "path": {
                "fingerprint": "0" * 64,
                "username": "abcd",
                "password": "a" * 22,
                "candidates": [
                    {"kind": "host", "address": "evil.example", "port": 1, "priority": 1, "foundation": "1"},
                ],
            },
        }
    ).encode(),
    "an answer that nobody asked for": json.dumps(
        {
            "kind": "answer",
            "call": "0" * 32,
            "offer": "0" * 32,
            "path": {"fingerprint": "0" * 64, "username": "abcd", "password": "a" * 22, "candidates": []},
        }
    ).encode(),
    "large": b'"' + bytes(16 * 1024 - 1) + b'"',
}


@pytest.mark.parametrize("name", BAD_ENVELOPES)
async def test_who_has_a_key_and_talks_nonsense_in_its_room_is_refused(
    node: ScriptedNode, rendezvous: Rendezvous, key: NewKey, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level("INFO")
    async with StandIn(rendezvous.url, key.secret, lambda _: [BAD_ENVELOPES[name]]).sitting() as browser:
        browser.say(Call(call="0" * 32))
        complaint = "message too big" if name == "large" else "refused what a browser said"
        await until(lambda: complaint in caplog.text)
    await rendezvous.until_seated(1)
    assert "evil" not in caplog.text
    async with come(rendezvous, key) as link:
        assert (await asked(link, 1, request(1, "/v1/models", key.secret)))[0] == 200


async def test_without_a_rendezvous_nobody_waits(
    monkeypatch: pytest.MonkeyPatch, rendezvous: Rendezvous, key: NewKey
) -> None:
    monkeypatch.delenv("EXO_WEBRTC_RENDEZVOUS", raising=False)
    built_in = {"http": exo_http.plugin, "web_client": exo_web_client.plugin}
    node = ScriptedNode(http=HttpOptions(port=0), plugins=Plugins(built_in=built_in, points=()))
    await keep_key(node, key)
    async with serving_at(node):
        await asyncio.sleep(0.2)
        assert rendezvous.rooms.seats == 0
