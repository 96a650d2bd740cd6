"""`netkit chat serve`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from netkit.cli.commands.chat.bus import BusOptions, carried, default_node
from netkit.cli.commands.chat.serve_options import (
    LIMITS,
    ROOMS,
    Binding,
    Doors,
    Limiting,
    Pages,
    Rooms,
    origin,
    secret,
)
from netkit.cli.groups import grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, duration, option
from netkit.cli.output.sink import Form, Output
from netkit.cli.output.stdout import told_json
from netkit.cli.server_options import Telling, page_at
from netkit.cli.tls_options import ServerTls
from netkit.cli.trace import listener
from netkit.errors import Exit, LocalFailure

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from netkit.chat.event import Event
    from netkit.chat.handover import Taken
    from netkit.chat.room import Frames
    from netkit.chat.server import ChatServer
    from netkit.net.listen import Listening


@grouped
def serve(
    *,
    binding: Binding,
    tls: ServerTls,
    pages: Pages,
    rooms: Rooms,
    limiting: Limiting,
    doors: Doors,
    log: Annotated[
        Path | None, option("--log", metavar="FILE", help="Add the events to it as JSON Lines.", panel=ROOMS)
    ] = None,
    length: Annotated[float | None, duration("--duration", help="End after this long.", panel=LIMITS)] = None,
    on_bus: BusOptions,
    telling: Telling,
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
    from netkit.chat.server import ChatServer
    from netkit.chat.upgrade import Upgrade
    from netkit.cli.output.chat.serve import document
    from netkit.cli.output.log_file import LogFile
    from netkit.cli.output.unread import UnreadLog
    from netkit.net.address import parse_port
    from netkit.net.descriptors import allow_files
    from netkit.net.listen import listen
    from netkit.net.loop import Loop
    from netkit.net.serve import serve as run
    from netkit.net.sockets import close_all, open_sockets

    channel = channel_of(os.environ)
    if channel is not None:
        told_json(False)  # while it has not taken over, standard output is the log of the process before this one
    limits = limiting.limits(rooms)
    password = secret(doors.password_file, "--password-file")
    admin = secret(doors.admin_password_file, "--admin-password-file")
    known = doors.networks()
    rate = doors.most
    number = parse_port(binding.listen_port, server=True)
    cluster = on_bus.brokers(tutorial=rooms.tutorial, max_line=limiting.max_line)
    scrape, site = page_at(pages.metrics), pages.site(tutorial=rooms.tutorial)
    origins = [origin(text) for text in pages.web_origin]
    allow_files(limiting.max_clients + 64)
    ready = telling.ready(taken_over=channel is not None)
    made = tls.made([*binding.bind, *([site.host] if site else [])])
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
            lambda: open_sockets(
                bind=binding.bind, port=number, transports=("tcp",), unix=binding.unix, on_event=on_event
            ),
        )
        if not (channel or made or password or known["allow"]):
            warn(out, opened)
        scraped = sockets("metrics", lambda: listen([scrape], on_event=on_event) if scrape else [])
        shown = sockets("web", lambda: listen([site], on_event=on_event) if site else [])
        name = on_bus.node or default_node(opened)
        kept = rooms.history
        loop, engine = carried(cluster, name, kept, taken) if cluster else (Loop(), taken.bus() if taken else None)
        if printed is not None:
            printed.attach(loop)
        hub = Hub(
            loop,
            frames=web_frames() if site else None,
            bus=engine,
            node=name if cluster else "",
            limits=limits,
            tutorial=rooms.tutorial,
            moderate=None if admin is None else lambda text: _same(text.encode(), admin),
            on_log=on_log if printed or written else None,
        )
        server = ChatServer(
            opened,
            hub,
            tls=made[0] if made else None,
            password=password,
            max_clients=limiting.max_clients,
            per_address=limiting.per_address,
            accept_rate=rate,
            **known,
            on_log=on_log if printed or written else None,
        )
        if site:
            from netkit.chat.web import Web

            Web(server, shown, tls=server.tls, password=password, names=[site.host], origins=origins)
        if scraped:
            from netkit.chat.metrics import render
            from netkit.net.scrape import Metrics

            for page in scraped:
                stack.callback(Metrics(server.loop, page, lambda: render(server)).close)
        if taken:
            resume(taken, server)
            told_json(json)
            ours.extend(each for group in groups.values() for each in group)
        by_fd = on_bus.bus_password_fd is not None
        once = "--bus-password-fd cannot be read once more: use --bus-password-file" if by_fd else ""
        upgrade = Upgrade(server, groups, handed, never=once)
        signal.signal(signal.SIGUSR2, lambda *_: server.loop.soon(upgrade.begin))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])  # blocked where this took over (Upgrade.begin)
        if length is not None:
            server.loop.later(length, server.drain)
        run(server, ready=ready, also=[f"metrics {page.endpoint}" for page in scraped])
    return Exit.OK


def unwritten(number: int) -> "Event":
    from netkit.chat.event import event

    return event("limit", reason="log", times=number)


def warn(out: Output, opened: "list[Listening]") -> None:
    """A chat that the network reaches, and anybody can read and join, is worth a line."""
    if public := [each for each in opened if not each.is_loopback]:
        out.note(
            f"netkit: {public[0]} lets in whoever can reach it, and what is said can be read on the way",
            "--tls-cert or --tls-self-signed, --password-file, or --allow says who may",
        )


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
