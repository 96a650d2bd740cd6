"""The lab's mail in a browser, on its HTTP port: /mail/.

No script anywhere, and none would run: the policy of every page has none. A message's HTML is a document of its own
in a frame that may nothing (`sandbox`), whose own policy loads nothing from anywhere. What comes from a message goes
through `escaped`; files are downloads of bytes under names that were made safe.
"""

import shlex
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote
from zlib import crc32

from netkit.lab.http.call import Call, Refused
from netkit.lab.http.protocol import Header, Response
from netkit.lab.mail import api
from netkit.lab.mail.page_text import disposition, escaped, size_text
from netkit.lab.mail.report import report
from netkit.lab.mail.store import EVERYTHING, Kept
from netkit.lab.mail.view import File, View, file, view

MAX_SOURCE = 256 * 1024  # bytes of a message that its page shows; the whole of it is a download
MAX_BOXES = 200  # mailboxes that the list names
MAX_FILES = 100
COLORS = 8
REFRESH = 2  # seconds, of the list that follows
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)
FILE_POLICY = "default-src 'none'; sandbox"


def _headers(kind: str, policy: str, *more: Header) -> Sequence[Header]:
    return (
        ("Content-Type", kind),
        ("Content-Security-Policy", policy),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("X-DNS-Prefetch-Control", "off"),
        ("Cache-Control", "no-store"),
        *more,
    )


def style(call: Call) -> Response:
    return Response(200, _headers("text/css; charset=utf-8", FILE_POLICY), _css())


@cache
def _css() -> bytes:
    return Path(__file__).with_name("mail.css").read_bytes()


def messages(call: Call) -> Response:
    """?mailbox=NAME&before=ID&live=1: the messages of a mailbox, newest first."""
    name, found, more = api.listed(call)
    live = bool(call.query("live"))
    boxes = list(api.mail(call).mailboxes().items())
    rows = "".join(map(_row, found))
    box = f"mailbox={quote(name, safe='')}"
    older = f'<a class="more" href="/mail?{box}&amp;before={found[-1].id}">Older messages</a>' if more else ""
    listed = f'<ul class="list">{rows}</ul>{older}' if rows else _empty(call, name)
    links = "".join(
        f'<a href="/mail?mailbox={quote(each, safe="")}"{_on(each == name.lower())}>'
        f"<bdi>{'All mail' if each == EVERYTHING else escaped(each)}</bdi><span>{count}</span></a>"
        for each, count in boxes[:MAX_BOXES]
    )
    follow = f'<a href="/mail?{box}{"" if live else "&amp;live=1"}"{_on(live)}>Live</a>'
    body = (
        f'<div class="frame"><nav class="boxes" aria-label="Mailboxes">{links}</nav>'
        f'<main class="sheet">{listed}</main></div>'
    )
    refresh = f'<meta http-equiv="refresh" content="{REFRESH}">' if live else ""
    return _page("All mail" if name == EVERYTHING else name, follow, body, refresh)


def message(call: Call) -> Response:
    """?show=html, text, headers or source: a message."""
    kept = api.find(call)
    seen = view(kept.envelope.data)
    have = {"html": seen.html is not None, "text": seen.text is not None, "headers": True, "source": True}
    show = call.query("show")
    if not have.get(show):
        show = next(name for name, there in have.items() if there)
    here = f"/mail/{kept.id}"
    names = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source"}
    tabs = "".join(
        f'<a href="{here}?show={name}"{_on(name == show)}>{names[name]}</a>' for name, there in have.items() if there
    )
    notes = '<p class="note">There are more parts than are shown; the source has all.</p>' if seen.cut else ""
    body = (
        f'<main class="message"><p class="back"><a href="/mail">← All mail</a></p><article class="sheet">'
        f"{_head(kept)}{_files(here, seen.files)}"
        f'<nav class="tabs" aria-label="Views">{tabs}<a class="last" href="{here}/raw">Download</a></nav>'
        f"{notes}{_shown(show, kept, seen)}</article></main>"
    )
    return _page(report(kept)["subject"] or "(no subject)", "", body, api=f"/mail/api/{kept.id}")


def html(call: Call) -> Response:
    """The HTML of a message, for its frame."""
    seen = view(api.find(call).envelope.data)
    if seen.html is None:
        raise Refused("this message has no HTML", 404)
    return Response(200, _headers("text/html; charset=utf-8", HTML_POLICY), seen.html.encode("utf-8", "replace"))


def raw(call: Call) -> Response:
    """The message itself, as a file."""
    kept = api.find(call)
    return _download(f"{kept.id}.eml", kept.envelope.data)


def part(call: Call) -> Response:
    """What a part holds, as a file."""
    found = file(api.find(call).envelope.data, call.number("n", most=1_000_000))
    if found is None:
        raise Refused("there is no such part", 404)
    return _download(*found)


def _download(name: str, data: bytes) -> Response:
    kind = ("Content-Disposition", disposition(name))
    return Response(200, _headers("application/octet-stream", FILE_POLICY, kind), data)


def _page(title: str, links: str, body: str, head: str = "", *, api: str = "/mail/api") -> Response:
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escaped(title)} · netkit lab</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f'<link rel="stylesheet" href="/mail/style.css">{head}'
        f'<header class="bar"><a class="name" href="/mail">netkit <span>lab mail</span></a>'
        f'<nav>{links}<a href="{api}">JSON</a></nav></header>{body}</html>\n'
    )
    return Response(200, _headers("text/html; charset=utf-8", PAGE_POLICY), page.encode())


def _on(yes: bool) -> str:
    return ' class="on" aria-current="page"' if yes else ""


def _row(kept: Kept) -> str:
    told = report(kept)
    sender = told["from"][0] if told["from"] else {"name": "", "address": told["sender"]}
    who = sender["name"] or sender["address"] or "<>"
    recipients = told["recipients"]
    to = ", ".join(recipients[:3]) + (f" and {len(recipients) - 3} more" if len(recipients) > 3 else "")
    return (
        f'<li><a href="/mail/{kept.id}">{_dot(who)}'
        f'<span class="subject">{_subject(told["subject"])}</span>{_time(kept)}'
        f'<span class="people"><bdi>{escaped(who)}</bdi> → <bdi>{escaped(to)}</bdi></span>'
        f'<span class="size">{size_text(told["size"])}</span></a></li>'
    )


def _subject(subject: str | None) -> str:
    text = " ".join((subject or "").split())
    return f"<bdi>{escaped(text)}</bdi>" if text else '<span class="none">(no subject)</span>'


def _dot(who: str) -> str:
    letter = next((char for char in who if char.isalnum()), "?")
    color = crc32(who.encode("utf-8", "replace")) % COLORS
    return f'<span class="dot d{color}" aria-hidden="true">{escaped(letter)}</span>'


def _time(kept: Kept) -> str:
    local = kept.time.astimezone()
    return f'<time datetime="{kept.time.isoformat()}" title="{local:%Y-%m-%d %H:%M:%S}">{local:%H:%M:%S}</time>'


def _head(kept: Kept) -> str:
    told = report(kept)
    sender = told["from"][0] if told["from"] else {"name": "", "address": told["sender"]}
    rows = [(name.capitalize(), _people(told[name])) for name in ("from", "to", "cc") if told[name]]
    if told["date"]:
        rows.append(("Date", escaped(told["date"].replace("T", " ").replace("Z", " UTC"))))
    tags = [f"from {told['sender'] or '<>'}", *(f"to {each}" for each in told["recipients"][:20])]
    left = len(told["recipients"]) - 20
    tags += [f"and {left} more"] if left > 0 else []
    tags += [f"as {told['user']}"] if told["user"] else []
    tags += [f"{name} {told[key]}" for name, key in (("RET", "ret"), ("ENVID", "envid"), ("BODY", "body")) if told[key]]
    tags += [f"NOTIFY {','.join(each['notify'])}" for each in told["notify"][:20] if each["notify"]]
    tags += ["SMTPUTF8"] if told["smtputf8"] else []
    tags.append(size_text(told["size"]))
    rows.append(("Envelope", "".join(f'<span class="tag"><bdi>{escaped(tag)}</bdi></span>' for tag in tags)))
    listed = "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in rows)
    who = sender["name"] or sender["address"] or "<>"
    return (
        f'<header class="head"><h1>{_subject(told["subject"])}</h1>'
        f'<div class="who">{_dot(who)}<dl>{listed}</dl></div></header>'
    )


def _people(boxes: Sequence[dict[str, str]]) -> str:
    shown = (f"{box['name']} <{box['address']}>" if box["name"] and box["address"] else box["name"] or box["address"]
             for box in boxes)  # fmt: skip
    return ", ".join(f"<bdi>{escaped(each)}</bdi>" for each in shown)


def _shown(show: str, kept: Kept, seen: View) -> str:
    if show == "html":
        return (
            f'<iframe sandbox src="/mail/{kept.id}/html" title="The message as HTML" '
            f'referrerpolicy="no-referrer"></iframe>'
        )
    if show == "text":
        return f'<pre class="text">{escaped(seen.text or "")}</pre>'
    if show == "headers":
        fields = "".join(
            f"<dt>{escaped(name)}</dt><dd><bdi>{escaped(value)}</bdi></dd>" for name, value in seen.headers
        )
        return f'<dl class="fields">{fields}</dl>'
    data = kept.envelope.data[:MAX_SOURCE]
    cut = '<p class="note">This is its beginning; Download has all.</p>' if len(data) < len(kept.envelope.data) else ""
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    return f"{cut}<pre>{escaped(text)}</pre>"


def _files(here: str, found: Sequence[File]) -> str:
    if not found:
        return ""
    items = "".join(
        f'<li><a href="{here}/part/{each.number}" download><b><bdi>{escaped(each.name)}</bdi></b>'
        f"<span><bdi>{escaped(each.kind[:60])}</bdi> · {size_text(each.size)}</span></a></li>"
        for each in found[:MAX_FILES]
    )
    left = len(found) - MAX_FILES
    more = f'<p class="note">And {left} more.</p>' if left > 0 else ""
    return f'<ul class="files" aria-label="Files">{items}</ul>{more}'


def _empty(call: Call, name: str) -> str:
    to = "you@lab.test" if name == EVERYTHING else name
    return (
        f'<div class="empty"><h2>No mail yet</h2>What is sent to the lab appears here.<br>'
        f"<code>netkit lab seed --to {escaped(shlex.quote(to))}</code></div>"
    )
