"""The messages of the stream: what a node said in one turn, as JSON, and back; whatever somebody else put there.

{"node": NAME, "boot": HEX, "number": N, "first": M, "entries": [[kind, room, name, text, end, member, time], ...]}
number counts the node's batches since it started, first its entries: both from 1 and without a hole, so that a reader
can tell what it has twice and how much it misses. "gone": true says that others have given the node up; such a batch
has no number, and what it says is that the node's clients left.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast, get_args

from netkit.chat.entry import Entry, Kind
from netkit.chat.limits import ROOM
from netkit.chat.text import safe
from netkit.errors import BadInput

MAX_ENTRIES = 1000  # of a batch; less than PLACES
MAX_BYTES = 256 * 1024  # of a batch that is made here; the broker's own limit is 1 MB unless it says otherwise
MAX_MESSAGE = 8 * 1024 * 1024  # bytes of one that is read
PLACES = 1024  # seqs of a message of the stream
NAME = 128  # characters of HOST:PORT or a nick

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", re.ASCII)
_BOOT = re.compile(r"[0-9a-f]{1,16}", re.ASCII)
_ROOM = re.compile(rf"[A-Za-z0-9_][\w-]{{0,{ROOM - 1}}}", re.ASCII)
_KINDS = frozenset(get_args(Kind))
_ENDS = {"\n": b"\n", "\r\n": b"\r\n"}


class Foreign(ValueError):
    """It is nothing that a node says."""


class Batch(NamedTuple):
    node: str
    boot: str
    number: int
    first: int
    entries: tuple[Entry, ...]
    gone: bool = False


def check_node(name: str) -> str:
    """The name of a node, which is a part of subjects. Raises BadInput."""
    if not _NODE.fullmatch(name):
        raise BadInput(f"--node {name}: it is 1 to 32 letters, digits, _ or -, and begins with no sign")
    return name


def encode_entry(entry: Entry) -> bytes:
    text, end = entry.text.decode(), entry.end.decode()
    return json.dumps(
        [entry.kind, entry.room, entry.name, text, end, entry.member, round(entry.time, 3)],
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def encode(node: str, boot: str, number: int, first: int, entries: Sequence[bytes], *, gone: bool = False) -> bytes:
    """entries: as `encode_entry` made them."""
    head = json.dumps({"node": node, "boot": boot, "number": number, "first": first, "gone": gone})
    return b'%b, "entries": [%b]}' % (head[:-1].encode(), b",".join(entries))


def parse(data: bytes) -> dict[str, Any]:
    """A JSON object. Raises Foreign."""
    if len(data) > MAX_MESSAGE:
        raise Foreign(f"{len(data)} bytes")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise Foreign("no JSON") from exc
    if not isinstance(found, dict):
        raise Foreign("no object")
    return found


def decode(data: bytes, seq: int) -> Batch:
    """seq: of the message in the stream. Raises Foreign."""
    found = parse(data)
    node, boot = origin(found)
    entries = found.get("entries")
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise Foreign("no list of entries")
    made = tuple(_entry(each, node, seq * PLACES + place) for place, each in enumerate(entries))
    return Batch(node, boot, whole(found.get("number")), whole(found.get("first")), made, found.get("gone") is True)


def origin(found: dict[str, Any]) -> tuple[str, str]:
    """The node and its boot. Raises Foreign."""
    node, boot = found.get("node"), found.get("boot")
    if not isinstance(node, str) or not _NODE.fullmatch(node) or not isinstance(boot, str) or not _BOOT.fullmatch(boot):
        raise Foreign("no node")
    return node, boot


def whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise Foreign("no number")
    return value


def good_room(value: object) -> str:
    if not isinstance(value, str) or not _ROOM.fullmatch(value):
        raise Foreign("no room")
    return value


def clean(value: object, limit: int = MAX_MESSAGE) -> str:
    """A text as terminals may see it. Raises Foreign."""
    if not isinstance(value, str) or len(value) > limit:
        raise Foreign("no text")
    try:
        return safe(value.encode()).decode()
    except UnicodeEncodeError as exc:
        raise Foreign("half a character") from exc


def _entry(found: object, node: str, seq: int) -> Entry:
    if not isinstance(found, list) or len(found) != 7:
        raise Foreign("no entry")
    kind, room, name, text, end, member, time = found
    if str(kind) not in _KINDS or str(end) not in _ENDS:  # it may be a list, which a set cannot be asked for
        raise Foreign("no entry")
    if type(time) not in (int, float) or not 0 <= time < 1e11:
        raise Foreign("no time")
    return Entry(
        cast("Kind", kind), good_room(room), clean(name, NAME), clean(text).encode(), _ENDS[str(end)], whole(member),
        node, float(time), seq,
    )  # fmt: skip
