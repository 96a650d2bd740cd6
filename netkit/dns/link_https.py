"""DNS over HTTPS (RFC 8484) through libcurl: every query a GET of its own, HTTP/2 streams of one connection.

A reply counts when it is 200 and of the type application/dns-message; redirects are not followed, since the user named
this server, and caches on the way are asked for nothing that they have kept. A server that speaks HTTP/1.1 gets a few
connections, as browsers make them. libcurl waits on descriptors of its own, which its loop makes one of ours.
"""

import selectors
from base64 import urlsafe_b64encode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from weakref import WeakSet

from netkit.dns.exchange import Asking, OverLink
from netkit.dns.link_shared import Shared
from netkit.dns.servers import Server
from netkit.dns.wire import Malformed
from netkit.errors import BadInput, Insecure, LocalFailure, NetkitError, PeerError, Unreachable
from netkit.events import OnEvent
from netkit.net.address import join
from netkit.net.curl import interruptible
from netkit.net.curl_multi import Multi
from netkit.net.hop import Head, Hop, HopResult, OnBody
from netkit.net.loop import Loop
from netkit.net.route import Route

TYPE = "application/dns-message"
MAX_MESSAGE = 65535  # octets of a DNS message
STREAMS = (
    100  # requests at once: what RFC 9113 6.5.2 wants of servers at least; over it libcurl was seen to wait a second
)
CONNECTIONS = 6  # at once, to a server that speaks HTTP/1.1
HEADERS = (("Accept", TYPE), ("Cache-Control", "no-cache"), ("User-Agent", None))  # RFC 8484 8.2: as little as can be


class NoMessage(Malformed):
    """A response without a DNS message in it. status: of HTTP, 0 where it was not whole."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


class HttpsLink:
    """The requests to one server."""

    def __init__(self, shared: Shared, server: Server, source: str, on_event: OnEvent | None) -> None:
        """source: the address to send from, "" for any. Raises LocalFailure without pycurl."""
        self.shared, self.server, self.trace = shared, server, on_event
        host, _, zone = server.host.partition("%")
        self.host = server.name or host
        self.address = join(self.host, server.port)
        self.url = f"https://{join(f'{host}%25{zone}', server.port) if zone else self.address}{server.path}?dns="
        security = shared.security
        self.route = Route(insecure=security.insecure, cacert=security.cacert, interface=source or None)
        self.loop = Loop()
        self.multi = Multi(self.loop, most=CONNECTIONS, at_once=CONNECTIONS)
        self.waiting: set[OverLink] = set()
        self.unsent: deque[OverLink] = deque()
        self.running = 0
        self.answered = 0
        self.timed_out: WeakSet[Asking] = WeakSet()  # whose time was up
        self.closed = False
        shared.selector.register(self.loop, selectors.EVENT_READ, self)

    @property
    def due(self) -> float | None:
        return self.multi.due

    def add(self, exchange: OverLink) -> None:
        self.waiting.add(exchange)
        self.unsent.append(exchange)
        self._start_next()

    def _start_next(self) -> None:
        while self.unsent and self.running < STREAMS:
            exchange = self.unsent.popleft()
            if exchange in self.waiting:
                self._start(exchange)

    def _start(self, exchange: OverLink) -> None:
        query = urlsafe_b64encode(exchange.query.wire).rstrip(b"=").decode("ascii")
        hop = Hop(
            url=self.url + query,
            host=self.host,
            address=self.address,
            headers=HEADERS,
            route=self.route,
            resolved=(self.server.host,) if self.server.name else (),
        )
        body = bytearray()

        def take(piece: bytes) -> bool:
            body.extend(piece[: MAX_MESSAGE + 1 - len(body)])
            return len(body) <= MAX_MESSAGE

        def on_head(head: Head) -> OnBody | None:
            return take if head.status == 200 else None

        self.running += 1
        with self._undisturbed():
            self.multi.start(
                hop,
                lambda result: self._came(exchange, result, bytes(body)),
                deadline=exchange.question.deadline,
                on_head=on_head,
                on_event=self.trace,
            )

    def drop(self, exchange: OverLink) -> None:
        self.waiting.discard(exchange)

    def has(self, number: int) -> bool:
        return False  # all have the id 0, and a stream of their own

    def ready(self) -> None:
        with self._undisturbed():
            self.multi.turn(0)

    def tick(self) -> None:
        if self.due is not None and self.due <= monotonic():
            self.ready()

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Ctrl-C comes after it: libcurl's callbacks would print what is raised in them, and go on."""
        came: list[BaseException] = []

        def note(reason: BaseException) -> bool:
            came.append(reason)
            return False

        with interruptible(note):
            yield
        if came:
            raise came[0]

    def _came(self, exchange: OverLink, result: HopResult, body: bytes) -> None:
        """Raises BadInput about the CA file, LocalFailure."""
        self.running -= 1
        if exchange in self.waiting:
            self._judge(exchange, result, body)
        self._start_next()

    def _judge(self, exchange: OverLink, result: HopResult, body: bytes) -> None:
        question = exchange.question
        if isinstance(result.error, (BadInput, LocalFailure)):
            raise result.error
        if isinstance(result.error, Insecure):
            message = result.error.message.removeprefix(f"{self.address}: ")
            error = Insecure(f"{self.server}: {message}", kind=result.error.kind, hint=result.error.hint)
            question.unproven(exchange, error)
        elif isinstance(result.error, Unreachable):
            ended = exchange.was_there = result.error.kind in ("reset", "empty_reply")
            if not ended or not exchange.once_more(answered=self.answered > 0):
                question.lost(exchange, self._reason(result, result.error))
        elif isinstance(result.error, PeerError):
            self._unusable(exchange, self._reason(result, result.error))
        elif (
            result.error is not None
        ):  # time is up for all tries, of which the later ones waited for the first's session
            told = question in self.timed_out
            self.timed_out.add(question)
            question.lost(exchange, "" if told else self._reason(result, result.error))
        elif wrong := _wrong(result.head, body):
            self._unusable(exchange, wrong, result.head.status if result.head else 0)
        else:
            exchange.take(body)
            if exchange in self.waiting:  # it was none, and no other comes
                question.lost(exchange, "")
            else:
                self.answered += 1

    def _unusable(self, exchange: OverLink, reason: str, status: int = 0) -> None:
        exchange.question.unusable(self.server, NoMessage(reason, status))
        exchange.question.lost(exchange, "")

    def _reason(self, result: HopResult, error: NetkitError) -> str:
        """In words, without what is said of the server anyway."""
        if result.failed and error.kind in ("refused", "unreachable"):
            return result.failed[-1].reason
        return error.message.removeprefix(f"{result.hop.url}: ")

    def close(self) -> None:
        self.closed = True
        self.waiting.clear()
        self.unsent.clear()
        self.shared.selector.unregister(self.loop)
        self.multi.close()
        self.loop.close()


def _wrong(head: Head | None, body: bytes) -> str:
    """Why a response has no DNS message; "" where it has one."""
    if head is None:
        return "no response"
    if head.status != 200:
        return f"HTTP {head.status} {head.reason[:60]}".rstrip() + " instead of a reply"
    kind = (head.get("content-type") or "").partition(";")[0].strip().lower()
    if kind != TYPE:
        return f"the type {kind[:60] or 'of nothing'} instead of {TYPE}"
    return f"more than {MAX_MESSAGE} octets" if len(body) > MAX_MESSAGE else ""
