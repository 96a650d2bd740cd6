"""Tells the other nodes who is here, by heartbeats on core NATS, and gives up those that are silent.

Everybody who notices that a node is silent says in the stream that its clients left, under one id: the first is heard,
and all show it in the same place. A node that reads this of itself stood still for too long, and comes again.
"""

import asyncio
import json
import re
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol

import nats.errors
from nats.aio.msg import Msg

from netkit.chat.bus import Here
from netkit.chat.entry import Entry
from netkit.chat.nats.batch import Foreign, encode, encode_entry, parse
from netkit.chat.nats.broker import Broker
from netkit.chat.nats.nodes import MAX_NODES, Nodes, beats

BEATS = "netkit.chat.beat"
BEAT, SILENT = 5.0, 15.0  # seconds between two heartbeats, and after which a node is gone
TOGETHER = 0.05  # seconds in which several reasons for a heartbeat are one
MAX_LEFT = 500  # clients of a node that is gone whose leaving is told
MAX_LIVES = 5 * MAX_NODES

_NICK = re.compile(r"[A-Za-z][\w-]*", re.ASCII)


class Log(Protocol):
    def __call__(self, event: str, **fields: Any) -> None: ...


class Presence:
    """say: has a message in the stream under an id. free: lets go of a nick whose owner begins so."""

    def __init__(
        self,
        broker: Broker,
        nodes: Nodes,
        node: str,
        boot: str,
        beat: float,
        *,
        log: Log,
        start: Callable[[Coroutine[Any, Any, Any]], object],
        say: Callable[[bytes, str], Coroutine[Any, Any, Any]],
        free: Callable[[str, bytes], Coroutine[Any, Any, Any]],
    ) -> None:
        self.foreign = 0
        self.here: Here
        self._broker, self._nodes, self._node, self._boot, self._beat = broker, nodes, node, boot, beat
        self._log, self._start, self._say, self._free = log, start, say, free
        self._beats = 0
        self._soon = asyncio.Event()
        self._lives: dict[tuple[str, str], int] = {}  # how often a boot was given up

    def save(self) -> list[Any]:
        """How often each was given up, as plain values for another process."""
        return [[*key, times] for key, times in self._lives.items()]

    def resume(self, state: list[Any]) -> None:
        self._lives = {(node, boot): times for node, boot, times in state}

    def soon(self) -> None:
        """A heartbeat is due before its time."""
        self._soon.set()

    async def subscribe(self) -> None:
        await self._broker.subscribe(BEATS, self._heard)

    async def run(self) -> None:
        last = time.monotonic()
        while True:
            self._soon.clear()
            self._beats += 1
            if time.monotonic() - last > 2 * self._beat:  # this node stood still, and what it did not hear waits for it
                self._nodes.since = time.monotonic()
            last = time.monotonic()
            with suppress(nats.errors.Error, OSError):
                if self._broker.up.is_set():
                    for part in beats(self._node, self._boot, self._beats, self.here.present()):
                        await self._broker.client.publish(BEATS, part)
                    self._sweep()
            with suppress(TimeoutError):
                due = self._nodes.due(time.monotonic())
                async with asyncio.timeout(min(self._beat, max(due, self._beat / 5))):
                    await self._soon.wait()
                await asyncio.sleep(min(TOGETHER, self._beat / 5))

    async def goodbye(self) -> None:
        bye = {"node": self._node, "boot": self._boot, "bye": True}
        await self._broker.client.publish(BEATS, json.dumps(bye).encode())
        await self._broker.client.flush()

    def _heard(self, message: Msg) -> None:
        try:
            found = parse(message.data)
            if found.get("bye") is True:
                name, boot = str(found.get("node")), str(found.get("boot"))
                if self._nodes.forget(name, boot):
                    self._log("node", reason="left", name=name)
                return
            heard = self._nodes.hear(found, time.monotonic())
        except Foreign:
            self.foreign += 1
            return
        if heard is not None and heard.new:
            self._soon.set()
            self._log("node", reason="came", name=heard.node)

    def _sweep(self) -> None:
        for name, node in self._nodes.overdue(time.monotonic()):
            left = [
                encode_entry(Entry("leave", room, who, member=member, time=time.time()))
                for member, (who, room) in sorted(node.present.items())[:MAX_LEFT]
            ]
            ident = f"gone-{name}-{node.boot}-{self._lives.get((name, node.boot), 0)}"
            self._start(self._say(encode(name, node.boot, 0, 0, left, gone=True), ident))
            for who, _ in node.present.values():
                if _NICK.fullmatch(who):
                    self._start(self._quietly(self._free(who.casefold(), f"{name}-{node.boot}/".encode())))

    @staticmethod
    async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
        with suppress(nats.errors.Error, OSError):
            await work

    def given_up(self, node: str, boot: str) -> bool:
        """The stream says that it is gone. Whether it was known here."""
        key = (node, boot)
        if key in self._lives or len(self._lives) < MAX_LIVES:
            self._lives[key] = self._lives.get(key, 0) + 1
        if not self._nodes.forget(node, boot):
            return False
        self._log("node", reason="gone", name=node)
        return True

    def is_gone(self, node: str, boot: str) -> bool:
        """Whether it was given up, and not heard of since."""
        known = self._nodes.table.get(node)
        return (node, boot) in self._lives and (known is None or known.boot != boot)
