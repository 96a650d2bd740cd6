"""What an endpoint gets: the request, who asks, and what it can take from the URL, each part with its rule."""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

from netkit.lab.dns.responder import Responder
from netkit.lab.http.protocol import Header, Request, Response
from netkit.lab.mail.store import Store

MAX_COUNTED = 1000  # names


class Refused(Exception):
    """The endpoint cannot do what the URL asks for; the connection goes on."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True, slots=True)
class Call:
    """One request and where it came from.

    parts: what the endpoint's path leaves open, decoded. store: the mail. counts: how often a name was asked for. dns:
    who answers DNS.
    """

    request: Request
    peer: str
    scheme: str
    tls: ssl.SSLObject | None = None
    parts: Mapping[str, str] = field(default_factory=dict)
    store: Store | None = None
    dns: Responder | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str) -> int:
        """How often it was asked for before. The names are the client's, so there is a limit to them."""
        before = self.counts.pop(name, 0)
        while len(self.counts) >= MAX_COUNTED:
            del self.counts[next(iter(self.counts))]  # the one asked for longest ago
        self.counts[name] = before + 1
        return before

    def query(self, name: str, default: str = "") -> str:
        return next((value for key, value in self.request.query if key == name), default)

    def number(self, name: str, *, most: int, default: int | None = None) -> int:
        """A whole number from the path or the query, at most `most`."""
        text = self.parts.get(name) or self.query(name, "" if default is None else str(default))
        if not (text.isascii() and text.isdecimal()) or len(text) > 18 or int(text) > most:
            raise Refused(f"{name} is a number from 0 to {most}")
        return int(text)

    def seconds(self, name: str, *, most: float, default: float | None = None) -> float:
        text = self.parts.get(name) or self.query(name, "" if default is None else str(default))
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value <= most or len(text) > 18:
            raise Refused(f"{name} is a number of seconds from 0 to {most:g}")
        return value


def text(body: str, *, status: int = 200, headers: tuple[Header, ...] = (), kind: str = "text/plain") -> Response:
    return Response(status, [("Content-Type", f"{kind}; charset=utf-8"), *headers], body.encode())


def as_json(value: object, *, status: int = 200, headers: tuple[Header, ...] = ()) -> Response:
    body = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    return Response(status, [("Content-Type", "application/json"), *headers], body)
