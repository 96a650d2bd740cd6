"""What a page says first, read with care: whatever has another form is as if it were not there."""

from typing import Any, NamedTuple

from netkit.chat.commands import MAX_HISTORY

MOST = 2**53  # beyond it JavaScript's integers are not exact
MAX_TEXT = 200  # characters of a password, a name, ...
MAX_IGNORES = 100


class Hello(NamedTuple):
    """session, room, epoch, seq: where the page was; nick: what it was called. last: lines that a newcomer wants."""

    password: str
    session: str
    nick: str
    room: str
    epoch: str
    seq: int
    last: int
    ignores: tuple[str, ...]


def hello_of(value: dict[str, Any]) -> Hello:
    """What it says, as far as it has the right form."""

    def text(name: str) -> str:
        found = value.get(name)
        return found[:MAX_TEXT] if isinstance(found, str) else ""

    ignores = value.get("ignores")
    names = [one[:100] for one in ignores if isinstance(one, str)] if isinstance(ignores, list) else []
    return Hello(
        text("password"), text("session"), text("nick"), text("room"), text("epoch"),
        number(value.get("seq")) or 0, min(number(value.get("last")) or 0, MAX_HISTORY), tuple(names[:MAX_IGNORES]),
    )  # fmt: skip


def number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST else None
