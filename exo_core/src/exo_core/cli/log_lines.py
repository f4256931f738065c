"""An entry of the event log in a line for people; `exo log --json` has all of it."""

from __future__ import annotations

from collections.abc import Iterator

from exo_core.cli.documents import as_list, as_number, as_object, as_text, objects
from exo_core.cli.tables import plain
from exo_core.frozen import JsonObject, JsonValue

LONGEST_WORD = 60
SHORT_ID = 8


def line_of(document: JsonValue) -> str:
    """Index, term, what happened, to what; or what is to be said between two entries."""
    entry = as_object(document)
    if "snapshot" in entry:
        return f"entries 1-{as_number(as_object(entry['snapshot']).get('index')):.0f} are summed up in a snapshot"
    if "rollback" in entry:
        kept = as_number(as_object(entry["rollback"]).get("to"))
        return f"rolled back to {kept:.0f}: what follows takes the place of the entries after it"
    event = as_object(entry.get("event"))
    kind = as_text(event.get("type")) or "(an event of a newer version)"
    term = as_number(as_object(entry.get("epoch")).get("term"))
    words = " ".join(f"{name}={word}" for name, word in dict(_words(event)).items())
    index, one_line = as_number(entry.get("index")), plain(words.replace("\n", " "))
    return f"{index:>6.0f}  term {term:.0f}  {kind:<19}  {one_line}".rstrip()


def _words(event: JsonObject) -> Iterator[tuple[str, str]]:
    """Names and short values. Of what is nested: its ids, and the layers of shards."""
    for name, value in event.items():
        if name in ("type", "boot") or value is None:
            continue
        if isinstance(value, dict):
            yield from ((key, _short(key, word)) for key, word in value.items() if _is_id(key, word))
            if as_list(value.get("shards")):
                yield "layers", ",".join(map(_shard, objects(value.get("shards"))))
        else:
            yield name, _short(name, value)


def _is_id(key: str, word: JsonValue) -> bool:
    return key.endswith("_id") and word is not None


def _shard(shard: JsonObject) -> str:
    first, last = as_number(shard.get("start_layer")), as_number(shard.get("end_layer")) - 1
    return f"{first:.0f}-{last:.0f}@{as_text(shard.get('node_id'))[:SHORT_ID]}"


def _short(name: str, value: JsonValue) -> str:
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    if name == "node_id":
        return text[:SHORT_ID]
    return text if len(text) <= LONGEST_WORD else f"{text[: LONGEST_WORD - 1]}…"
