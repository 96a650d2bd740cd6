"""The lab's SMTP, LMTP and POP3 servers: their connections and time limits; what they answer is in `netkit.mail`."""

import asyncio
import secrets
import ssl
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from netkit.errors import LocalFailure
from netkit.events import Step
from netkit.lab.connections import Connections
from netkit.lab.mail.faults import POP3
from netkit.lab.mail.store import MAX_SIZE, Store
from netkit.lab.service import Port, Service, Shared
from netkit.mail.fault import NONE, Fault, Gate
from netkit.mail.pop3 import server as pop3
from netkit.mail.smtp.server import Envelope, Smtp
from netkit.net.address import join
from netkit.net.listen import Listening
from netkit.net.tls_server import from_leaf

MAX_CONNS = 100
IDLE = 60.0  # seconds between two things a client sends, or takes
WRITE_BUFFER = 256 * 1024
HOST = "lab.test"
NAMES = ("localhost", HOST, f"mail.{HOST}", "127.0.0.1", "::1", f"mx1.good.{HOST}", f"mx2.good.{HOST}")


class MailService(Service):
    """A line-based server whose connections may go over to TLS."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(shared)
        self._connections = Connections(self._serve, self._failed, MAX_CONNS)
        self._context: ssl.SSLContext | None = None

    async def start(self, listening: Mapping[str, Sequence[Listening]]) -> None:
        for port in self.ports:
            for each in listening.get(port.name, ()):
                self._connections.listen(each.socket)

    async def stop(self) -> None:
        await self._connections.close()

    @property
    def context(self) -> ssl.SSLContext:
        """Made for the first client that asks for TLS: 16 ms."""
        if self._context is None:
            self._context = from_leaf(self.shared.mail or self.shared.ca.issue(NAMES))
        return self._context

    def _failed(self, peer: str, reason: str) -> None:
        self.shared.log(self.ports[0].name, "failed", peer=peer, summary=reason)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, full: bool) -> None:
        where = writer.get_extra_info("peername")
        peer = join(str(where[0]), int(where[1]))
        writer.transport.set_write_buffer_limits(WRITE_BUFFER)
        if self.shared.on_event:
            self.shared.on_event(Step("accept", peer, self.ports[0].name))
        try:
            if full:
                self.shared.log(self.ports[0].name, "refused", peer=peer, summary=f"{MAX_CONNS} connections are open")
                writer.write(self.busy)
            else:
                await self.talk(reader, writer, peer)
            async with asyncio.timeout(IDLE):
                await writer.drain()
            writer.close()
            async with asyncio.timeout(IDLE):
                await writer.wait_closed()
        except (OSError, ValueError) as exc:  # TimeoutError and ssl.SSLError are OSErrors; a line over the limit
            if isinstance(exc, ssl.SSLError):
                self._failed(peer, f"TLS: {exc.reason or exc}")
            writer.transport.abort()

    async def secure(self, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(IDLE):
            await writer.start_tls(self.context)

    busy: ClassVar[bytes]

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        """Serve one connection until it is to be closed."""


class SmtpService(MailService):
    ports: ClassVar[tuple[Port, ...]] = (Port("smtp", 2525, {"tcp": "smtp"}),)
    lmtp: ClassVar[bool] = False
    busy = b"421 4.3.2 too many connections\r\n"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        def deliver(envelope: Envelope) -> str | None:
            try:
                queued = self.shared.store.deliver(envelope)
            except LocalFailure as exc:
                queued = None
                self._failed(peer, exc.message)
            recipients = ", ".join(envelope.recipients)
            self.shared.log(
                self.ports[0].name,
                "request",
                peer=peer,
                summary=f"{envelope.sender or '<>'} -> {recipients}: {len(envelope.data)} bytes, {queued or 'no room'}",
                sender=envelope.sender,
                recipients=list(envelope.recipients),
                size=len(envelope.data),
                id=queued,
            )
            return queued

        session = Smtp(
            deliver,
            host=HOST,
            max_size=MAX_SIZE,
            offers_tls=True,
            lmtp=self.lmtp,
            faults=lambda stage, arguments: self.shared.faults.find(self.ports[0].name, stage, arguments),
        )
        writer.write(session.greeting())
        if session.gate.wait:
            await self.pause(writer, session.gate)
            writer.write(session.greeting())
        while not session.closed:
            async with asyncio.timeout(IDLE):
                await writer.drain()
                data = await reader.read(65536)
            if not data:
                return
            writer.write(session.feed(data))
            while session.gate.wait:
                await self.pause(writer, session.gate)
                writer.write(session.feed(b""))
            if session.starts_tls:
                await self.secure(writer)
                session.secured()

    async def pause(self, writer: asyncio.StreamWriter, gate: Gate) -> None:
        """Wait as a fault asks for, when what was said before is out."""
        async with asyncio.timeout(IDLE):
            await writer.drain()
        await asyncio.sleep(gate.wait)
        gate.wait = 0.0

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_SMTP": addresses["smtp"], "NETKIT_SMTP": addresses["smtp"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        where = environment["NETKIT_LAB_SMTP"]
        return [
            f"netkit smtp send {where} --from me@lab.test --to you@lab.test --text hi",
            f"netkit lab seed --smtp {where} --to you@lab.test",
        ]


class LmtpService(SmtpService):
    """What hands mail on to a mailbox: LHLO, and an answer for each recipient behind the dot (RFC 2033)."""

    ports: ClassVar[tuple[Port, ...]] = (Port("lmtp", 2424, {"tcp": "lmtp"}),)
    lmtp = True

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_LMTP": addresses["lmtp"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        return []


class Pop3Service(MailService):
    ports: ClassVar[tuple[Port, ...]] = (Port("pop3", 2110, {"tcp": "pop3"}),)
    busy = b"-ERR [SYS/TEMP] too many connections\r\n"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> None:
        store: Store = self.shared.store
        stamp = pop3.stamp(secrets.token_bytes(16), HOST)
        session = pop3.Pop3(store.open, store.delete, stamp=stamp, offers_tls=True)
        fault = await self._meet(writer, "banner")
        if fault.drop:
            return
        writer.write(f"{fault.reply}\r\n".encode() if fault.reply else session.greeting())
        buffer = b""
        while not session.closed:
            line, newline, rest = buffer.partition(b"\n")
            if len(line) > session.max_line:
                writer.write(b"-ERR the line is too long\r\n")
                return
            if not newline:
                async with asyncio.timeout(IDLE):
                    await writer.drain()
                    data = await reader.read(65536)
                if not data:
                    return
                buffer += data
                continue
            buffer = rest
            fault = await self._meet(
                writer, *line.removesuffix(b"\r").decode("utf-8", "backslashreplace").split(" ", 1)
            )
            if fault.drop:
                return
            if fault.reply:
                writer.write(f"{fault.reply}\r\n".encode())
                continue
            for piece in session.line(line.removesuffix(b"\r")):
                writer.write(piece)
                async with asyncio.timeout(IDLE):
                    await writer.drain()
            if session.starts_tls:
                buffer = b""  # what came in the clear is no command under TLS
                await self.secure(writer)
                session.starts_tls = False
        if session.user:
            self.shared.log("pop3", "request", peer=peer, summary=session.user, user=session.user)

    async def _meet(self, writer: asyncio.StreamWriter, verb: str, argument: str = "") -> Fault:
        """What is to go wrong with a command; it has been waited for already."""
        stage = verb.lower()
        if stage not in POP3:
            return NONE
        fault = self.shared.faults.find("pop3", stage, (argument,))
        if fault.wait:
            async with asyncio.timeout(IDLE):
                await writer.drain()
            await asyncio.sleep(fault.wait)
        return fault

    def environment(self, addresses: Mapping[str, str]) -> dict[str, str]:
        return {"NETKIT_LAB_POP3": addresses["pop3"], "NETKIT_POP3": addresses["pop3"]}

    def tries(self, environment: Mapping[str, str]) -> list[str]:
        where = environment["NETKIT_LAB_POP3"]
        return [f"netkit pop3 subjects --user odd@lab.test --password-cmd 'echo netkit' {where}"]
