"""`sockopt get --short`: the values alone, a line each, as `set` takes them."""

from collections.abc import Iterator

from netkit.sockopt.read import Snapshot
from netkit.sockopt.values import text


def plain(shown: Snapshot) -> Iterator[str]:
    for one in shown.readings:
        if not one.reason:
            yield text(one.value)
