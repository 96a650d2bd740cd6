"""What one node asks another to do: private messages, what moderators do, and whether it is there.

While another process takes this node over, what comes is held by both: the old one hands on what it got, and the new
one does each once, whichever way it came.
"""

import json
import secrets
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Protocol, get_args

import nats.errors
from nats.aio.msg import Msg

from netkit.chat.bus import Here
from netkit.chat.direct import Act, Direct
from netkit.chat.nats.batch import NAME, Foreign, clean, parse
from netkit.chat.nats.broker import Broker
from netkit.errors import BadInput

ALL = "netkit.chat.all"
ANSWER = 2.0  # seconds for another node's answer
THERE = 1.0  # seconds for its answer to whether it is there
MAX_TEXT = 64 * 1024  # characters of a private message
MAX_OPEN = 1000  # questions that are open
MAX_HELD = 1000  # of others, while the node is taken over

PING = b'{"act": "ping"}'
_ACTS = frozenset(get_args(Act))


class Soon(Protocol):
    def __call__(self, call: Callable[[], None], /) -> None: ...


class Asks:
    """soon: has something called in the node's loop. start: has a coroutine run."""

    def __init__(
        self,
        broker: Broker,
        node: str,
        boot: str,
        soon: Soon,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.foreign = 0
        self.here: Here
        self._broker, self._node, self._boot = broker, node, boot
        self._soon, self._start = soon, start
        self._open = 0
        self._holding = False
        self._held: list[tuple[dict[str, Any], Msg]] = []
        self._done: dict[str, None] = {}  # the last that were done here, by what tells them apart

    @property
    def asking(self) -> bool:
        """Whether somebody waits for an answer of another node."""
        return self._open > 0

    async def refuse_twins(self) -> None:
        """Raises BadInput where there is a node of that name."""
        with suppress(nats.errors.NoRespondersError, nats.errors.TimeoutError):
            await self._broker.client.request(f"netkit.chat.node.{self._node}", PING, timeout=THERE)
            raise BadInput(f"--node {self._node}: a node of that name is there already", hint="take another name")

    async def subscribe(self) -> None:
        await self._broker.subscribe(ALL, self._told)
        for subject in (self._node, f"{self._node}.{self._boot}"):
            await self._broker.subscribe(f"netkit.chat.node.{subject}", self._asked)

    async def there(self, node: str, boot: str) -> bool:
        """Whether such a node is connected to the broker."""
        try:
            await self._broker.client.request(f"netkit.chat.node.{node}.{boot}", PING, timeout=THERE)
        except nats.errors.NoRespondersError:
            return False
        except nats.errors.TimeoutError:
            return True  # it stands still
        return True

    def ask(self, node: str, direct: Direct, done: Callable[[str | None], None]) -> None:
        """Have it done on another node."""
        if self._open >= MAX_OPEN:
            done(f"{node} does not answer")
            return
        self._open += 1
        self._start(self._ask(node, direct, done))

    async def _ask(self, node: str, direct: Direct, done: Callable[[str | None], None]) -> None:
        answer: str | None = f"{node} does not answer"
        try:
            with suppress(nats.errors.Error, OSError, Foreign):
                if self._broker.up.is_set():
                    data = json.dumps(direct._asdict()).encode()
                    message = await self._broker.client.request(f"netkit.chat.node.{node}", data, timeout=ANSWER)
                    said = parse(message.data).get("answer")
                    answer = None if said is None else clean(said, MAX_TEXT + 1000)
        finally:
            self._open -= 1
        self._soon(lambda: done(answer))

    def broadcast(self, direct: Direct) -> None:
        if self._broker.up.is_set():
            self._send(ALL, {**direct._asdict(), "boot": self._boot, "id": secrets.token_hex(8)})

    def hold(self) -> None:
        """Do nothing of what comes, until `go_on`."""
        self._holding = True

    def go_on(self) -> None:
        """Do what was held."""
        self._holding = False
        held, self._held = self._held, []
        for found, message in held:
            self._take(found, message)

    async def hand_on(self) -> None:
        """Take no more, and give the process that is this node now what came here since `hold`."""
        await self._broker.unsubscribe()
        for found, message in self._held:
            if _key(found, message):
                subject = f"netkit.chat.node.{self._node}"
                await self._broker.client.publish(subject, message.data, reply=message.reply)
        await self._broker.client.flush()

    def _send(self, subject: str, what: dict[str, Any]) -> None:
        async def send() -> None:
            with suppress(nats.errors.Error, OSError):
                await self._broker.client.publish(subject, json.dumps(what).encode())

        self._start(send())

    def _told(self, message: Msg) -> None:
        found = self._parse(message)
        if found is not None and found.get("boot") != self._boot:
            self._take(found, message)

    def _asked(self, message: Msg) -> None:
        found = self._parse(message)
        if found is not None and found.get("act") == "ping":
            self._send(message.reply, {"answer": self._boot})
        elif found is not None:
            self._take(found, message)

    def _take(self, found: dict[str, Any], message: Msg) -> None:
        if self._holding:
            if len(self._held) < MAX_HELD:
                self._held.append((found, message))
            return
        key = _key(found, message)
        if key in self._done:
            return
        if key:
            self._done[key] = None
            if len(self._done) > 2 * MAX_HELD:
                del self._done[next(iter(self._done))]
        self._act(found, message.reply)

    def _parse(self, message: Msg) -> dict[str, Any] | None:
        try:
            return parse(message.data)
        except Foreign:
            self.foreign += 1
            return None

    def _act(self, found: dict[str, Any], reply: str) -> None:
        try:
            direct = _direct(found)
        except Foreign:
            self.foreign += 1
            return

        def act() -> None:
            answer = self.here.act(direct)
            if reply:
                self._send(reply, {"answer": answer})

        self._soon(act)


def _key(found: dict[str, Any], message: Msg) -> str:
    """What tells it from all others; "" when nothing does, as of what an older node tells all."""
    return message.reply or str(found.get("id") or "")


def _direct(found: dict[str, Any]) -> Direct:
    """Raises Foreign."""
    seconds: Any = found.get("seconds")
    if str(found.get("act")) not in _ACTS or type(seconds) not in (int, float) or not 0 <= seconds < 1e9:
        raise Foreign("no act")
    text = clean(found.get("text"), MAX_TEXT)
    return Direct(found["act"], clean(found.get("to"), NAME), clean(found.get("by"), NAME), text, float(seconds))
