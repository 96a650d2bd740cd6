"""`netkit hello-server`."""

from pathlib import Path
from typing import Annotated

import typer

from netkit.cli.commands.sockets.serving import (
    FAULTS,
    Binding,
    Connections,
    Ending,
    Rate,
    Tls,
    event_log,
    warn,
)
from netkit.cli.groups import Group, grouped
from netkit.cli.options import Color, ColorOption, Json, Quiet, Trace, duration, option, size
from netkit.cli.output.sink import Output
from netkit.cli.server_options import Telling, port
from netkit.cli.trace import listener
from netkit.errors import Exit

HELLO_PORT = 45001


class HelloBinding(Binding):
    listen_port: Annotated[str, port(HELLO_PORT)] = str(HELLO_PORT)


class Limits(Connections):
    rate: Rate = None


class Failing(Group):
    delay: Annotated[float | None, duration("--delay", help="Wait before greeting.", panel=FAULTS)] = None
    partial: Annotated[int | None, size("--partial", help="Send so much of it alone.", panel=FAULTS)] = None
    abort: Annotated[bool, option("--abort", help="Reset the connection after it.", panel=FAULTS)] = False


@grouped
def hello_server(
    text: Annotated[
        str, typer.Argument(metavar="[TEXT]", help="The greeting; its fields are {peer} {peer_port} {time} {n} {host}.")
    ] = "Hello from {host}\\n",
    file: Annotated[Path | None, option("--file", "-f", metavar="FILE", help="Greet with this file.")] = None,
    *,
    binding: HelloBinding,
    tls: Tls,
    limits: Limits,
    failing: Failing,
    ending: Ending,
    telling: Telling,
    json: Json = False,
    color: ColorOption = Color.auto,
    quiet: Quiet = False,
    trace: Trace = "",
) -> Exit:
    """Greet whoever comes over TCP or UDP, and hang up.

    The greeting always arrives, also when the client had sent something: the server closes its side alone, hears the
    client out for a second at most, and then closes. \\n and \\t in TEXT are a line end and a tab, {{ a brace. The log
    has the first line of what a client said. Exit: 0 when it was stopped, 11 when it cannot listen.

    $ netkit hello-server --tcp 'Hello {peer}, you are number {n}\\n'
    """
    from contextlib import ExitStack

    from netkit.cli.output.sockets.servers_live import watching
    from netkit.echo.server.hello import HelloServer, greeting, greeting_file
    from netkit.net.serve import serve
    from netkit.net.sockets import close_all, open_sockets

    where = binding.where()
    say = greeting_file(file) if file else greeting(text.replace("\\n", "\n").replace("\\t", "\t"))
    ready = telling.ready()
    secure = tls.context(binding.bind)
    out = Output("sockets.servers", json=json, color=color, quiet=quiet)
    on_event = listener(trace)
    with ExitStack() as stack:
        log = event_log(out, stack)
        opened = open_sockets(**where, on_event=on_event)
        stack.callback(close_all, opened)
        warn(out, opened, limits.rate)
        server = HelloServer(
            opened,
            say,
            delay=failing.delay or 0.0,
            partial=failing.partial,
            abort=failing.abort,
            tls=secure,
            max_conns=limits.max_conns,
            per_host=limits.per_host,
            rate=limits.rate,
            count=ending.most(),
            duration=ending.length,
            on_log=log.write if log else None,
            on_event=on_event,
        )
        if log:
            log.attach(server.loop)
        stack.enter_context(watching(server, out))
        serve(server, ready=ready)
    return Exit.OK
