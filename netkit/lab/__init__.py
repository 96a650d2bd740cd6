"""Servers on loopback to try things on: `async with Lab() as lab`, or `with running() as lab` from a test.

from netkit.lab import running

with running() as lab:
    requests.get(lab.environment["NETKIT_LAB_HTTP"] + "/status/503")
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netkit.lab.event import Event as Event
    from netkit.lab.lab import Lab as Lab
    from netkit.lab.thread import running as running

_PUBLIC = {"Lab": "lab", "running": "thread", "Event": "event"}
__all__ = ["Event", "Lab", "running"]


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
