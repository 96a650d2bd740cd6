"""The options of `chat serve`, in groups: where it listens, its pages, its rooms, their limits, and who may come in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import NONE, Group
from netkit.cli.options import duration, option, parse_rate, size
from netkit.cli.server_options import LISTEN, Bind, MetricsOption, page_at, port
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.chat.limits import Limits
    from netkit.chat.server import Network
    from netkit.net.address import Endpoint

CHAT_PORT = 2626
LIMITS, ROOMS, DOORS = "Limits", "What is said", "Who may come in"


class Binding(Group):
    bind: Bind = NONE
    listen_port: Annotated[str, port(CHAT_PORT)] = str(CHAT_PORT)
    unix: Annotated[list[str], option("--unix", metavar="PATH", help="A unix socket.", panel=LISTEN)] = NONE


class Pages(Group):
    """What is served besides, to Prometheus and to browsers."""

    metrics: MetricsOption = None
    web: Annotated[
        str | None, option("--web", metavar="[HOST:]PORT", help="Serve a page for browsers.", panel=LISTEN)
    ] = None
    web_origin: Annotated[
        list[str],
        option("--web-origin", metavar="URL", help="What a proxy calls the page: https://chat.test.", panel=LISTEN),
    ] = NONE

    def site(self, *, tutorial: bool) -> "Endpoint | None":
        """Where browsers find the page. Raises BadInput."""
        found = page_at(self.web)
        if found and tutorial:
            raise BadInput("--tutorial serves plain clients alone: leave --web out")
        if self.web_origin and not found:
            raise BadInput("--web-origin goes with --web")
        return found


class Rooms(Group):
    tutorial: Annotated[
        bool, option("--tutorial", help="As the tutorial's server, to the byte: no lines, no commands.", panel=ROOMS)
    ] = False
    notices: Annotated[
        str, option("--notices", metavar="[all|digest|off]", help="Who comes and goes.", panel=ROOMS)
    ] = "all"
    history: Annotated[
        int, option("--history", metavar="N", min=0, help="Lines of a room that are kept.", panel=ROOMS)
    ] = 1000
    replay: Annotated[
        int, option("--replay", metavar="N", min=0, help="Lines that a newcomer is shown.", panel=ROOMS)
    ] = 0


class Limiting(Group):
    max_clients: Annotated[
        int, option("--max-clients", metavar="N", min=1, help="Connections at once.", panel=LIMITS)
    ] = 10_000
    per_address: Annotated[
        int, option("--max-per-address", metavar="N", min=1, help="From one address; loopback is free.", panel=LIMITS)
    ] = 100
    max_line: Annotated[int, size("--max-line", help="A longer line comes as several.", panel=LIMITS)] = 4096
    line_rate: Annotated[
        str, option("--rate", metavar="RATE|off", help="Lines of one client; more wait.", panel=LIMITS)
    ] = "10/s"
    sendq: Annotated[int, size("--sendq", help="What one may be behind in a room.", panel=LIMITS)] = 1024 * 1024
    slow: Annotated[
        str, option("--slow", metavar="[drop|skip]", help="Who is further behind: out, or loses lines.", panel=LIMITS)
    ] = "drop"
    idle: Annotated[float | None, duration("--idle", help="Close who is silent for so long.", panel=LIMITS)] = None
    flush: Annotated[
        float, duration("--flush", help="Collect lines for so long when it is busy.", panel=LIMITS, default="2ms")
    ] = 0.002

    def limits(self, rooms: Rooms) -> "Limits":
        """Those of a room and of its clients. Raises BadInput, BadParameter."""
        from netkit.chat.limits import Limits

        words = (("--notices", rooms.notices, ("all", "digest", "off")), ("--slow", self.slow, ("drop", "skip")))
        for name, value, known in words:
            if value not in known:
                raise BadInput(f"{name} {value}: it is one of {', '.join(known)}")
        sizes = (("--max-line", self.max_line, 16, 1 << 20), ("--sendq", self.sendq, 4096, 1 << 30))
        for name, octets, least, most in sizes:
            if not least <= octets <= most:
                raise BadInput(f"{name} {octets}: from {least} to {most} bytes")
        return Limits(
            max_line=self.max_line,
            rate=None if self.line_rate == "off" else parse_rate(self.line_rate),
            idle=self.idle,
            skip=self.slow == "skip",
            sendq=self.sendq,
            flush=self.flush,
            history=rooms.history,
            replay=rooms.replay,
            notices=rooms.notices,
        )


class Doors(Group):
    password_file: Annotated[
        Path | None, option("--password-file", metavar="FILE", help="What clients say first.", panel=DOORS)
    ] = None
    admin_password_file: Annotated[
        Path | None, option("--admin-password-file", metavar="FILE", help="What makes a moderator.", panel=DOORS)
    ] = None
    allow: Annotated[list[str], option("--allow", metavar="CIDR", help="These networks alone.", panel=DOORS)] = NONE
    deny: Annotated[list[str], option("--deny", metavar="CIDR", help="Not these networks.", panel=DOORS)] = NONE
    accept_rate: Annotated[
        str,
        option("--accept-rate", metavar="RATE|off", help="New ones from an address; 10 s' worth at once.", panel=DOORS),
    ] = "2/s"
    proxy_protocol: Annotated[
        list[str],
        option("--proxy-protocol", metavar="CIDR", help="These send PROXY headers, v1 or v2.", panel=DOORS),
    ] = NONE

    def networks(self) -> "dict[str, list[Network]]":
        """Who may come in, who may not, and who speaks for others, as `ChatServer` takes them. Raises BadInput."""
        return {
            "allow": networks(self.allow, "--allow"),
            "deny": networks(self.deny, "--deny"),
            "proxies": networks(self.proxy_protocol, "--proxy-protocol"),
        }

    @property
    def most(self) -> float | None:
        """New ones from an address a second, None for no limit. Raises BadParameter."""
        return None if self.accept_rate == "off" else parse_rate(self.accept_rate)


def secret(file: Path | None, what: str) -> bytes | None:
    """The first line of a file. Raises BadInput, LocalFailure."""
    if file is None:
        return None
    from netkit.cli.secret import read_secret

    text = read_secret("password", file=str(file)) or ""
    if not text:
        raise BadInput(f"{what} {file}: the password is empty")
    return text.encode()


def origin(text: str) -> str:
    """SCHEME://HOST[:PORT] as browsers write it in Origin. Raises BadInput."""
    from urllib.parse import urlsplit

    try:
        url = urlsplit(text.lower().rstrip("/"))
        usual = {"http": 80, "https": 443}.get(url.scheme) == url.port
    except ValueError as exc:
        raise BadInput(f"--web-origin {text}: {exc}") from exc
    if url.scheme not in ("http", "https") or not url.hostname or url.path or url.query or "@" in url.netloc:
        raise BadInput(f"--web-origin {text}: it is a scheme and a name", hint="write https://chat.example.com")
    return f"{url.scheme}://{url.netloc.rpartition(':')[0] if usual else url.netloc}"


def networks(texts: list[str], what: str) -> "list[Network]":
    from ipaddress import ip_network

    found = []
    for text in texts:
        try:
            found.append(ip_network(text, strict=False))
        except ValueError as exc:
            raise BadInput(f"{what} {text}: {exc}", hint="write 192.0.2.0/24 or 2001:db8::/32") from exc
    return found
