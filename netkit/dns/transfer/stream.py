"""Zone transfers over TCP, under one deadline: records as they come, and how it ended.

The servers are tried in their order until one gives the zone; once records have been handed on, a failure is the end,
since what came cannot be taken back.
"""

import os
import select
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ssl import SSLWantReadError, SSLWantWriteError
from time import monotonic
from typing import TYPE_CHECKING

from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.transfer.protocol import AXFR, IXFR, Change, Refused, Transfer
from netkit.dns.types import type_name
from netkit.dns.wire import Malformed, Mismatch, Query, QueryOptions
from netkit.errors import Exit, LocalFailure, NetkitError, PeerError, Temporary, TimedOut, Unreachable
from netkit.events import OnEvent, Step
from netkit.net.address import Endpoint
from netkit.net.connect import connect
from netkit.net.deadline import Deadline
from netkit.net.reasons import reason_of
from netkit.net.tls_client import Security, secure

if TYPE_CHECKING:
    from netkit.dns.transfer.signed import Signed
    from netkit.dns.tsig_key import Key

READ = 256 * 1024
WOULD_BLOCK = (BlockingIOError, SSLWantReadError, SSLWantWriteError)
NO_ZONE = {5: "refuses to hand out the zone (REFUSED)", 9: "has no authority for the zone (NOTAUTH)"}
OUTCOMES = {
    Exit.UNREACHABLE: Outcome.UNREACHABLE,
    Exit.TIMEOUT: Outcome.TIMEOUT,
    Exit.SECURITY: Outcome.BOGUS,
    Exit.AUTH: Outcome.NOTAUTH,
}


@dataclass(slots=True)
class Summary:
    """What a transfer came to. serial: of the zone; incremental: differences instead of the whole zone."""

    zone: str
    type: str
    server: str
    outcome: Outcome = Outcome.TIMEOUT
    serial: int | None = None
    incremental: bool | None = None
    up_to_date: bool = False
    records: int = 0
    messages: int = 0
    octets: int = 0
    elapsed_ms: float = 0.0
    error: NetkitError | None = None


def transfer(
    zone: bytes,
    servers: Sequence[Server],
    *,
    name: str,
    deadline: Deadline,
    serial: int | None = None,
    options: QueryOptions,
    security: Security | None = None,
    on_event: OnEvent | None = None,
) -> Iterator[Change | Summary]:
    """The changes, then the Summary, always; its `error` says what went wrong, also in the middle.

    A server of transport `tls` is asked over TLS (RFC 9103), its certificate verified as `security` says.
    zone: wire name; name: the same for messages. serial: the version that is there already, for IXFR; None is AXFR.
    """
    failures: list[str] = []
    for number, server in enumerate(servers):
        summary = Summary(name, type_name(AXFR if serial is None else IXFR), str(server))
        start = monotonic()
        try:
            yield from _from(server, zone, serial, options, security or Security(), summary, deadline, on_event)
            summary.outcome = Outcome.ANSWER
        except Refused as exc:
            summary.outcome = {2: Outcome.SERVFAIL, 5: Outcome.REFUSED}.get(exc.rcode, Outcome.RCODE)
            why = NO_ZONE.get(exc.rcode, f"answers {exc}")
            hint = "its allow-transfer or provide-xfr may want an address or a --tsig-file" if exc.rcode == 5 else None
            summary.error = Temporary(f"{name} {summary.type}: {server} {why}", kind=summary.outcome.value, hint=hint)
        except (Malformed, Mismatch) as exc:
            summary.outcome = Outcome.MALFORMED if isinstance(exc, Malformed) else Outcome.MISMATCH
            after = f" after {_records(summary.records)}" if summary.records else ""
            summary.error = PeerError(f"{name} {summary.type}: {server}{after}: {exc}", kind=summary.outcome.value)
        except NetkitError as exc:
            summary.outcome = OUTCOMES.get(exc.exit, Outcome.MALFORMED)
            exc.message = f"{name} {summary.type}: {server}: {exc.message.removeprefix(f'{server}: ')}"
            summary.error = exc
        summary.elapsed_ms = round((monotonic() - start) * 1000, 3)
        if summary.error is None or summary.records or number == len(servers) - 1:
            if summary.error and failures:
                summary.error.message += "; " + "; ".join(failures)
            yield summary
            return
        failures.append(summary.error.message.removeprefix(f"{name} {summary.type}: "))


def _from(
    server: Server,
    zone: bytes,
    serial: int | None,
    options: QueryOptions,
    security: Security,
    summary: Summary,
    deadline: Deadline,
    on_event: OnEvent | None,
) -> Iterator[Change]:
    host, _, scope = server.host.partition("%")

    def prepare(sock: socket.socket) -> None:
        if options.source:
            try:
                sock.bind((options.source, 0))
            except OSError as exc:
                raise LocalFailure(f"cannot ask from {options.source}: {reason_of(exc)}", kind="source") from exc

    query = Query(int.from_bytes(os.urandom(2)), zone, AXFR if serial is None else IXFR, options)
    wire = request(query, serial)
    signed = _signed(wire, options.key)
    wire = signed.query if signed else wire
    state = Transfer(query, serial=serial)
    connection = connect(
        Endpoint("tcp", host, server.port, scope), deadline=deadline, prepare=prepare, on_event=on_event
    )
    sock = connection.socket
    if server.transport == "tls":
        name = server.name or host
        sock = secure(sock, name, where=str(server), security=security, deadline=deadline, on_event=on_event)
    with sock:
        send(sock, len(wire).to_bytes(2) + wire, deadline, server)
        if on_event:
            on_event(Step("send", str(server), f"query {summary.type}", size=len(wire), data=wire))
        for message in messages(sock, deadline, server):
            if on_event:
                on_event(Step("recv", str(server), f"message {state.messages + 1}", size=len(message), data=message))
            summary.octets += len(message)
            if signed:
                signed.check(message)
            for change in state.feed(message):
                yield change
                summary.records += 1
            summary.messages, summary.serial = state.messages, state.new_serial
            summary.incremental, summary.up_to_date = state.incremental, state.up_to_date
            if state.done:
                if signed:
                    signed.finish()
                return
    came = f"after {_records(summary.records)} " if summary.records else ""
    raise PeerError(f"{server}: ended the connection {came}before the end of the transfer", kind="truncated")


def request(query: Query, serial: int | None) -> bytes:
    """The query; for IXFR with the SOA of the version that is there, of which only the serial counts (RFC 1995 3)."""
    wire = query._replace(options=query.options._replace(edns=False, recurse=False)).wire
    if serial is None:
        return wire
    soa = b"\0\0" + serial.to_bytes(4) + bytes(16)
    record = b"\xc0\x0c\0\6" + query.options.rdclass.to_bytes(2) + bytes(4) + len(soa).to_bytes(2) + soa
    return wire[:8] + b"\0\1" + wire[10:] + record


def _signed(wire: bytes, key: "Key | None") -> "Signed | None":
    if key is None:
        return None
    from netkit.dns.transfer.signed import Signed

    return Signed(wire, key)


def send(sock: socket.socket, data: bytes, deadline: Deadline, server: Server) -> None:
    view = memoryview(data)
    while view:
        wait(sock, select.POLLOUT, deadline, server)
        try:
            view = view[sock.send(view) :]
        except WOULD_BLOCK:
            continue
        except OSError as exc:
            raise Unreachable(f"{server}: {reason_of(exc)}") from exc


def messages(sock: socket.socket, deadline: Deadline, server: Server) -> Iterator[bytes]:
    """The messages of a connection, each with two octets of length before it (RFC 7766 8), until its end.

    Raises Unreachable, TimedOut, also where they come so fast that nothing has to be waited for; PeerError for an end
    inside a message.
    """
    buffer = bytearray()
    while True:
        at = 0
        while len(buffer) - at >= 2 and len(buffer) - at >= (size := 2 + int.from_bytes(buffer[at : at + 2])):
            if deadline.passed:
                raise late(deadline, server)
            yield bytes(buffer[at + 2 : at + size])
            at += size
        del buffer[:at]
        try:
            chunk = sock.recv(READ)  # first: what TLS has decrypted already wakes no poll
        except WOULD_BLOCK:
            wait(sock, select.POLLIN, deadline, server)
            continue
        except OSError as exc:
            raise Unreachable(f"{server}: {reason_of(exc)}") from exc
        if not chunk:
            if buffer:
                raise PeerError(f"{server}: ended the connection inside a message", kind="truncated")
            return
        buffer += chunk


def wait(sock: socket.socket, events: int, deadline: Deadline, server: Server) -> None:
    poller = select.poll()
    poller.register(sock, events)
    if deadline.passed or not poller.poll(deadline.left * 1000):
        raise late(deadline, server)


def late(deadline: Deadline, server: Server) -> TimedOut:
    return TimedOut(f"{server}: the transfer has not ended within {deadline.seconds:g} s")


def _records(number: int) -> str:
    return f"{number} record{'s' * (number != 1)}"
