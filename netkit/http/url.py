"""URLs as users write them and servers send them, as a frozen `Url` that says exactly what goes on the wire.

Forms: `https://h/p`, `h/p` (https), `localhost/p`, an IP address or `:8080/p` (http, on loopback where no host is
written), `[v6]`, `[fe80::1%eth0]`, IDN hosts, `user:password@` (Basic auth). Dot segments are removed (RFC 3986
5.2.4), what may not stand in a path or query is percent-encoded as UTF-8, a fragment is dropped. Refused: spaces and
control characters, schemes but http and https, legacy IPv4 forms, ports outside 1 to 65535.

Not `urllib.parse`: it accepts most of what must be refused here, and costs 6 ms of CPU for `ipaddress`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from netkit.errors import BadInput
from netkit.net.hostname import is_ipv4, to_ascii, to_unicode

MAX_URL = 64 * 1024  # characters; servers stop far earlier (8 KiB is usual), libcurl at 8 MB
PORTS = {"http": 80, "https": 443}
SCHEMES: dict[str, Literal["http", "https"]] = {"http": "http", "https": "https"}

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)
_PERCENT = r"%[0-9A-Fa-f]{2}"  # compiled when wanted
_PATH_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/")
_QUERY_SAFE = _PATH_SAFE | frozenset(b"?[]")
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


@dataclass(frozen=True, slots=True)
class Url:
    """host: A-labels or an IP address. user, password: of the userinfo, decoded. guessed: no scheme was written."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    path: str = "/"
    query: str | None = None
    zone: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    guessed: bool = False

    def __str__(self) -> str:
        """What is requested, without userinfo; for messages and output."""
        return f"{self.scheme}://{self._authority(self.host)}{self.target}"

    @property
    def target(self) -> str:
        """The path and query, as the request line has them."""
        return self.path if self.query is None else f"{self.path}?{self.query}"

    @property
    def wire(self) -> str:
        """The form the engine takes: ASCII, the zone percent-encoded (RFC 6874)."""
        host = f"{self.host}%25{self.zone}" if self.zone else self.host
        return f"{self.scheme}://{self._authority(host)}{self.target}"

    @property
    def for_people(self) -> str:
        """With an internationalised host in its own letters."""
        return f"{self.scheme}://{self._authority(to_unicode(self.host))}{self.target}"

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        """Whom credentials are for (RFC 6454)."""
        return self.scheme, f"{self.host}%{self.zone}" if self.zone else self.host, self.port

    @property
    def is_loopback(self) -> bool:
        """Whether the name or address can only mean this machine (RFC 6761, RFC 1122, RFC 4291)."""
        return is_loopback(self.host)

    def _authority(self, host: str) -> str:
        host = f"[{host}]" if ":" in host else host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def is_loopback(host: str) -> bool:
    """Whether a name or address can only mean this machine (RFC 6761, RFC 1122, RFC 4291)."""
    name = host.removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or host == "::1" or (is_ipv4(host) and host[:4] == "127.")


def parse_url(text: str, *, query: Iterable[tuple[str, str | None]] = ()) -> Url:
    """The URL that a user wrote; `query` pairs are appended, encoded. Raises BadInput naming the part and the rule."""
    if not text:
        raise BadInput("the URL is empty")
    if len(text) > MAX_URL:
        raise BadInput(f"URL {text[:40]}…: {len(text)} characters, the limit is {MAX_URL}")
    for place, char in enumerate(text):
        if char <= " " or char == "\x7f":
            named = {" ": "a space", "\r": "CR", "\n": "LF", "\0": "NUL", "\t": "TAB"}.get(char, "a control character")
            raise BadInput(
                f"URL {_short(text)}: {named} at character {place + 1} is not allowed",
                hint=f"write it as %{ord(char):02X} if it is meant",
            )
    url = _parse(text, text)
    if pairs := "&".join(_pair(name, value) for name, value in query):
        url = replace(url, query=f"{url.query}&{pairs}" if url.query else pairs)
    return url


def join(base: Url, reference: str) -> Url:
    """The target of a redirect (RFC 3986 5.2). Raises BadInput; `Unsupported` when the scheme is another one."""
    text = reference.encode("latin-1", "replace").decode("utf-8", "surrogateescape").strip(" \t")
    if bad := next((char for char in text if char < " " or char == "\x7f"), None):
        raise BadInput(f"{_short(text)}: control character {bad!r}")
    if len(text) > MAX_URL:
        raise BadInput(f"{_short(text)}: {len(text)} characters, the limit is {MAX_URL}")
    plain = replace(base, user=None, password=None, guessed=False)
    if scheme := re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*):", text):
        if scheme[1].lower() not in SCHEMES:
            raise Unsupported(f"{_short(text)}: scheme {scheme[1].lower()!r}")
        if not text[scheme.end() :].startswith("//"):
            raise BadInput(f"{_short(text)}: '//' is missing after the scheme")
        return _parse(text, text)
    if text.startswith("//"):
        return _parse(f"{base.scheme}:{text}", text)
    reference, _, _ = text.partition("#")
    path, mark, query = reference.partition("?")
    encoded = _encode(query, _QUERY_SAFE) if mark else None
    if path.startswith("/"):
        return replace(plain, path=_clean(path), query=encoded)
    if path:
        return replace(plain, path=_clean(base.path.rpartition("/")[0] + "/" + path), query=encoded)
    return replace(plain, query=encoded if mark else base.query)


class Unsupported(BadInput):
    """The scheme is neither http nor https."""


def _parse(text: str, whole: str) -> Url:
    scheme, rest = "", text
    if found := _SCHEME.fullmatch(text):
        scheme, rest = found[1].lower(), found[2]
        if scheme not in SCHEMES:
            raise Unsupported(f"URL {_short(whole)}: scheme {scheme!r} is not http or https")
    elif re.match(r"https?:", text, re.IGNORECASE):
        raise BadInput(f"URL {_short(whole)}: '//' is missing after the scheme", hint="write http://HOST/PATH")
    end = next((place for place, char in enumerate(rest) if char in "/?#"), len(rest))
    authority, target = rest[:end], rest[end:].partition("#")[0]
    userinfo, at, host_port = authority.rpartition("@")
    if "\\" in authority:
        raise BadInput(f"URL {_short(whole)}: a backslash cannot stand in front of the path")
    host, zone, port = _host_port(host_port, whole, guess=not scheme)
    if not scheme:
        local = host == "localhost" or host.endswith(".localhost") or ":" in host or is_ipv4(host)
        scheme = "http" if local else "https"
    path, mark, query = target.partition("?")
    user, colon, password = userinfo.partition(":")
    return Url(
        scheme=SCHEMES[scheme],
        host=host,
        port=port or PORTS[scheme],
        path=_clean(path),
        query=_encode(query, _QUERY_SAFE) if mark else None,
        zone=zone,
        user=_decode(user, whole) if at else None,
        password=_decode(password, whole) if colon else None,
        guessed=not found,
    )


def _host_port(text: str, whole: str, *, guess: bool) -> tuple[str, str, int | None]:
    """(host, zone, port) of the part behind the userinfo."""
    if text.startswith("["):
        inside, bracket, after = text[1:].partition("]")
        if not bracket:
            raise BadInput(f"URL {_short(whole)}: '[' is never closed")
        if after and not after.startswith(":"):
            raise BadInput(f"URL {_short(whole)}: {after!r} after ']' is not a port")
        from netkit.net.address import parse_host, refuse_without_interface  # 5 ms for `ipaddress`

        if ":" not in inside:
            raise BadInput(f"URL {_short(whole)}: only an IPv6 address stands in brackets")
        host, zone = parse_host(inside.replace("%25", "%", 1), f"URL {whole}")
        refuse_without_interface(host, zone, whole)
        return host, zone, _port(after[1:], whole)
    host, _, port = text.partition(":")
    if ":" in port:
        raise BadInput(
            f"URL {_short(whole)}: more than one ':' in {text!r}", hint=f"an IPv6 address stands in brackets: [{text}]"
        )
    if not host:
        if guess and port:
            return "127.0.0.1", "", _port(port, whole)
        raise BadInput(f"URL {_short(whole)}: no host")
    if "%" in host:
        raise BadInput(f"URL {_short(whole)}: '%' is not allowed in a host name")
    if is_ipv4(host):
        return host, "", _port(port, whole)
    try:
        name = to_ascii(host)
    except BadInput as exc:
        raise BadInput(f"URL {_short(whole)}: {exc.message}", hint=exc.hint) from exc
    if not name:
        raise BadInput(f"URL {_short(whole)}: no host")
    return name, "", _port(port, whole)


def _port(text: str, whole: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()):
        if "@" in whole:  # http://joe:se/cret@host/: what is quoted would be a password
            raise BadInput(
                "the URL's port is not a number", hint="write / ? # in a user name or password as %2F %3F %23"
            )
        raise BadInput(f"URL {_short(whole)}: port {text[:40]!r} is not a number")
    if len(text) > 5 or not 1 <= int(text) <= 65535:
        raise BadInput(f"URL {_short(whole)}: port {text[:20]} is outside 1 to 65535")
    return int(text)


def _clean(path: str) -> str:
    """The path encoded, without dot segments (RFC 3986 5.2.4), never empty."""
    kept: list[str] = []
    segments = _encode(path, _PATH_SAFE).split("/")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        dots = segment.replace("%2e", ".").replace("%2E", ".")
        if dots == "..":
            if len(kept) > 1:
                kept.pop()
            if last:
                kept.append("")
        elif dots == ".":
            if last:
                kept.append("")
        else:
            kept.append(segment)
    joined = "/".join(kept)
    return joined if joined.startswith("/") else f"/{joined}"


def _encode(text: str, safe: frozenset[int]) -> str:
    """Percent-encoded where needed; what is encoded already stays, a lone % becomes %25."""
    if text.isascii() and all(ord(char) in safe for char in text):
        return text
    parts: list[str] = []
    place = 0
    for found in re.finditer(_PERCENT, text):
        parts += [_quote(text[place : found.start()], safe), found[0]]
        place = found.end()
    return "".join([*parts, _quote(text[place:], safe)])


def _quote(text: str, safe: frozenset[int]) -> str:
    return "".join(chr(byte) if byte in safe else f"%{byte:02X}" for byte in text.encode("utf-8", "surrogateescape"))


def _pair(name: str, value: str | None) -> str:
    encoded = _quote(name, _UNRESERVED)
    return encoded if value is None else f"{encoded}={_quote(value, _UNRESERVED)}"


def _decode(text: str, whole: str) -> str:
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda found: bytes([int(found[1], 16)]), text.encode())
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise BadInput(f"URL {_short(whole)}: the user name or password is not UTF-8") from exc


def _short(text: str, limit: int = 80) -> str:
    """The URL quoted for a message, a password in it left out, cut when it is long."""
    text = re.sub(r"^([a-zA-Z][a-zA-Z0-9+.-]*://)?[^/?#]*@", r"\1***@", text)
    return repr(text if len(text) <= limit else text[:limit] + "…")
