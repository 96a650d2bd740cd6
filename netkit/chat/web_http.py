"""The page over HTTP, without a socket: who may ask for it by which name, its files, and what each answer forbids.

- Host has to be an address, localhost, this machine's name or one that was given: a name of somebody else's that
  resolves to this machine (DNS rebinding) would let his page talk here.
- Origin has to be the page's own, or one that was given: a WebSocket has no same-origin policy.
- The policy admits the page's own files and its own server, nothing inline, no frame round it.
"""

import socket
from collections.abc import Collection
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

SOCKET = "/ws"
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/chat.css": ("chat.css", "text/css; charset=utf-8"),
    "/chat.js": ("chat.js", "text/javascript; charset=utf-8"),
    "/link.js": ("link.js", "text/javascript; charset=utf-8"),
    "/view.js": ("view.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
HEADERS = (
    f"Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
    "Referrer-Policy: no-referrer\r\nCross-Origin-Opener-Policy: same-origin\r\n"
    "Cross-Origin-Resource-Policy: same-origin\r\nCache-Control: no-cache\r\nConnection: close\r\n"
)
STATUS = {
    200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    426: "Upgrade Required", 431: "Request Header Fields Too Large", 503: "Service Unavailable",
}  # fmt: skip


class Refusal(NamedTuple):
    """reason: a word of `event.REASONS`. text: for whoever asked."""

    status: int
    reason: str
    text: str


class Site:
    """scheme: "http" or "https". names: hosts that it is called by. origins: others whose pages may connect."""

    def __init__(self, scheme: str, names: Collection[str] = (), origins: Collection[str] = ()) -> None:
        self._scheme = scheme
        self._origins = frozenset(origins)
        machine = socket.gethostname().lower()
        short = machine.partition(".")[0]
        proxied = [urlsplit(origin).hostname or "" for origin in origins]
        self._names = frozenset((*map(str.lower, names), *proxied, machine, short, f"{short}.local", "localhost"))

    def refusal(self, hosts: list[str], origins: list[str] | None) -> Refusal | None:
        """Why a request may not be answered. hosts, origins: what its headers have; origins: None for a plain page."""
        name = host_of(hosts[0]) if len(hosts) == 1 else ""
        if not name:
            return Refusal(400, "protocol", "one Host is needed")
        if not (name in self._names or name.endswith(".localhost") or is_address(name)):
            hint = f"--web-origin {self._scheme}://NAME admits one"
            return Refusal(403, "host", f"this server goes by no such name; {hint}")
        if not origins:
            return None  # a program, not a page
        own = f"{self._scheme}://{hosts[0].lower()}"
        if len(origins) > 1 or (origins[0].lower() != own and origins[0].lower() not in self._origins):
            return Refusal(403, "origin", "a page of another site may not come in")
        return None

    def page(self, method: str, target: str) -> bytes:
        """The answer to a request for a file."""
        found = FILES.get(target.partition("?")[0])
        if found is None:
            return answer(404, "there is no such page\n", head=method == "HEAD")
        if method not in ("GET", "HEAD"):
            return answer(405, "GET it\n", "Allow: GET, HEAD\r\n")
        return response(200, found[1], content(found[0]), head=method == "HEAD")


def answer(status: int, text: str, more: str = "", *, head: bool = False) -> bytes:
    """A few words."""
    return response(status, "text/plain; charset=utf-8", text.encode(), more, head=head)


def response(status: int, kind: str, body: bytes, more: str = "", *, head: bool = False) -> bytes:
    lines = f"HTTP/1.1 {status} {STATUS[status]}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
    return f"{lines}{HEADERS}{more}\r\n".encode() + (b"" if head else body)


@cache
def content(name: str) -> bytes:
    return (Path(__file__).with_name("page") / name).read_bytes()


def host_of(header: str) -> str:
    """The name in a Host header, in small letters; "" where there is none."""
    text = header.strip().lower()
    if text.startswith("["):
        inside, bracket, rest = text[1:].partition("]")
        return inside if bracket and (not rest or port(rest)) else ""
    name, colon, number = text.partition(":")
    return name.removesuffix(".") if not colon or port(colon + number) else ""


def port(text: str) -> bool:
    return text[0] == ":" and text[1:].isascii() and text[1:].isdigit()


def is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
