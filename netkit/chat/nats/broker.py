"""The connection to the broker, which never gives up: nats-py's, made anew where nats-py closes it for good."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, TypeVar

import nats.aio.client  # 0.1 s of CPU, asyncio included
import nats.errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from netkit.chat.bus import Figure
from netkit.errors import AuthRefused, Insecure, NetkitError, Unreachable
from netkit.net.tls import client_context, explain, handshake

if TYPE_CHECKING:
    import ssl

REFUSED = "authorization"  # in what nats-server says to who may not come in
OPEN_SECONDS = 5.0  # for the first connection
AGAIN = 0.25  # seconds between two attempts
PING = 3.0  # seconds; a broker that leaves two unanswered is gone
MAX_PENDING = 4 * 1024 * 1024  # bytes that nats-py keeps for a broker that does not take them
REPLICAS = 3  # in a cluster; 5 is the most, and each is a copy more to wait for
TIMEOUT = 2.0  # seconds for an answer of JetStream

for each in ("nats", "asyncio"):  # tracebacks, and that TLS has no half-closed connections, are no user's business
    logging.getLogger(each).addHandler(logging.NullHandler())

T = TypeVar("T")
Got = Callable[[Msg], Any]


@dataclass(frozen=True, slots=True)
class Login:
    """user: None for a token."""

    user: str | None
    secret: str = field(repr=False)

    def options(self) -> dict[str, str]:
        """As nats-py takes them."""
        return {"token": self.secret} if self.user is None else {"user": self.user, "password": self.secret}


def is_private(scheme: str, host: str | None) -> bool:
    """Whether nobody on the way can listen: TLS, or it is this machine."""
    if scheme == "tls" or host == "localhost":
        return True
    try:
        return ip_address((host or "").partition("%")[0]).is_loopback
    except ValueError:
        return False


class Refused(nats.errors.Error):
    """What a broker offers is not what was asked for: nothing is told to it."""


class Client(nats.aio.client.Client):
    """What nats-py cannot read of a message would end its reading for ever, and again for whatever is in a stream.

    A broker says in the clear whether it wants TLS, and names others of its cluster; nats-py believes both. Here tls://
    is never without, and a login goes nowhere that others could listen.
    """

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and self._current_server is not None:
            uri, secured = self._current_server.uri, bool(info.get("tls_required"))
            if uri.scheme == "tls" and not secured:
                raise Refused(f"nats: {uri.hostname}:{uri.port} offers no TLS")
            login = self.options["password"] or self.options["token"]
            if login and not secured and not is_private(uri.scheme, uri.hostname):
                raise Refused(f"nats: {uri.hostname}:{uri.port} would get the password in clear text")
        await super()._process_info(info, initial_connection)

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

    def __init__(
        self,
        servers: Sequence[str],
        name: str,
        on_up: Callable[[], None],
        on_down: Callable[[], None],
        *,
        login: Login | None = None,
        cacert: str | None = None,
    ) -> None:
        """Raises BadInput about the CA file."""
        self.servers = list(servers)
        self._login = {} if login is None else login.options()
        secured = any(one.startswith("tls:") for one in servers)
        self._tls: ssl.SSLContext | None = client_context(cacert=cacert) if secured else None
        self._insecure: Insecure | None = None  # why TLS failed at last
        self._no: set[str] = set()  # servers that will not have us, however often they are asked
        self._refused = asyncio.Event()  # all of those that were named
        self.up = asyncio.Event()
        self.reconnects = -1
        self.error = ""
        self.client = Client()
        self._name = name
        self._on_up, self._on_down = on_up, on_down
        self._subscriptions: list[tuple[str, Got]] = []
        self._subscribed: list[Subscription] = []  # over this connection
        self._closed = asyncio.Event()
        self._attempts: set[asyncio.Task[Any]] = set()
        self._ending = False

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream(timeout=TIMEOUT)

    @property
    def replicas(self) -> int:
        """Of what is made there: a server of a cluster may go, and nothing with it."""
        return REPLICAS if self.client._server_info.get("cluster") else 1

    @property
    def where(self) -> str:
        return ", ".join(self.servers)

    async def open(self) -> None:
        """Connect. Raises Unreachable, AuthRefused, Insecure."""
        connecting = asyncio.create_task(self._connect())
        refused = asyncio.create_task(self._refused.wait())
        await asyncio.wait((connecting, refused), timeout=OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        refused.cancel()
        if connecting.done():
            connecting.result()
            return
        connecting.cancel()
        await asyncio.gather(connecting, refused, return_exceptions=True)
        with suppress(Exception):
            await self.client.close()
        raise self._why()

    def _why(self) -> NetkitError:
        if self._insecure is not None:
            return self._insecure
        if REFUSED in self.error.lower():
            hint = None if self._login else "--bus-user and --bus-password-file log in"
            return AuthRefused(f"the broker at {self.where} refuses: {self.error}", hint=hint)
        return Unreachable(
            f"the broker at {self.where} cannot be reached: {self.error or 'no answer'}",
            hint="nats-server -js -sd DIR starts one",
        )

    async def attempt(self, work: Coroutine[Any, Any, T]) -> T:
        """Its result; nats-py would wait for an answer that died with the connection. Raises Lost."""
        task = asyncio.create_task(work)
        self._attempts.add(task)
        this = asyncio.current_task()
        try:
            result = await task
        except asyncio.CancelledError:
            if this is not None and this.cancelling():
                task.cancel()
                raise
            raise Lost("the connection was lost") from None
        finally:
            self._attempts.discard(task)
        if this is not None and this.cancelling():  # wait_for of Python 3.11 has an answer that came at the same moment
            raise asyncio.CancelledError
        return result

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

        self._subscribed.append(await self.client.subscribe(subject, cb=taken))

    async def unsubscribe(self) -> None:
        """From all, once what came so far was got. Raises nats.errors.Error."""
        self._subscriptions.clear()
        while self._subscribed:
            await self._subscribed.pop().drain()  # type: ignore[no-untyped-call]

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
            tls=self._tls,
            **self._login,  # type: ignore[arg-type]
        )
        self._subscribed.clear()
        for subject, got in self._subscriptions:
            await self._subscribe(subject, got)
        await self._up()

    async def _error(self, exc: Exception) -> None:
        text = str(exc).removeprefix("nats: ") or type(exc).__name__
        server = self.client._current_server
        self._insecure = self._verdict(exc, text, (server and server.uri.hostname) or "")
        if server is not None and (self._insecure is not None or REFUSED in text.lower()):
            self._no.add(server.uri.netloc)
            if len(self._no) >= len(self.servers):
                self._refused.set()
        # A broker that refuses hangs up as well, and that it did so is not why.
        if REFUSED not in self.error.lower() or REFUSED in text.lower():
            self.error = text

    def _verdict(self, exc: Exception, text: str, host: str) -> Insecure | None:
        import ssl

        if isinstance(exc, Refused):
            return Insecure(f"the broker at {self.where}: {text}", kind="plaintext_secret")
        if isinstance(exc, ssl.SSLCertVerificationError):
            where = f"the broker at {self.where}"
            return explain(host, reason=exc.verify_message, code=exc.verify_code, where=where)
        return handshake(f"the broker at {self.where}", str(exc)) if isinstance(exc, ssl.SSLError) else None

    async def _up(self) -> None:
        self.reconnects += 1
        self._insecure = None
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

    def figures(self) -> Iterator[Figure]:
        yield "bus_up", "gauge", "Whether the broker is there.", int(self.up.is_set())
        yield "bus_reconnects_total", "counter", "Times that the broker came back.", max(0, self.reconnects)

    async def close(self) -> None:
        self._ending = True
        with suppress(Exception):
            async with asyncio.timeout(1):
                await self.client.close()
        self._closed.set()
