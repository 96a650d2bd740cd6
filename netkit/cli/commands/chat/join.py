"""`netkit chat join`."""

import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.options import (
    TIME,
    Color,
    ColorOption,
    Json,
    Quiet,
    Trace,
    duration,
    option,
    size,
)
from netkit.cli.output.sink import Output
from netkit.cli.secret import SERVER, Password, read_secret
from netkit.cli.tls_options import ClientTls
from netkit.cli.trace import listener
from netkit.errors import BadInput, Exit, LocalFailure

if TYPE_CHECKING:
    from netkit.chat.join.client import Client
    from netkit.chat.join.talk import Talk
    from netkit.net.address import Endpoint
    from netkit.net.loop import Loop

CHAT_PORT = 2626
PIPE, SCREEN = "In a pipe", "On a terminal"


class Piping(Group):
    """What is said and heard where nobody types."""

    send: Annotated[list[str], option("--send", metavar="TEXT", help="Say it, then end; repeatable.", panel=PIPE)] = (
        NONE
    )
    no_stdin: Annotated[bool, option("--no-stdin", help="Listen alone: do not read what to say.", panel=PIPE)] = False
    count: Annotated[
        int | None, option("--count", "-n", metavar="N", min=1, help="End when N lines have come.", panel=PIPE)
    ] = None
    max_line: Annotated[int, size("--max-line", help="End when a longer line comes.", panel=PIPE)] = 64 * 1024


class Screen(Group):
    """What a person sees, hears and gets back."""

    bell: Annotated[bool, option("--bell/--no-bell", help="Ring when your nick is said.", panel=SCREEN)] = True
    clock: Annotated[bool, option("--time", help="Show when each line came.", panel=SCREEN)] = False
    history: Annotated[
        bool, option("--history/--no-history", help="Keep what you type for the next time.", panel=SCREEN)
    ] = True


@grouped
def join(
    server: Annotated[
        str,
        typer.Argument(
            metavar="HOST[:PORT]", help="The server; also tls://, unix:PATH, and the page of --web: ws://, wss://."
        ),
    ],
    *,
    nick: Annotated[str | None, option("--nick", metavar="NAME", help="Be called so.", panel=SERVER)] = None,
    room: Annotated[str | None, option("--room", metavar="ROOM", help="Go there.", panel=SERVER)] = None,
    password: Password,
    piping: Piping,
    screen: Screen,
    reconnect: Annotated[
        bool | None,
        option(
            "--reconnect/--no-reconnect",
            help="Come back when the connection is lost, after 1 s, doubling to 30 s.",
            panel=TIME,
            default="on a terminal",
        ),
    ] = None,
    timeout: Annotated[
        float | None, duration("--timeout", help="Give up after this long, all told.", panel=TIME)
    ] = None,
    connect_timeout: Annotated[
        float, duration("--connect-timeout", help="For one try to connect.", panel=TIME, default="10s")
    ] = 10.0,
    client_tls: ClientTls,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Join a chat: netkit's, the tutorial's, ncat's, or any server of lines.

    On a terminal what you type stays whole while lines come; Tab completes names, arrow up brings back what you said,
    and a lost connection is shown and tried again. Ctrl-D ends it, Ctrl-C too.

    In a pipe, and with --send, --count, --no-stdin or --json: lines in, lines out. At the end of standard input our
    side is closed, and what still comes is shown until the server closes its own; with --count, it ends when N lines
    have come and what was read by then is said.

    Over ws:// and wss:// (the port of chat serve --web) nothing is missed while the connection was away. What comes is
    made safe before a terminal sees it, whatever the server lets through.

    Exit: 0 done; 1 the server wants none of it, or the nick; 3 unreachable, or lost; 4 the time was over; 5 a line
    longer than --max-line; 6 TLS; 7 password; 9 the server is full.

    $ netkit chat join chat.example.org --nick bob --time
    $ netkit chat join 127.0.0.1:2626 --send 'the build is done'
    $ netkit chat join tls://chat.example.org --no-stdin --json --reconnect
    """
    from netkit.chat.join.client import Client
    from netkit.chat.join.talk import LineTalk, Wanted
    from netkit.net.loop import Loop

    target, url = address(server)
    for name, word in (("--nick", nick), ("--room", room)):
        if word is not None and (not word or any(char.isspace() or not char.isprintable() for char in word)):
            raise BadInput(f"{name} {word!r}: it is one word")
    if any("\n" in text or "\r" in text for text in piping.send):
        raise BadInput("--send says one line; repeat it for more")
    if piping.send and piping.no_stdin:
        raise BadInput("--send does not read standard input anyway, --no-stdin does not go with it")
    secret = read_secret("password", **password.sources)
    seen = not (piping.send or piping.count or piping.no_stdin or json) and sys.stdin.isatty() and sys.stdout.isatty()
    out = Output("chat.join", json=json, color=color, quiet=quiet)
    loop = Loop()
    secure = target.scheme in ("tls", "wss")
    make = partial(
        Client,
        loop,
        target,
        wanted=Wanted(nick, room, lambda: secret or os.environ.get("NETKIT_PASSWORD"), strict=not seen),
        security=client_tls.security() if secure else None,
        reconnect=seen if reconnect is None else reconnect,
        connect_timeout=connect_timeout,
        talk=LineTalk(piping.max_line) if url is None else web_talk(url),
        on_event=listener(trace),
    )
    if seen:
        on_terminal(loop, make, timeout, color=color, bell=screen.bell, clock=screen.clock, history=screen.history)
        return Exit.OK
    from netkit.cli.commands.chat.pipe import Pipe

    words = [os.fsencode(text) for text in piping.send] if piping.send else None
    pipe = Pipe(loop, out, send=words, stdin=not piping.no_stdin, count=piping.count, clock=screen.clock)
    client = make(on_lines=pipe.lines, on_end=pipe.ended, on_state=pipe.state, on_room=pipe.room)
    pipe.run(client, timeout)
    return Exit.OK


def address(text: str) -> "tuple[Endpoint, str | None]":
    """Where to connect, and the URL of a WebSocket. Raises BadInput."""
    from netkit.net.address import parse_endpoint

    scheme, slashes, rest = text.partition("://")
    scheme = scheme.lower()
    if not slashes or scheme not in ("ws", "wss"):
        return parse_endpoint(text, port=CHAT_PORT, schemes=("tcp", "tls", "ws", "wss")), None
    host, _, path = rest.partition("/")
    target = parse_endpoint(f"{scheme}://{host}", port=443 if scheme == "wss" else 80, schemes=("ws", "wss"))
    if target.path or target.fd is not None or target.zone:
        raise BadInput(f"{text!r}: a page has a host and a port", hint="ws://127.0.0.1:8080")
    return target, f"{scheme}://{target}/{path.rstrip('/') or 'ws'}"


def web_talk(url: str) -> "Talk":
    try:
        from netkit.chat.join.web import WebTalk
    except ImportError as exc:
        raise LocalFailure(
            "ws:// needs the package websockets", kind="missing", hint="pip install 'netkit-cli[chat]'"
        ) from exc
    return WebTalk(url)


def on_terminal(
    loop: "Loop",
    make: "partial[Client]",
    timeout: float | None,
    *,
    color: Color,
    bell: bool,
    clock: bool,
    history: bool,
) -> None:
    try:
        import prompt_toolkit  # noqa: F401
    except ImportError as exc:
        raise LocalFailure(
            "chat on a terminal needs prompt_toolkit",
            kind="missing",
            hint="pip install 'netkit-cli[chat]'; without it: netkit chat join HOST | cat",
        ) from exc
    from netkit.cli.commands.chat.terminal import Terminal

    colored = color is Color.always or (color is Color.auto and not os.environ.get("NO_COLOR"))
    Terminal(loop, make, color=colored, bell=bell, clock=clock, history=history).run(timeout)
