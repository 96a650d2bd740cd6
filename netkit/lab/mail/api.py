"""The lab's mail as JSON, on its HTTP port: what is there, and what comes, as it comes.

Only pages of this machine may read it: the lab's HTTP server answers to any Host, so a name that some web page made
lead here (DNS rebinding) is refused.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Any

from netkit.lab.http.call import Call, Refused, as_json
from netkit.lab.http.protocol import Response
from netkit.lab.mail.report import report
from netkit.lab.mail.store import EVERYTHING, Kept, Store
from netkit.lab.mail.view import view

MAX_LISTED = 500  # messages of one answer; `before` has those in front of it
MAX_WAITING = 1000  # messages that a follower has not taken yet; one that is slower is hung up on
HEARTBEAT = 10.0  # seconds; an empty line shows whether a follower is still there
_HOST = re.compile(r"(?:localhost|[^/]+\.(?:test|localhost)|[0-9.]+|\[[0-9a-f:.]+\])(?::[0-9]+)?", re.IGNORECASE)


def mail(call: Call) -> Store:
    """The lab's mail, for whoever may see it. Raises Refused."""
    if not _HOST.fullmatch(call.request.get("host") or "localhost"):
        raise Refused("mail is shown to localhost, addresses and names under .test alone", 403)
    assert call.store is not None
    return call.store


def find(call: Call) -> Kept:
    """The message that the path names. Raises Refused."""
    kept = mail(call).find(call.parts["id"])
    if kept is None:
        raise Refused("there is no such message", 404)
    return kept


def listed(call: Call) -> tuple[str, list[Kept], bool]:
    """The mailbox asked for, its newest messages first, and whether older ones were left out."""
    name = call.query("mailbox", EVERYTHING)
    before = call.query("before")
    found = [kept for kept in reversed(mail(call).mailbox(name)) if not before or kept.id < before]
    return name, found[:MAX_LISTED], len(found) > MAX_LISTED


def messages(call: Call) -> Response:
    """?mailbox=NAME&before=ID: {"mailboxes": {NAME: COUNT}, "mailbox", "messages": newest first, "more"}."""
    name, found, more = listed(call)
    document = {
        "mailboxes": mail(call).mailboxes(),
        "mailbox": name,
        "messages": [report(kept) for kept in found],
        "more": more,
    }
    return as_json(document, headers=PRIVATE)


def message(call: Call) -> Response:
    """What `netkit.lab.mail.report` lists, and headers (name and value of each), text, html, files, cut."""
    kept = find(call)
    seen = view(kept.envelope.data)
    document = {
        **report(kept),
        "headers": [list(pair) for pair in seen.headers],
        "text": seen.text,
        "html": seen.html,
        "files": [{**each._asdict(), "url": f"/mail/{kept.id}/part/{each.number}"} for each in seen.files],
        "cut": seen.cut,
    }
    return as_json(document, headers=PRIVATE)


def follow(call: Call) -> Response:
    """?mailbox=NAME: a line for each message that is there, then one for each that comes; empty lines in between."""
    headers = [("Content-Type", "application/x-ndjson"), *PRIVATE]
    return Response(200, headers, _follow(mail(call), call.query("mailbox", EVERYTHING).lower()))


async def _follow(store: Store, name: str) -> AsyncIterator[bytes]:
    queue: asyncio.Queue[Kept] = asyncio.Queue()

    def watch(kept: Kept) -> None:
        if name == EVERYTHING or name in (address.lower() for address in kept.envelope.recipients):
            queue.put_nowait(kept)

    present = store.mailbox(name)
    store.watchers.add(watch)
    try:
        for kept in present:
            yield _line(report(kept))
        while queue.qsize() <= MAX_WAITING:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    kept = await queue.get()
            except TimeoutError:
                yield b"\n"
            else:
                yield _line(report(kept))
    finally:
        store.watchers.discard(watch)


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode() + b"\n"


PRIVATE = (("X-Content-Type-Options", "nosniff"), ("Cross-Origin-Resource-Policy", "same-origin"))
