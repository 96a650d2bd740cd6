"""A Loop that carries asyncio on it, for servers that need a library of asyncio's.

Asyncio is given this loop as its selector: there is one wait for both, one thread, and no lock. The other two ways
were thought of: asyncio in a thread of its own takes the interpreter from a fan-out at each of its sends, which let go
of it (a thread that is busy gives it back after 5 ms, so 1,000 sends take seconds); asyncio that waits for `fileno`
waits twice. What does not need asyncio takes the plain Loop and pays nothing.
"""

import asyncio
import selectors
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from netkit.net.loop import GONE, READ, WRITE, Loop


class AsyncioLoop(Loop):
    """asyncio: the event loop on top. What it calls happens between two turns: `soon` gets from there into one."""

    def __init__(self) -> None:
        super().__init__()
        self.asyncio = asyncio.SelectorEventLoop(LoopSelector(self))

    def run(self) -> None:
        self._stopped = False
        self.asyncio.run_forever()

    def stop(self) -> None:
        super().stop()
        if self.asyncio.is_running():  # else it would end the next run
            self.asyncio.stop()

    def close(self) -> None:
        """Cancels what still runs on asyncio."""
        if not self.asyncio.is_closed():
            with suppress(RuntimeError):  # stopped once more by an impatient user
                self.asyncio.run_until_complete(_end())
            self.asyncio.close()
        super().close()


async def _end() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


class LoopSelector(selectors.BaseSelector):
    """What asyncio waits with: a turn of the loop."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._keys: dict[int, selectors.SelectorKey] = {}
        self._ready: list[tuple[selectors.SelectorKey, int]] = []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if fd in self._keys:
            raise KeyError(f"{fileobj!r} is registered already")
        self._loop.add(fd, self._noter(fd), _events(events))
        return self._keys.setdefault(fd, selectors.SelectorKey(fileobj, fd, events, data))

    def _noter(self, fd: int) -> Callable[[int], None]:
        def note(ready: int) -> None:
            key = self._keys.get(fd)
            if key is not None:
                gone = key.events if ready & GONE else 0
                mask = (selectors.EVENT_READ if ready & READ else 0) | (selectors.EVENT_WRITE if ready & WRITE else 0)
                self._ready.append((key, (mask | gone) & key.events))

        return note

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())
        self._loop.remove(key.fd)
        return key

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        fd = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        if events != self._keys[fd].events:
            self._loop.change(fd, _events(events))
        key = self._keys[fd] = selectors.SelectorKey(fileobj, fd, events, data)
        return key

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._loop.turn(None if timeout is None else max(0.0, timeout))
        ready, self._ready = self._ready, []
        return ready

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys

    def close(self) -> None:
        for key in list(self._keys.values()):
            self.unregister(key.fd)


def _events(mask: int) -> int:
    return (READ if mask & selectors.EVENT_READ else 0) | (WRITE if mask & selectors.EVENT_WRITE else 0)
