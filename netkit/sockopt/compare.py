"""What two sockets differ in."""

from typing import NamedTuple

from netkit.errors import BadInput
from netkit.events import OnEvent
from netkit.sockopt.option import Option
from netkit.sockopt.read import Snapshot, look
from netkit.sockopt.target import Target, find, parse_target
from netkit.sockopt.values import Value


class Row(NamedTuple):
    """An option and its two values."""

    option: Option
    a: Value
    b: Value


class Difference(NamedTuple):
    """rows: the settings that differ, of the `compared` that both have. only_a, only_b: names of those one has alone.

    partial: "" or why it is a part alone.
    """

    a: Snapshot
    b: Snapshot
    rows: tuple[Row, ...]
    compared: int
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    partial: str


def diff(a: str, b: str, *, on_event: OnEvent | None = None) -> Difference:
    """Compare the settings of two sockets; each target must lead to one. Raises as `read.show`."""
    targets = [parse_target(text) for text in (a, b)]
    first, second = (_one(text, target, on_event) for text, target in zip((a, b), targets, strict=True))
    mine, theirs = ({one.option.name: one for one in side.readings if not one.option.fact} for side in (first, second))
    shared = [name for name in mine if name in theirs]
    rows = [Row(mine[name].option, mine[name].value, theirs[name].value) for name in shared]
    partial = first.partial or second.partial
    return Difference(
        first,
        second,
        tuple(row for row in rows if row.a != row.b),
        len(shared),
        # What one side alone tells is nothing it alone has.
        () if partial else tuple(name for name in mine if name not in theirs),
        () if partial else tuple(name for name in theirs if name not in mine),
        partial,
    )


def _one(text: str, target: Target, on_event: OnEvent | None) -> Snapshot:
    found = find(target)
    if len(found) > 1:
        labels = ", ".join(one.label for one in found[:6])
        raise BadInput(
            f"{text} leads to {len(found)} sockets: {labels}", hint="name one of them", kind="several_sockets"
        )
    return look(found[0], None, on_event=on_event)
