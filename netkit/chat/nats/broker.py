"""The connection to the broker, which never gives up: nats-py's, made anew where nats-py closes it for good."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import nats.aio.client  # 0.1 s of CPU, asyncio included
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from netkit.errors import AuthRefused, NetkitError, Unreachable

REFUSED = "authorization"  # in what nats-server says to who may not come in
OPEN_SECONDS = 5.0  # for the first connection
AGAIN = 0.25  # seconds between two attempts
PING = 3.0  # seconds; a broker that leaves two unanswered is gone
MAX_PENDING = 4 * 1024 * 1024  # bytes that nats-py keeps for a broker that does not take them
TIMEOUT = 2.0  # seconds for an answer of JetStream

logging.getLogger("nats").addHandler(logging.NullHandler())  # its tracebacks are no user's business

T = TypeVar("T")
Got = Callable[[Msg], Any]


class Client(nats.aio.client.Client):
    """What nats-py cannot read of a message would end its reading for ever, and again for whatever is in a stream."""

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        try:
            return await super()._process_headers(headers)
        except Exception:
            return None

    def _build_message(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: Any) -> Any:
        try:
            return super()._build_message(sid, subject, reply, data, headers)
        except UnicodeDecodeError:
            return None


class Lost(Exception):
    """The connection was lost while an answer was waited for."""


class Broker:
    """up: whether it is there now. reconnects: how often it came back. on_up, on_down: called within asyncio."""

    def __init__(self, servers: Sequence[str], name: str, on_up: Callable[[], None], on_down: Callable[[], None]):
        self.servers = list(servers)
        self.up = asyncio.Event()
        self.reconnects = -1
        self.error = ""
        self.client = Client()
        self._name = name
        self._on_up, self._on_down = on_up, on_down
        self._subscriptions: list[tuple[str, Got]] = []
        self._closed = asyncio.Event()
        self._attempts: set[asyncio.Task[Any]] = set()
        self._ending = False

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=TIMEOUT)

    @property
    def where(self) -> str:
        return ", ".join(self.servers)

    async def open(self) -> None:
        """Connect. Raises Unreachable, AuthRefused."""
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await self._connect()
        except TimeoutError as exc:
            with suppress(Exception):
                await self.client.close()
            raise self._why() from exc

    def _why(self) -> NetkitError:
        if REFUSED in self.error.lower():
            return AuthRefused(f"the broker at {self.where} refuses: {self.error}")
        return Unreachable(
            f"the broker at {self.where} cannot be reached: {self.error or 'no answer'}",
            hint="nats-server -js -sd DIR starts one",
        )

    async def attempt(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result; nats-py would wait for an answer that died with the connection. Raises Lost."""
        task = asyncio.create_task(work)
        self._attempts.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                task.cancel()
                raise
            raise Lost("the connection was lost") from None
        finally:
            self._attempts.discard(task)

    async def keep(self) -> None:
        """Where nats-py closes the connection for good, make another."""
        while True:
            await self._closed.wait()
            if self._ending:
                return
            await asyncio.sleep(AGAIN)
            self.client = Client()
            try:
                await self._connect()
            except Exception as exc:
                await self._error(exc)
                self._closed.set()

    async def subscribe(self, subject: str, got: Got) -> None:
        """Have got called, also over connections to come."""
        self._subscriptions.append((subject, got))
        await self._subscribe(subject, got)

    async def _subscribe(self, subject: str, got: Got) -> None:
        async def taken(message: Msg) -> None:
            got(message)

        await self.client.subscribe(subject, cb=taken)

    async def _connect(self) -> None:
        self._closed.clear()
        await self.client.connect(
            self.servers,
            name=self._name,
            error_cb=self._error,
            disconnected_cb=self._down,
            reconnected_cb=self._up,
            closed_cb=self._gone,
            max_reconnect_attempts=-1,  # nats-py gives up after two minutes otherwise
            reconnect_time_wait=AGAIN,  # type: ignore[arg-type] # a float will do
            ping_interval=PING,  # type: ignore[arg-type]
            max_outstanding_pings=2,
            pending_size=MAX_PENDING,
        )
        for subject, got in self._subscriptions:
            await self._subscribe(subject, got)
        await self._up()

    async def _error(self, exc: Exception) -> None:
        text = str(exc).removeprefix("nats: ") or type(exc).__name__
        # A broker that refuses hangs up as well, and that it did so is not why.
        if REFUSED not in self.error.lower() or REFUSED in text.lower():
            self.error = text

    async def _up(self) -> None:
        self.reconnects += 1
        self.error = ""
        self.up.set()
        self._on_up()

    async def _down(self) -> None:
        if self.up.is_set():
            self.up.clear()
            for task in self._attempts:
                task.cancel()
            if not self._ending:
                self._on_down()

    async def _gone(self) -> None:
        self._closed.set()

    async def close(self) -> None:
        self._ending = True
        with suppress(Exception):
            async with asyncio.timeout(1):
                await self.client.close()
        self._closed.set()
