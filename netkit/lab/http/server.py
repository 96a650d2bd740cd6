"""The lab's HTTP server: connections, time limits, keep-alive and the way out; what it answers is in `endpoints`.

A client that is slow to ask, slow to read, or one too many is told so and let go. After an answer to a request that
was not read to its end the connection lingers: closing it at once would send a reset, which can overtake the answer.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from typing import ClassVar, Literal

from netkit import __version__
from netkit.events import Step, StepName
from netkit.lab.certificates import Certificates
from netkit.lab.connections import Connections
from netkit.lab.http.call import Call
from netkit.lab.http.endpoints import answer
from netkit.lab.http.protocol import (
    BadRequest,
    Header,
    Request,
    RequestReader,
    Response,
    chunk,
    framing,
    has_no_body,
    head_bytes,
    is_chunked,
    last_chunk,
)
from netkit.lab.service import Port, Service, Shared
from netkit.net.address import join
from netkit.net.listen import Listening

READ = 64 * 1024
WRITE_BUFFER = 256 * 1024  # what a client that does not read costs us
ALPN = ("http/1.1",)
SERVER = f"netkit-lab/{__version__}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a connection one client gets; all times in seconds."""

    connections: int = 256
    requests: int = 100_000  # on one connection
    idle: float = 60.0  # between requests
    request: float = 20.0  # from a request's first byte to its last
    write: float = 30.0  # until the client takes more of the answer
    linger: float = 2.0
    linger_bytes: int = 1024 * 1024


class Http(Service):
    """HTTP on one port, HTTPS on another."""

    ports: ClassVar[tuple[Port, ...]] = (
        Port("http", 8080, {"tcp": "http"}),
        Port("https", 8443, {"tcp": "https"}),
    )

    def __init__(self, shared: Shared, limits: Limits | None = None) -> None:
        super().__init__(shared)
        self.limits = limits or Limits()
        self._certificates = Certificates(shared.ca, ALPN)
        self._counts: dict[str, int] = {}
        self._connections = Connections(self._serve, self._failed, self.limits.connections)

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        context = self._certificates.context([each.endpoint.host for each in listening.get("https", ())])
        for name, tls in (("http", None), ("https", context)):
            for each in listening.get(name, ()):
                self._connections.listen(each.socket, tls)

    async def stop(self) -> None:
        await self._connections.close()

    def _failed(self, peer: str, reason: str) -> None:
        self.shared.log("https" if reason.startswith("TLS") else "http", "failed", peer=peer, summary=reason)

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {
            "NETKIT_LAB_HTTP": f"http://{addresses['http']}",
            "NETKIT_LAB_HTTPS": f"https://{addresses['https']}",
            "NETKIT_LAB_MAIL": f"http://{addresses['http']}/mail",
        }

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        port = environment["NETKIT_LAB_HTTPS"].rpartition(":")[2]
        return [
            f"netkit http get {environment['NETKIT_LAB_HTTP']}/",
            f"netkit http get {environment['NETKIT_LAB_HTTP']}/redirect/2",
            f"netkit http get --cacert {environment['NETKIT_LAB_CA']} {environment['NETKIT_LAB_HTTPS']}/headers",
            f"curl --cacert {environment['NETKIT_LAB_CA']} --resolve expired.lab.test:{port}:127.0.0.1 "
            f"https://expired.lab.test:{port}/",
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, full: bool) -> None:
        connection = _Connection(self.shared, self.limits, self._counts, reader, writer)
        try:
            if full:
                busy = Response(503, [("Retry-After", "1")], b"too many connections\n")
                connection.log("refused", f"{self.limits.connections} connections are open")
                await connection.refuse(busy)
            else:
                await connection.run()
            await connection.close()
        except OSError:  # TimeoutError is one
            connection.reset()  # it went away, or does not read: a close would wait until it does


class _Connection:
    def __init__(
        self,
        shared: Shared,
        limits: Limits,
        counts: dict[str, int],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._shared = shared
        self._limits = limits
        self._counts = counts
        self._reader = reader
        self._writer = writer
        self._tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        self._peer = _text(writer.get_extra_info("peername"))
        self._service = "https" if self._tls else "http"
        self._address = f"{self._service}://{_text(writer.get_extra_info('sockname'))}"
        self._requests = RequestReader()
        writer.transport.set_write_buffer_limits(WRITE_BUFFER)
        self._step("accept", detail=self._service)

    async def run(self) -> None:
        for served in range(1, self._limits.requests + 1):
            try:
                request = await self._next_request()
            except BadRequest as exc:
                self.log("refused", f"{exc.status} {exc.reason}")
                await self.refuse(Response(exc.status, [("Content-Type", "text/plain")], f"{exc.reason}\n".encode()))
                return
            if request is None:
                return
            shared, counts = self._shared, self._counts
            call = Call(
                request, self._peer, self._service, self._tls, store=shared.store, dns=shared.dns, counts=counts
            )
            response = answer(call)
            keep = request.keep_alive and served < self._limits.requests
            if not await self._send(request, response, keep):
                return

    async def _next_request(self) -> Request | None:
        """The next request; None when the client leaves or is idle for too long."""
        continued = False
        try:
            async with asyncio.timeout(self._limits.idle) as timeout:
                while True:
                    request = self._requests.next_request()
                    if request:
                        return request
                    if self._requests.expects_continue and not continued:
                        continued = True
                        await self._write(head_bytes(100, ()))
                    started = self._requests.started
                    data = await self._reader.read(READ)
                    if not data:
                        return None
                    if not started:  # one deadline for the whole request, whatever trickles in
                        timeout.reschedule(asyncio.get_running_loop().time() + self._limits.request)
                    self._step("recv", size=len(data), data=data)
                    self._requests.receive(data)
        except TimeoutError:
            if self._requests.started:
                raise BadRequest(408, f"the request was not whole within {self._limits.request:g} s") from None
            return None

    async def _send(self, request: Request, response: Response, keep: bool) -> bool:
        """Answer; whether the connection goes on."""
        if response.delay:
            await asyncio.sleep(response.delay)
        if response.raw is not None:
            self._log_request(request, None, 0)
            async for data in response.raw:
                await self._write(data)
            if response.abort:
                self.reset()
            return False
        streamed = not isinstance(response.body, bytes)
        keep = keep and not (streamed and response.length is None and not is_chunked(request, response))
        head = b"".join(head_bytes(status, fields) for status, fields in response.interim)
        if response.interim and request.version >= (1, 1):
            await self._write(head)
        fields: list[Header] = [("Date", formatdate(usegmt=True)), ("Server", SERVER), *response.headers]
        head = head_bytes(
            response.status, [*fields, *framing(request, response, close=not keep)], reason=response.reason
        )
        if has_no_body(request.method, response.status):
            await self._write(head)
            self._log_request(request, response.status, 0)
            return keep
        if isinstance(response.body, bytes):
            await self._write(head + response.body)
            self._log_request(request, response.status, len(response.body))
            return keep
        await self._write(head)
        whole = await self._stream(request, response, response.body)
        if response.abort and not whole:
            self.reset()
        return keep and whole

    async def _stream(self, request: Request, response: Response, body: AsyncIterator[bytes]) -> bool:
        """Send a body as it is made; whether it was as long as promised."""
        chunked, sent = is_chunked(request, response), 0
        try:
            async for data in body:
                await self._write(chunk(data) if chunked else data)
                sent += len(data)
        finally:
            self._log_request(request, response.status, sent)
        if chunked:
            await self._write(last_chunk(response.trailers))
        return response.length is None or sent == response.length

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        self._step("send", size=len(data), data=data)
        async with asyncio.timeout(self._limits.write):
            await self._writer.drain()

    async def refuse(self, response: Response) -> None:
        """Answer what was not read to its end, and linger until the client has seen it."""
        fields = [*response.headers, ("Content-Length", str(len(response.body))), ("Connection", "close")]  # type: ignore[arg-type]
        await self._write(head_bytes(response.status, fields) + response.body)  # type: ignore[operator]
        with suppress(TimeoutError, OSError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            left = self._limits.linger_bytes
            async with asyncio.timeout(self._limits.linger):
                while left > 0 and (data := await self._reader.read(READ)):
                    left -= len(data)

    def reset(self) -> None:
        """End with a reset: SO_LINGER of zero seconds, socket(7)."""
        raw = self._writer.get_extra_info("socket")  # None once uvloop has closed it
        with suppress(OSError):
            if raw is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close once the client has taken everything. Raises TimeoutError when it does not."""
        self._step("close")
        self._writer.close()
        async with asyncio.timeout(self._limits.write):
            await self._writer.wait_closed()

    def _log_request(self, request: Request, status: int | None, size: int) -> None:
        self.log(
            "request",
            f"{request.method} {request.target} -> {status or 'malformed on purpose'}, {size} bytes",
            method=request.method,
            target=request.target,
            status=status,
            size=size,
            user_agent=request.get("user-agent"),
        )

    def log(self, event: Literal["request", "refused"], summary: str, **data: object) -> None:
        self._shared.log(self._service, event, address=self._address, peer=self._peer, summary=summary, **data)

    def _step(self, name: StepName, detail: str = "", size: int | None = None, data: bytes | None = None) -> None:
        if self._shared.on_event:
            self._shared.on_event(Step(name, self._peer, detail, size, data=data))


def _text(address: object) -> str:
    return join(str(address[0]), int(address[1])) if isinstance(address, tuple) else ""
