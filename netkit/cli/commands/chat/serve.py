"""`netkit chat serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netkit.cli.commands.chat.bus import (
    BusCacert,
    BusOption,
    BusPasswordCmd,
    BusPasswordFd,
    BusPasswordFile,
    BusUser,
    Node,
    brokers,
    carried,
    default_node,
)
from netkit.cli.options import (
    Color,
    ColorOption,
    Json,
    Quiet,
    TlsCert,
    TlsKey,
    TlsSelfSigned,
    Trace,
    duration,
    option,
    size,
)
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import told_json
from netkit.cli.server_options import LISTEN, Bind, ReadyFd, ReadyFile, port
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from netkit.chat.event import Event
    from netkit.chat.handover import Taken
    from netkit.chat.room import Frames
    from netkit.chat.server import ChatServer, Network
    from netkit.net.listen import Listening

CHAT_PORT = 2626
LIMITS, ROOMS, DOORS = "Limits", "What is said", "Who may come in"


def serve(
    bind: Bind = [],
    listen_port: Annotated[str, port(CHAT_PORT)] = str(CHAT_PORT),
    unix: Annotated[list[str], option("--unix", metavar="PATH", help="A unix socket.", panel=LISTEN)] = [],
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    tls_self_signed: TlsSelfSigned = False,
    metrics: Annotated[
        str | None,
        option("--metrics", metavar="[HOST:]PORT", help="Serve the counters to Prometheus.", panel=LISTEN),
    ] = None,
    web: Annotated[
        str | None, option("--web", metavar="[HOST:]PORT", help="Serve a page for browsers.", panel=LISTEN)
    ] = None,
    web_origin: Annotated[
        list[str],
        option("--web-origin", metavar="URL", help="What a proxy calls the page: https://chat.test.", panel=LISTEN),
    ] = [],
    tutorial: Annotated[
        bool, option("--tutorial", help="As the tutorial's server, to the byte: no lines, no commands.", panel=ROOMS)
    ] = False,
    notices: Annotated[
        str, option("--notices", metavar="[all|digest|off]", help="Who comes and goes.", panel=ROOMS)
    ] = "all",
    history: Annotated[
        int, option("--history", metavar="N", min=0, help="Lines of a room that are kept.", panel=ROOMS)
    ] = 1000,
    replay: Annotated[
        int, option("--replay", metavar="N", min=0, help="Lines that a newcomer is shown.", panel=ROOMS)
    ] = 0,
    max_clients: Annotated[
        int, option("--max-clients", metavar="N", min=1, help="Connections at once.", panel=LIMITS)
    ] = 10_000,
    per_address: Annotated[
        int, option("--max-per-address", metavar="N", min=1, help="From one address; loopback is free.", panel=LIMITS)
    ] = 100,
    max_line: Annotated[int, size("--max-line", help="A longer line comes as several.", panel=LIMITS)] = 4096,
    line_rate: Annotated[
        str, option("--rate", metavar="RATE|off", help="Lines of one client; more wait.", panel=LIMITS)
    ] = "10/s",
    sendq: Annotated[int, size("--sendq", help="What one may be behind in a room.", panel=LIMITS)] = 1024 * 1024,
    slow: Annotated[
        str, option("--slow", metavar="[drop|skip]", help="Who is further behind: out, or loses lines.", panel=LIMITS)
    ] = "drop",
    idle: Annotated[float | None, duration("--idle", help="Close who is silent for so long.", panel=LIMITS)] = None,
    flush: Annotated[
        float, duration("--flush", help="Collect lines for so long when it is busy.", panel=LIMITS, default="2ms")
    ] = 0.002,
    password_file: Annotated[
        Path | None, option("--password-file", metavar="FILE", help="What clients say first.", panel=DOORS)
    ] = None,
    admin_password_file: Annotated[
        Path | None, option("--admin-password-file", metavar="FILE", help="What makes a moderator.", panel=DOORS)
    ] = None,
    allow: Annotated[list[str], option("--allow", metavar="CIDR", help="These networks alone.", panel=DOORS)] = [],
    deny: Annotated[list[str], option("--deny", metavar="CIDR", help="Not these networks.", panel=DOORS)] = [],
    accept_rate: Annotated[
        str,
        option("--accept-rate", metavar="RATE|off", help="New ones from an address; 10 s' worth at once.", panel=DOORS),
    ] = "2/s",
    proxy_protocol: Annotated[
        list[str],
        option("--proxy-protocol", metavar="CIDR", help="These send PROXY headers, v1 or v2.", panel=DOORS),
    ] = [],
    log: Annotated[
        Path | None, option("--log", metavar="FILE", help="Add the events to it as JSON Lines.", panel=ROOMS)
    ] = None,
    length: Annotated[float | None, duration("--duration", help="End after this long.", panel=LIMITS)] = None,
    bus: BusOption = None,
    bus_cacert: BusCacert = None,
    bus_user: BusUser = None,
    bus_password_cmd: BusPasswordCmd = None,
    bus_password_file: BusPasswordFile = None,
    bus_password_fd: BusPasswordFd = None,
    node: Node = None,
    ready_fd: ReadyFd = None,
    ready_file: ReadyFile = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Run a chat that nc, telnet and browsers can join.

    Lines go to everybody else as the tutorial's server sends them: `[HOST:PORT] text`, `Client joined`, `Client left`.
    What a client types is made safe for the others' terminals; lines that begin with `/` are commands (`/help`).
    Who does not read costs its place in the room's last --sendq bytes, no copy.

    SIGTERM and Ctrl-C tell all and give them what waits for them, for 5 seconds at most; the second time at once.
    With --bus, everybody on all nodes is in one chat, in one order; the broker is any nats-server with JetStream, from
    2.9 on (`nats-server -js -sd DIR`), or a cluster of three. While it is away messages are held, 1,000 at most, and
    none is lost or doubled.

    SIGUSR2 starts the same command line anew, which takes over all connections but those of TLS and of browsers; with
    --bus it is the same node, and nothing is lost or doubled.
    Exit: 0 when it was stopped or replaced, 3 when the broker cannot be reached at the start, 11 when it cannot listen.

    $ netkit chat serve
    $ netkit chat serve --bind 0.0.0.0 --tls-self-signed --password-file secret
    $ netkit chat serve --slow skip --replay 20 --metrics 9100
    """
    import os
    import signal
    from contextlib import ExitStack

    from netkit.chat.handover import channel_of
    from netkit.chat.hub import Hub
    from netkit.chat.limits import Limits
    from netkit.chat.server import ChatServer
    from netkit.chat.upgrade import Upgrade
    from netkit.cli.options import parse_rate
    from netkit.cli.output.chat.serve import document
    from netkit.cli.output.log_file import LogFile
    from netkit.cli.output.unread import UnreadLog
    from netkit.net.address import parse_endpoint, parse_port
    from netkit.net.descriptors import allow_files
    from netkit.net.listen import listen
    from netkit.net.loop import Loop
    from netkit.net.ready import Ready
    from netkit.net.serve import serve as run
    from netkit.net.sockets import close_all, open_sockets
    from netkit.net.tls_server import from_options

    for name, value, words in (("--notices", notices, ("all", "digest", "off")), ("--slow", slow, ("drop", "skip"))):
        if value not in words:
            raise BadInput(f"{name} {value}: it is one of {', '.join(words)}")
    for name, octets, least, most in (("--max-line", max_line, 16, 1 << 20), ("--sendq", sendq, 4096, 1 << 30)):
        if not least <= octets <= most:
            raise BadInput(f"{name} {octets}: from {least} to {most} bytes")
    limits = Limits(
        max_line=max_line,
        rate=None if line_rate == "off" else parse_rate(line_rate),
        idle=idle,
        skip=slow == "skip",
        sendq=sendq,
        flush=flush,
        history=history,
        replay=replay,
        notices=notices,
    )
    channel = channel_of(os.environ)
    if channel is not None:
        told_json(False)  # while it has not taken over, standard output is the log of the process before this one
    password, admin = secret(password_file, "--password-file"), secret(admin_password_file, "--admin-password-file")
    allowed, denied = networks(allow, "--allow"), networks(deny, "--deny")
    proxies = networks(proxy_protocol, "--proxy-protocol")
    rate = None if accept_rate == "off" else parse_rate(accept_rate)
    number = parse_port(listen_port, server=True)
    cluster = brokers(
        bus, node, tutorial=tutorial, max_line=max_line, cacert=bus_cacert, user=bus_user,
        command=bus_password_cmd, file=bus_password_file, fd=bus_password_fd,
    )  # fmt: skip
    scrape = None if metrics is None else parse_endpoint(metrics if ":" in metrics else f":{metrics}", server=True)
    site = None if web is None else parse_endpoint(web if ":" in web else f":{web}", server=True)
    origins = [origin(text) for text in web_origin]
    if site and tutorial:
        raise BadInput("--tutorial serves plain clients alone: leave --web out")
    if origins and not site:
        raise BadInput("--web-origin goes with --web")
    allow_files(max_clients + 64)
    ready = Ready(fd=ready_fd if channel is None else None, file=ready_file)
    made = from_options(tls_cert, tls_key, tls_self_signed, [*bind, *([site.host] if site else [])])
    out = Output("chat.serve", json=json, color=color, quiet=quiet)
    told_json(json and channel is None)
    on_event = listener(trace)
    written = None if log is None else LogFile(log, document)
    printed = None if quiet and out.form is not Form.JSON else UnreadLog(out.show, unwritten)

    def on_log(event: "Event") -> None:
        if printed is not None:
            printed.write(event)
        if written is not None:
            written.write(event)

    with ExitStack() as stack:
        if printed is not None:
            stack.callback(printed.close)
        if written is not None:
            stack.callback(written.close)
        taken = None if channel is None else take(channel)

        def sockets(name: str, make: "Callable[[], list[Listening]]") -> "list[Listening]":
            """Those that the process before this one had, or new ones; the metrics' and browsers' as well."""
            found = groups[name] = make() if taken is None else taken.groups.get(name) or make()
            if taken is None:
                ours.extend(found)
            return found

        def handed(pid: int) -> None:
            ready.hand_over(pid)
            ours.clear()

        groups: dict[str, list[Listening]] = {}
        ours: list[Listening] = []  # to close, and remove from the folder where they have a path
        stack.callback(close_all, ours)
        opened = sockets(
            "chat",
            lambda: open_sockets(bind=bind, port=number, transports=("tcp",), unix=unix, on_event=on_event),
        )
        pages = sockets("metrics", lambda: listen([scrape], on_event=on_event) if scrape else [])
        shown = sockets("web", lambda: listen([site], on_event=on_event) if site else [])
        name = node or default_node(opened)
        loop, engine = carried(cluster, name, history, taken) if cluster else (Loop(), taken.bus() if taken else None)
        if printed is not None:
            printed.attach(loop)
        hub = Hub(
            loop,
            frames=web_frames() if site else None,
            bus=engine,
            node=name if cluster else "",
            limits=limits,
            tutorial=tutorial,
            moderate=None if admin is None else lambda text: _same(text.encode(), admin),
            on_log=on_log if printed or written else None,
        )
        server = ChatServer(
            opened,
            hub,
            tls=made[0] if made else None,
            password=password,
            max_clients=max_clients,
            per_address=per_address,
            accept_rate=rate,
            allow=allowed,
            deny=denied,
            proxies=proxies,
            on_log=on_log if printed or written else None,
        )
        if site:
            from netkit.chat.web import Web

            Web(server, shown, tls=server.tls, password=password, names=[site.host], origins=origins)
        if pages:
            from netkit.chat.metrics import render
            from netkit.net.scrape import Metrics

            for page in pages:
                stack.callback(Metrics(server.loop, page, lambda: render(server)).close)
        if taken:
            resume(taken, server)
            told_json(json)
            ours.extend(each for group in groups.values() for each in group)
        once = "" if bus_password_fd is None else "--bus-password-fd cannot be read once more: use --bus-password-file"
        upgrade = Upgrade(server, groups, handed, never=once)
        signal.signal(signal.SIGUSR2, lambda *_: server.loop.soon(upgrade.begin))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])  # blocked where this took over (Upgrade.begin)
        if length is not None:
            server.loop.later(length, server.drain)
        run(server, ready=ready, also=[f"metrics {page.endpoint}" for page in pages])
    return Exit.OK


def unwritten(number: int) -> "Event":
    from netkit.chat.event import event

    return event("limit", reason="log", times=number)


def web_frames() -> "Frames":
    from netkit.chat.web_frames import entries

    return entries


def take(channel: "socket.socket") -> "Taken":
    """Take everything over from the process before this one. Raises LocalFailure."""
    from netkit.chat.handover import Taken

    try:
        return Taken(channel)
    except (OSError, ValueError, EOFError, LookupError, TypeError) as exc:
        raise LocalFailure(f"cannot take over from the process before: {exc}", kind="handover") from exc


def resume(taken: "Taken", server: "ChatServer") -> None:
    """Go on with its clients. Raises LocalFailure."""
    try:
        taken.resume(server)
    except (OSError, ValueError, LookupError, TypeError) as exc:
        server.let_go()
        raise LocalFailure(f"cannot take over from the process before: {exc}", kind="handover") from exc


def _same(given: bytes, wanted: bytes) -> bool:
    import hmac

    return hmac.compare_digest(given, wanted)


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
