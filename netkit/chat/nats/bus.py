"""The bus of a node among many. It runs on asyncio, on top of the server's own loop (`netkit.net.asyncio_loop`).

Nothing that came from the broker is acted on within asyncio: it goes to the loop (`soon`), where lines are flushed.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import nats.errors

from netkit.chat.bus import Elsewhere, Figure, Here
from netkit.chat.direct import Direct
from netkit.chat.entry import Entry, restored, saved
from netkit.chat.nats.asks import Asks
from netkit.chat.nats.batch import PLACES, Batch, Foreign, check_node, decode
from netkit.chat.nats.broker import Broker, Login
from netkit.chat.nats.kept import Kept
from netkit.chat.nats.nicks import PAUSE, Job, Nicks
from netkit.chat.nats.nodes import Nodes
from netkit.chat.nats.order import Order
from netkit.chat.nats.patience import Patience
from netkit.chat.nats.presence import BEAT, SILENT, Presence
from netkit.chat.nats.stream import Reader, Writer
from netkit.errors import PeerError, TimedOut
from netkit.net.asyncio_loop import AsyncioLoop

PATIENCE = 2.0  # seconds that the broker may be away before everybody is told
SETTLE = 2.0  # seconds that a server which stops waits for what was said last
RECONNECTED = 2.0  # seconds after which all nodes are connected again that ever will be


class NatsBus:
    """servers: nats://HOST:PORT or tls://HOST:PORT, of one cluster; login, cacert: for them. before: what the
    process before this one has saved, whose node this is, said: what was said in its rooms. beat, silent, patience:
    seconds, for tests."""

    def __init__(
        self,
        loop: AsyncioLoop,
        servers: Sequence[str],
        node: str,
        *,
        history: int = 1000,
        login: Login | None = None,
        cacert: str | None = None,
        before: Mapping[str, Any] | None = None,
        said: Mapping[str, list[Entry]] | None = None,
        beat: float = BEAT,
        silent: float = SILENT,
        patience: float = PATIENCE,
    ) -> None:
        self.node, self.boot = check_node(node), secrets.token_hex(4) if before is None else before["boot"]
        self._before = before
        self._loop, self._history = loop, history
        self._here: Here
        self._nodes = Nodes(node, self.boot, silent, time.monotonic())
        self._broker = Broker(servers, f"netkit chat {node}", self._up, self._down, login=login, cacert=cacert)
        self._writer = Writer(self._broker, node, self.boot, self._check_settled)
        self._patience = Patience(loop, patience, self._writer)
        self._reader = Reader(self._broker, self._take, self._hole, self._anew)
        self._asks = Asks(self._broker, node, self.boot, loop.soon, self._start)
        self._nicks = Nicks(self._broker, f"{node}-{self.boot}", self._alive)
        self._presence = Presence(
            self._broker, self._nodes, node, self.boot, beat,
            log=self._log, start=self._start, say=self._writer.say, free=self._nicks.free,
        )  # fmt: skip
        self._tasks: set[asyncio.Task[Any]] = set()
        self._telling: set[asyncio.Task[Any]] = set()  # those of them that tell other nodes something
        self._kept = Kept([restored(one) for one in before["kept"]] if before is not None else (), said)
        self._live = False  # what is read is shown: the history before this node's time has been read
        self._order = Order()
        self._read_back = 0  # the last of our batches that came back
        self._skipped = 0
        self._settled: Callable[[], None] | None = None
        self._gone = False  # another process is this node now
        if before is not None:
            self._asks.hold()  # until everybody is here
            self._resume(before)

    @property
    def epoch(self) -> str:
        return self._reader.epoch

    @property
    def seq(self) -> int:
        return (self._reader.seq + 1) * PLACES - 1

    # Beginning and end.

    def open(self, here: Here) -> None:
        """Connect, and read what was said.

        Raises Unreachable, AuthRefused, Insecure, PeerError, TimedOut, LocalFailure, BadInput.
        """
        self._here = self._asks.here = self._presence.here = self._patience.here = here
        self._loop.asyncio.set_exception_handler(self._failed)
        try:
            self._loop.asyncio.run_until_complete(self._open())
        except BaseException:
            self._loop.close()
            raise

    async def _open(self) -> None:
        await self._broker.open()
        try:
            async with asyncio.timeout(10):
                if self._before is None:
                    await self._asks.refuse_twins()
                    await self._reader.begin(self._history)
                else:
                    await self._reader.go_on(self._before["read"], self._before["epoch"])
                    self._live = True
                await self._presence.subscribe()
                await self._asks.subscribe()
                self._reading = self._start(self._reader.run())
                self._start(self._broker.keep())
                await self._reader.caught_up.wait()
        except TimeoutError as exc:
            raise TimedOut(f"the broker at {self._broker.where} does not answer: {self._broker.error}") from exc
        except nats.errors.Error as exc:
            raise PeerError(f"the broker at {self._broker.where}: {exc}") from exc
        finally:
            if not self._reader.caught_up.is_set():
                await self._broker.close()
        self._live = True
        if self._before is None:
            self.go_on()

    def _start(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        task = self._loop.asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _failed(self, loop: asyncio.AbstractEventLoop, about: dict[str, Any]) -> None:
        """Something of asyncio or nats-py went wrong that nobody waited for."""
        self._broker.error = str(about.get("exception") or about.get("message"))

    def settle(self, done: Callable[[], None]) -> None:
        self._settled = done
        self._loop.later(SETTLE, self._give_up)
        self._check_settled()

    def _check_settled(self) -> None:
        """After each batch that was acknowledged, and each of our own that came back."""
        if self._writer.held:
            return
        if self._broker.up.is_set():
            self._patience.over()
        if self._settled is not None and self._read_back >= self._writer.number - 1:
            done, self._settled = self._settled, None
            self._loop.soon(done)

    def _give_up(self) -> None:
        """The server stops, and the broker has not taken what was said."""
        if self._settled is None:
            return
        unsent, doubtful = self._writer.give_up()
        if unsent or doubtful:
            self._log("bus", reason="unsent", lines=len(unsent) + len(doubtful))
            self._here.unsent(unsent)
            self._here.unsent(doubtful, doubtful=True)
        done, self._settled = self._settled, None
        done()

    def close(self) -> None:
        self._patience.ending = True
        if self._loop.asyncio.is_closed():
            return
        with suppress(RuntimeError):  # stopped by another signal
            self._loop.asyncio.run_until_complete(self._close())

    async def _close(self) -> None:
        if self._broker.up.is_set():
            with suppress(TimeoutError, nats.errors.Error, OSError):
                async with asyncio.timeout(SETTLE):
                    if self._gone:
                        await self._asks.hand_on()
                    else:
                        await self._writer.idle.wait()
                        await self._nicks.idle.wait()
                        await self._presence.goodbye()
        lines = sum(one.kind in ("say", "me") for each in self._writer.give_up() for one in each)
        if lines and not self._gone:
            self._log("bus", reason="unsent", lines=lines)
        for task in self._tasks:
            task.cancel()
        await self._broker.close()

    # Another process.

    def hold_up(self) -> str:
        if not self._broker.up.is_set():
            return "the broker is away"
        asking = self._nicks.asking or self._asks.asking
        return "other nodes have not answered yet what was asked" if asking else ""

    def catch_up(self) -> None:
        self._loop.catch_up()

    def save(self) -> dict[str, Any]:
        for task in self._telling:
            task.cancel()
        self._telling.clear()
        self._asks.hold()
        return {
            "boot": self.boot,
            "epoch": self.epoch,
            "read": self._reader.seq,
            "read_back": self._read_back,
            "skipped": self._skipped,
            "kept": [saved(one) for one in self._kept.entries],
            "order": self._order.save(),
            "nodes": self._nodes.save(time.monotonic()),
            "lives": self._presence.save(),
            "nicks": self._nicks.save(),
            "writer": self._writer.save(),
        }

    def _resume(self, before: Mapping[str, Any]) -> None:
        self._read_back, self._skipped = before["read_back"], before["skipped"]
        self._order.resume(before["order"])
        self._nodes.resume(before["nodes"], time.monotonic())
        self._presence.resume(before["lives"])
        self._nicks.resume(before["nicks"])
        self._writer.resume(before["writer"])

    def go_on(self) -> None:
        for work in (self._writer.run(), self._nicks.run(), self._presence.run()):
            self._telling.add(self._start(work))
        self._asks.go_on()

    def let_go(self) -> None:
        self._gone = self._patience.ending = True
        self._reading.cancel()

    # The connection.

    def _up(self) -> None:
        self._nodes.since = time.monotonic()
        self._patience.down_since = None
        self._presence.soon()
        if self._live:
            self._log("bus", reason="connected")
            self._start(self._verify())
            self._check_settled()

    def _down(self) -> None:
        self._reader.interrupt()
        self._patience.down_since = time.monotonic()
        self._log("bus", reason="lost", detail=self._broker.error)
        self._loop.soon(self._patience.arm)

    async def _verify(self) -> None:
        """Until it is done: a broker that has only begun may not have the bucket yet."""
        while self._broker.up.is_set():
            with suppress(nats.errors.Error, OSError):
                await self._nicks.verify(self._nick_lost)
                return
            await asyncio.sleep(PAUSE)

    def _nick_lost(self, nick: str, owner: bytes) -> None:
        number = owner.rpartition(b"/")[2].decode()
        self._loop.soon(lambda: self._here.nick_lost(nick, f"{self.node}/{number}"))

    # Speaking.

    def publish(self, entries: Sequence[Entry]) -> int:
        self._patience.arm()
        return self._writer.publish(entries)

    def history(self, room: str) -> list[Entry]:
        return self._kept.of(room)

    # Hearing.

    def _take(self, seq: int, data: bytes) -> None:
        try:
            batch = decode(data, seq)
        except Foreign as exc:
            self._reader.foreign += 1
            if self._live:
                self._log("bus", reason="foreign", seq=seq, detail=str(exc))
            return
        if batch.gone:
            self._given_up(batch)
        elif (missing := self._order.read(batch)) is not None:
            self._tell_skipped(missing)
            self._deliver(batch.entries, batch.boot)
            if batch.boot == self.boot and batch.node == self.node:
                self._read_back = batch.number
                self._writer.came_back(batch.number)
                self._check_settled()
        if not self._reader.behind:
            self._tell_skipped(self._order.end())

    def _deliver(self, entries: Sequence[Entry], boot: str) -> None:
        own = boot == self.boot
        if not own:  # what an earlier run of this node said was said by nobody who is here
            entries = [one._replace(member=0) if one.node == self.node else one for one in entries]
            for entry in entries:
                self._nodes.follow(entry, boot)
        if not self._live:
            self._kept.keep(entries)
        elif entries:
            self._loop.soon(lambda: self._show(entries))

    def _show(self, entries: Sequence[Entry]) -> None:
        self._kept.keep(entries)
        self._here.deliver(entries)

    def _hole(self, messages: int) -> None:
        """The broker has lost so many messages, or dropped them as too old."""
        self._log("bus", reason="hole", detail=f"{messages} of them")
        self._order.hole(messages)

    def _tell_skipped(self, lines: int) -> None:
        if lines > 0:
            self._skipped += lines
            self._log("bus", reason="skipped", lines=lines)
            self._loop.soon(lambda: self._here.skipped(lines))

    def _anew(self) -> None:
        self._order.anew()
        self._log("bus", reason="anew")
        self._kept.forget_places()
        self._loop.soon(self._here.began_anew)

    # The other nodes.

    def _given_up(self, batch: Batch) -> None:
        known = self._presence.given_up(batch.node, batch.boot)
        if (batch.node, batch.boot) == (self.node, self.boot):
            if self._live:
                self._loop.soon(self._back)
        elif known:
            self._deliver([one for one in batch.entries if one.kind == "leave"], batch.boot)

    def _back(self) -> None:
        """This node stood still for so long that the others gave it up."""
        self._log("node", reason="back", name=self.node)
        now = time.time()
        self.publish([Entry("join", one.room, one.name, member=one.member, node=self.node, time=now)
                      for one in self._here.present()])  # fmt: skip
        self._start(self._verify())
        self._presence.soon()

    def elsewhere(self) -> list[Elsewhere]:
        return self._nodes.elsewhere(time.monotonic())

    # Private messages, moderation.

    def ask(self, direct: Direct, done: Callable[[str | None], None]) -> None:
        node = self._nodes.find(direct.to)
        if node is None:
            done(None)
        else:
            self._asks.ask(node, direct, done)

    def broadcast(self, direct: Direct) -> None:
        self._asks.broadcast(direct)

    # Nicks.

    def claim(self, nick: str, owner: str, done: Callable[[str | None], None]) -> None:
        value = self._nicks.owner(owner.rpartition("/")[2])
        self._nicks.ask(Job(nick, value, lambda why: self._loop.soon(lambda: done(why))))

    def release(self, nick: str, owner: str) -> None:
        self._nicks.ask(Job(nick, self._nicks.owner(owner.rpartition("/")[2]), None))

    async def _alive(self, node: str, boot: str, number: int) -> bool:
        """Whether somebody who has a nick is there."""
        if (node, boot) == (self.node, self.boot):
            return any(one.member == number for one in self._here.present())
        alive = self._nodes.alive(node, boot, time.monotonic())
        if alive is False or self._presence.is_gone(node, boot):
            return False
        # Not there, unless it is still on its way back to the broker.
        return await self._asks.there(node, boot) or time.monotonic() - self._nodes.since < RECONNECTED

    # What is told.

    def _log(self, event: str, **fields: Any) -> None:
        if not self._gone and not self._loop.asyncio.is_closed():
            self._here.log(event, **fields)

    def figures(self) -> Iterator[Figure]:
        yield from self._broker.figures()
        yield from self._writer.figures()
        yield from self._reader.figures()
        foreign = self._reader.foreign + self._asks.foreign
        yield "bus_skipped_lines_total", "counter", "Lines of others that were lost.", self._skipped
        yield "bus_foreign_total", "counter", "Messages on the broker that are no node's.", foreign
        yield "bus_nodes", "gauge", "Other nodes that are heard of.", len(self._nodes.table)
