"""Waits for a message in a running lab, which tells of each over its HTTP port as it comes: nothing is polled."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from netkit.errors import No, PeerError, TimedOut
from netkit.events import OnEvent
from netkit.mail.wire import Wire
from netkit.net.address import Endpoint
from netkit.net.connect import connect
from netkit.net.deadline import Deadline

MAX_LINE = 4 * 1024 * 1024  # bytes of what the lab tells of one message: it has a thousand recipients at most


def wait(
    lab: Endpoint,
    *,
    mailbox: str,
    subject: "re.Pattern[str] | None",
    deadline: Deadline,
    on_event: OnEvent | None = None,
) -> dict[str, Any]:
    """The first message in the mailbox whose subject has the pattern in it, there already or still to come.

    It comes as `netkit.lab.mail.report` describes. Raises TimedOut when there is none in time, Unreachable, PeerError
    when this is no lab or it stops, No when it does not tell.
    """
    try:
        wire = Wire(connect(lab, deadline=deadline, on_event=on_event), str(lab), deadline, on_event)
        try:
            return _first(wire, lab, mailbox, subject)
        finally:
            wire.close()
    except TimedOut as exc:
        to = "" if mailbox == "*" else f" to {mailbox}"
        about = f" with {subject.pattern!r} in its subject" if subject else ""
        raise TimedOut(f"no message{to}{about} within {deadline.seconds:g} s") from exc


def _first(wire: Wire, lab: Endpoint, mailbox: str, subject: "re.Pattern[str] | None") -> dict[str, Any]:
    path = f"/mail/api/follow?mailbox={quote(mailbox, safe='')}"
    wire.queue(f"GET {path} HTTP/1.0\r\nHost: {lab}\r\n\r\n".encode())
    lines = _lines(wire)
    found = re.fullmatch(rb"HTTP/1\.[01] (\d\d\d)(?: [^\r]*)?\r", next(lines))
    if found is None:
        raise PeerError(f"{lab}: this is no HTTP server")
    if found[1] != b"200":
        status = found[1].decode()
        raise No(f"{lab}: the answer to {path} is {status}: is this a lab?", kind=f"http_{status}")
    while next(lines) != b"\r":
        pass
    for line in lines:
        if line:
            try:
                document = json.loads(line)
                text = document["subject"]
            except (ValueError, TypeError, KeyError, RecursionError) as exc:
                raise PeerError(f"{lab}: what it tells of a message is not as a lab does") from exc
            if subject is None or subject.search(text or ""):
                return dict(document)
    raise AssertionError("an error ends the lines")


def _lines(wire: Wire) -> Iterator[bytes]:
    """Without their LF; the end of the connection is an error."""
    rest = b""
    while True:
        *lines, rest = (rest + wire.turn()).split(b"\n")
        if len(rest) > MAX_LINE:
            raise PeerError(f"{wire.name}: a line is longer than {MAX_LINE} bytes")
        yield from lines
