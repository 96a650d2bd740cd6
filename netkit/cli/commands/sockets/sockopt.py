"""`netkit sockopt list|show|get|set|diff|try`."""

from typing import Annotated

import typer

from netkit.cli.options import OUTPUT, Color, ColorOption, Json, Quiet, Trace, duration, option, timeout
from netkit.cli.output.say import say
from netkit.cli.output.sink import Form, Output
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, combine

WATCH = "Watching"
TargetArgument = Annotated[
    str, typer.Argument(metavar="TARGET", help="PID/FD, PID, :PORT, inode:N, fd:N, new:tcp4|tcp6|udp4|udp6|unix.")
]
Assignments = Annotated[list[str], typer.Argument(metavar="NAME=VALUE...", help="As rcvbuf=64K, nodelay=on, tos=ef.")]


def list_options(
    substring: Annotated[
        str, typer.Argument(metavar="[SUBSTR]", help="Those with this in the name, else in the meaning.")
    ] = "",
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> None:
    """List the socket options: type, unit, range, capability, meaning.

    In a pipe: NAME, LEVEL:NUMBER, TYPE, UNIT, RANGE, ACCESS, CAPABILITY and MEANING behind tabs. Exit: 0, or 1
    when no option has the text.

    $ netkit sockopt list buf
    """
    from netkit.sockopt.table import search

    listener(trace)
    out = Output("sockets.sockopt", json=json, color=color, quiet=quiet)
    found = tuple(search(substring))
    if out.form is Form.HUMAN:
        out.show(found)
        return
    for one in found:
        out.show(one)


def show(
    target: TargetArgument,
    changed: Annotated[bool, option("--changed", help="Only what differs from a fresh socket.")] = False,
    watch: Annotated[
        bool, option("--watch", "-w", help="Show queues and TCP_INFO again and again.", panel=WATCH)
    ] = False,
    interval: Annotated[
        float | None, duration("--interval", "-i", help="Between two looks.", panel=WATCH, default="1s")
    ] = None,
    count: Annotated[
        int | None,
        option("--count", "-n", metavar="N", min=1, help="End after so many looks.", panel=WATCH, default="no limit"),
    ] = None,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Show the options of a socket, its queues and TCP_INFO.

    The socket may be in another process: it is taken with pidfd_getfd for a moment, and neither stopped nor changed.
    Where that is not allowed you see what netlink tells of any socket, and are told so. Options whose reading takes
    something away, as SO_ERROR, are never read. On a terminal several sockets show what differs alone.

    In a pipe: SOCKET, LEVEL, NAME, VALUE, UNIT and DEFAULT behind tabs; with --watch a line a look. Exit: 0, 1 a
    process without sockets, 2 not a socket, 3 no such process or socket, 11 not allowed.

    $ netkit sockopt show :8080 --watch
    """
    if not watch:
        if interval is not None or count is not None:
            raise BadInput(f"{'--interval' if interval is not None else '--count'} goes with --watch")
        from netkit.sockopt.read import show as look

        out = Output("sockets.sockopt", json=json, color=color, quiet=quiet)
        found = list(look(target, on_event=listener(trace)))
        for one in found:
            fewer = changed or (len(found) > 1 and out.form is Form.HUMAN)
            out.show(one.changed_only() if fewer else one)
            if one.partial and out.form is Form.PLAIN:
                out.note(f"netkit: {one.who.label}: partial: {one.partial}")
        return Exit.OK
    if changed:
        raise BadInput("--changed is about options, --watch about queues and TCP_INFO")
    from netkit.cli.output.sockets.sockopt_sample_live import follow
    from netkit.sockopt.sample import watch as look_on

    out = Output("sockets.sockopt_sample", json=json, color=color, quiet=quiet)
    follow(look_on(target, interval=interval or 1.0, count=count, on_event=listener(trace)), out)
    return Exit.OK


def get(
    target: TargetArgument,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As SO_RCVBUF, nodelay or 6:1:4.")],
    short: Annotated[bool, option("--short", help="Print the values alone.", panel=OUTPUT)] = False,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Show some options of a socket.

    Names in any case, with or without prefix; what the table lacks as LEVEL:NUMBER:LEN. In a pipe: SOCKET, LEVEL, NAME,
    VALUE, UNIT and DEFAULT behind tabs; with --short the VALUE, as set takes it. Exit: as show, and 1 when a socket
    has no such option or value.

    $ netkit sockopt get 4711/5 rcvbuf nodelay
    """
    from netkit.sockopt.read import get as look

    out = Output(
        "sockets.sockopt_short" if short and not json else "sockets.sockopt", json=json, color=color, quiet=quiet
    )
    codes = []
    for one in look(target, names, on_event=listener(trace)):
        out.show(one)
        if one.partial and out.form is Form.PLAIN:
            out.note(f"netkit: {one.who.label}: partial: {one.partial}")
        for reading in one.readings:
            failed = Exit.LOCAL if one.partial else Exit.NO
            codes.append(failed if reading.reason else Exit.OK)
            if reading.reason and out.form is not Form.JSON:
                say(f"netkit: {one.who.label}: {reading.option.name}: {reading.reason}")
    return combine(codes)


def set_options(
    target: TargetArgument,
    assignments: Assignments,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Set options of a socket, and say what became of them.

    Values: on or off, 64K, 1.5s, a word (mtu_discover=do, tos=ef, congestion=cubic), off or seconds for a linger,
    hex:00ff for bytes. Nothing is set unless all of it can be read. With :PORT and PID, of every socket there.

    In a pipe: SOCKET, NAME, BEFORE, ASKED, EFFECTIVE, UNIT, ok or no, and WHY behind tabs. Exit: 0 effective (doubled
    by the kernel is), 1 not effective or refused, 2 bad name or value, 3 no such process or socket, 11 not allowed.

    $ netkit sockopt set 4711/5 keepalive=on tcp_keepidle=60
    """
    from netkit.sockopt.change import change

    out = Output("sockets.sockopt_change", json=json, color=color, quiet=quiet)
    codes = []
    for changed in change(target, assignments, on_event=listener(trace)):
        out.show(changed)
        codes += [one.exit for one in changed.changes]
    return combine(codes)


def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="A target, as of show.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Show the options in which two sockets differ.

    In a pipe: NAME, A's value, B's value and UNIT behind tabs. Exit: 0 the same, 1 they differ, else as show.

    $ netkit sockopt diff 4711/5 4711/6
    """
    from netkit.sockopt.compare import diff as compare

    found = compare(a, b, on_event=listener(trace))
    Output("sockets.sockopt_change", json=json, color=color, quiet=quiet).show(found)
    return Exit.NO if found.rows else Exit.OK


def try_options(
    endpoint: Annotated[
        str, typer.Argument(metavar="ENDPOINT", help="HOST:PORT, udp://HOST:PORT, unix:PATH or unix-dgram:PATH.")
    ],
    assignments: Assignments,
    timeout: Annotated[float, timeout("10s")] = 10.0,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Connect with options set, and show what they are once connected.

    The options are set before connect(), nothing is sent, the connection is closed at once; over UDP no packet goes
    out. In a pipe: ADDRESS, NAME, BEFORE, ASKED, EFFECTIVE, CONNECTED, UNIT, ok or no, and WHY behind tabs. Exit: as
    set, 3 unreachable, 4 no answer.

    $ netkit sockopt try 127.0.0.1:8080 nodelay=on sndbuf=64K
    """
    from netkit.net.address import parse_endpoint
    from netkit.sockopt.attempt import attempt

    where = parse_endpoint(endpoint, schemes=("tcp", "udp"))
    if where.fd is not None:
        raise BadInput(f"{endpoint} is an open descriptor", hint=f"netkit sockopt set {endpoint} sets options of it")
    tried = attempt(where, assignments, timeout=timeout, on_event=listener(trace))
    Output("sockets.sockopt_change", json=json, color=color, quiet=quiet).show(tried)
    return tried.exit
