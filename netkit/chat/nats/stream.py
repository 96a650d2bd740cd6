"""The stream that everything said is in: one writer and one reader of a node.

Writing: one batch in flight, with all that was said since the last; repeated with the same id until the broker says
that it has it. That nats-py gives up waiting does not mean that the broker has not got it, so nothing is sent anew.

Reading: from a sequence on, by a pull consumer that is made again, from the next sequence, whenever something is not
as it should be. The broker keeps no place for a node, so one that stood still reads on where it was.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, NamedTuple

import nats.errors
from nats.aio.msg import Msg
from nats.js import api
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError, ServiceUnavailableError

from netkit.chat.bus import Figure
from netkit.chat.entry import Entry, restored, saved
from netkit.chat.nats.batch import MAX_BYTES, MAX_ENTRIES, encode, encode_entry
from netkit.chat.nats.broker import REPLICAS, Broker
from netkit.errors import LocalFailure, PeerError

STREAM, SUBJECT = "NETKIT_CHAT", "netkit.chat.said"
KEPT = 100_000  # batches that the stream keeps, for at most
KEPT_SECONDS = 7 * 86400
KEPT_BYTES = 1024**3
REPEATS = 120.0  # seconds in which the broker knows a repeated batch; later the readers do
ACK = 1.0  # seconds until a batch is repeated
PULL = 32  # batches that are asked for at once; each is 256 kB at most
EXPIRES = 3  # seconds that a pull waits
IDLE = 30.0  # seconds after which the broker forgets a consumer that nobody pulls from
MAX_HELD = 1000  # lines that wait for a broker that is away, or takes none for AWAY seconds
AWAY = 1.0
MAX_QUEUED = 100_000  # lines that wait for a broker that is there: it takes 100,000 a second
MAX_QUEUED_BYTES = 32 * 1024 * 1024
MAX_SENT = 16  # batches whose way back is timed
OVERHEAD = 1024  # bytes of a batch besides its entries
TOO_LARGE = 10054  # JetStream's error codes
NO_LEADER = 10008
TOO_FEW = (10005, 10074)
LEADER = 0.2  # seconds between two looks whether a cluster has a leader
SETTLED = 10  # such looks whether a new leader really lacks what the one before had


class Held(NamedTuple):
    entry: Entry
    data: bytes


async def prepare(broker: Broker) -> api.StreamInfo:
    """The stream, made where there is none; a cluster that has no leader yet is waited for.

    Raises PeerError, LocalFailure, and what nats-py raises.
    """
    while True:
        try:
            return await _prepared(broker)
        except ServiceUnavailableError as exc:
            if exc.err_code != NO_LEADER:
                hint = "start it as nats-server -js"
                raise PeerError(f"the broker at {broker.where} has no JetStream", kind="no_jetstream", hint=hint
                                ) from exc  # fmt: skip
        except nats.errors.TimeoutError:  # those of a cluster that is being formed say nothing at all
            if broker.replicas == 1:
                raise
        except APIError as exc:
            if exc.err_code not in TOO_FEW:
                raise
            raise PeerError(
                f"the cluster of {broker.where} has fewer than {REPLICAS} servers to keep what is said on",
                kind="too_few_servers",
                hint=f"start {REPLICAS}, or one that is in no cluster",
            ) from exc
        await asyncio.sleep(LEADER)


async def _prepared(broker: Broker) -> api.StreamInfo:
    try:
        info = await broker.jetstream.stream_info(STREAM)
    except NotFoundError:
        info = await broker.jetstream.add_stream(
            api.StreamConfig(
                name=STREAM,
                subjects=[SUBJECT],
                retention=api.RetentionPolicy.LIMITS,
                max_msgs=KEPT,
                max_bytes=-1,
                max_age=KEPT_SECONDS,
                duplicate_window=REPEATS,
                num_replicas=broker.replicas,
            )
        )
    if SUBJECT not in (info.config.subjects or []):
        raise LocalFailure(f"the broker's stream {STREAM} is not netkit's: it lacks the subject {SUBJECT}")
    return info


class Writer:
    """number, first: of the next batch. held: lines that the broker has not acknowledged."""

    def __init__(self, broker: Broker, node: str, boot: str, moved: Callable[[], None]) -> None:
        self.number = self.first = 1
        self.retries = 0
        self.lag = 0.0
        self.waiting: deque[Held] = deque()
        self.flying: list[Held] = []
        self.since: float | None = None  # when the batch in flight set out, in monotonic time
        self.sent: dict[int, float] = {}  # and those that did not come back yet, by number
        self.idle = asyncio.Event()
        self.idle.set()
        self._broker, self._node, self._boot = broker, node, boot
        self._moved = moved
        self._size = 0  # bytes that wait
        self._some = asyncio.Event()

    @property
    def held(self) -> int:
        return len(self.waiting) + len(self.flying)

    @property
    def room(self) -> int:
        """Bytes that the entries of a batch may have."""
        return min(MAX_BYTES, self._broker.client.max_payload - OVERHEAD)

    def came_back(self, number: int) -> None:
        """The reader has it."""
        self.lag = monotonic() - self.sent.pop(number, monotonic())

    def figures(self) -> Iterator[Figure]:
        yield "bus_retries_total", "counter", "Batches that were sent once more.", self.retries
        yield "bus_held_lines", "gauge", "Lines that the broker has not taken yet.", self.held
        yield "bus_lag_seconds", "gauge", "From sending the last batch until it came back.", round(self.lag, 6)

    def publish(self, entries: Sequence[Entry]) -> int:
        slow = self.since is not None and monotonic() - self.since > AWAY
        most = MAX_QUEUED if self._broker.up.is_set() and not slow else MAX_HELD
        for place, entry in enumerate(entries):
            data = encode_entry(entry)
            if self.held >= most or len(data) > self.room or self._size > MAX_QUEUED_BYTES:
                return place
            self.waiting.append(Held(entry, data))
            self._size += len(data)
            self.idle.clear()
            self._some.set()
        return len(entries)

    def give_up(self) -> tuple[list[Entry], list[Entry]]:
        """Forget what waits: what was not sent, and what may have been."""
        unsent, doubtful = [one.entry for one in self.waiting], [one.entry for one in self.flying]
        self.waiting.clear()
        self.flying, self._size = [], 0
        return unsent, doubtful

    def save(self) -> dict[str, Any]:
        """As plain values, for another process: what is in flight has its number already, and is sent once more."""
        return {
            "number": self.number,
            "first": self.first,
            "flying": [saved(one.entry) for one in self.flying],
            "waiting": [saved(one.entry) for one in self.waiting],
        }

    def resume(self, state: dict[str, Any]) -> None:
        self.number, self.first = state["number"], state["first"]
        self.publish([restored(one) for one in state["flying"]])
        self.flying, self._size = list(self.waiting), 0
        self.waiting.clear()
        self.publish([restored(one) for one in state["waiting"]])

    async def run(self) -> None:
        """Also where another run of it was cancelled in the middle: here, or in another process."""
        while True:
            while self.flying or self.waiting:
                if not self.flying:
                    self.flying = self._take()
                    self.number, self.first = self.number + 1, self.first + len(self.flying)
                number, first = self.number - 1, self.first - len(self.flying)
                self.since = self.sent[number] = monotonic()
                self.sent.pop(number - MAX_SENT, None)
                data = encode(self._node, self._boot, number, first, [one.data for one in self.flying])
                await self.say(data, f"{self._node}-{self._boot}-{number}")
                self.flying, self.since = [], None
                self._moved()
            self.idle.set()
            await self._some.wait()
            self._some.clear()

    def _take(self) -> list[Held]:
        taken: list[Held] = []
        size = 0
        while self.waiting and len(taken) < MAX_ENTRIES:
            size += len(self.waiting[0].data) + 1
            if taken and size > self.room:
                break
            taken.append(self.waiting.popleft())
            self._size -= len(taken[-1].data)
        return taken

    async def say(self, data: bytes, ident: str) -> bool:
        """Until the broker has it; False where it never will."""
        pause = 0.05
        while True:
            await self._broker.up.wait()
            try:
                publish = self._broker.jetstream.publish
                headers = {"Nats-Msg-Id": ident}
                await self._broker.attempt(publish(SUBJECT, data, timeout=ACK, stream=STREAM, headers=headers))
                return True
            except nats.errors.MaxPayloadError:
                return False
            except NoStreamResponseError:
                with suppress(Exception):
                    await prepare(self._broker)
            except APIError as exc:
                if exc.err_code == TOO_LARGE:
                    return False
                self._broker.error = exc.description or str(exc)
            except Exception as exc:  # of nats-py, of the connection, or an answer that is none
                self._broker.error = str(exc).removeprefix("nats: ")
            self.retries += 1
            await asyncio.sleep(pause)
            pause = min(1.0, pause * 2)


class Reader:
    """seq: of the last message read; `take` gets each with its sequence, `hole` how many are missing before one.

    anew: the order began anew. behind: messages that the stream has and this node has not."""

    def __init__(
        self,
        broker: Broker,
        take: Callable[[int, bytes], None],
        hole: Callable[[int], None],
        anew: Callable[[], None],
    ) -> None:
        self.seq = 0
        self.epoch = ""
        self.behind = 0
        self.foreign = 0
        self.caught_up = asyncio.Event()
        self._broker = broker
        self._take, self._hole, self._anew = take, hole, anew
        self._consumer = ""
        self._fresh = False
        self._left = 0
        self._broken = False
        self._moved = asyncio.Event()

    async def begin(self, last: int) -> None:
        """Start so many messages before the end of the stream."""
        info = await prepare(self._broker)
        self.epoch = _epoch(info)
        self.seq = max(info.state.first_seq - 1, info.state.last_seq - last, 0)
        if self.seq >= info.state.last_seq:
            self.caught_up.set()

    def figures(self) -> Iterator[Figure]:
        yield "bus_behind", "gauge", "Batches that are in the stream and not read yet.", self.behind

    async def go_on(self, seq: int, epoch: str) -> None:
        """Start behind that message of that order. Raises what `prepare` raises."""
        await prepare(self._broker)
        self.seq, self.epoch = seq, epoch
        self.caught_up.set()

    def interrupt(self) -> None:
        """The connection is lost."""
        self._broken = True
        self._moved.set()

    async def run(self) -> None:
        while True:
            await self._broker.up.wait()
            with suppress(Exception):  # of nats-py, of the connection, or an answer that is none: from here once more
                await self._follow()
            await asyncio.sleep(0.05)

    async def _follow(self) -> None:
        info = await self._broker.attempt(self._settled())
        last = info.state.last_seq
        if _epoch(info) != self.epoch.partition("-")[0]:  # made again: its order is another
            self.epoch, self.seq = _epoch(info), 0
            self._anew()
        elif last < self.seq:  # the broker has lost its end
            self.epoch, self.seq = f"{_epoch(info)}-{self.seq:x}", last
            self._anew()
        config = api.ConsumerConfig(
            ack_policy=api.AckPolicy.NONE,
            deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self.seq + 1,
            inactive_threshold=IDLE,
            mem_storage=True,
            num_replicas=1,
        )
        made = await self._broker.attempt(self._broker.jetstream.add_consumer(STREAM, config))
        self._consumer, self._fresh, self._broken = made.name, True, False
        client = self._broker.client
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=self._got)
        request = json.dumps({"batch": PULL, "expires": EXPIRES * 10**9}).encode()
        try:
            while not self._broken and client is self._broker.client:
                self._left = PULL
                await client.publish(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{made.name}", request, reply=inbox)
                while self._left > 0 and not self._broken:
                    self._moved.clear()
                    async with asyncio.timeout(EXPIRES + 2):
                        await self._moved.wait()
        finally:
            with suppress(Exception):
                await subscription.unsubscribe()

    async def _settled(self) -> api.StreamInfo:
        """A leader that has just been elected may still be applying what a quorum has, and must not seem to lack it."""
        info = await prepare(self._broker)
        for _ in range(SETTLED):
            if info.state.last_seq >= self.seq or (info.config.num_replicas or 1) == 1:
                break
            await asyncio.sleep(LEADER)
            info = await prepare(self._broker)
        return info

    async def _got(self, message: Msg) -> None:
        self._moved.set()
        status = (message.headers or {}).get("Status") if not message.data else None
        if status is not None:
            self._left = 0 if status != "100" else self._left  # the pull has ended: 408; 409, 404
            self._broken = self._broken or status not in ("100", "404", "408")
            return
        try:
            about = message.metadata
            seq = about.sequence.stream
        except (nats.errors.Error, ValueError, IndexError):
            self.foreign += 1
            return
        if about.stream != STREAM or about.consumer != self._consumer or self._broken:
            return
        self._left -= 1
        self.behind = about.num_pending
        if seq <= self.seq:
            return
        if seq > self.seq + 1:
            if not self._fresh:
                self._broken = True  # once more, from what comes next
                return
            self._hole(seq - self.seq - 1)
        self._fresh = False
        self.seq = seq
        self._take(seq, message.data)
        if not self.behind:
            self.caught_up.set()


def _epoch(info: api.StreamInfo) -> str:
    return f"{int(info.created.timestamp() * 1e6):x}" if info.created else ""
