"""What `netkit echo-server` and `netkit hello-server` share: their options in groups, their log, a warning."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from netkit.cli.groups import NONE, Group
from netkit.cli.options import TLS, duration, option
from netkit.cli.options import rate as rate_option
from netkit.cli.output.sink import Form, Output
from netkit.cli.server_options import LISTEN, Bind, port
from netkit.cli.tls_options import ServerTls
from netkit.errors import BadInput, LocalFailure

if TYPE_CHECKING:
    import ssl
    from contextlib import ExitStack

    from netkit.cli.output.unread import UnreadLog
    from netkit.net.listen import Listening, Transport

LIMITS, FAULTS, END = "Limits", "Faults on purpose", "When it ends"
ECHO_PORT = 45000
Rate = Annotated[
    float | None,
    rate_option(
        "--rate",
        help="Datagrams, and connections, of one host.",
        panel=LIMITS,
        default="1000/s unless all is on loopback",
    ),
]


class Binding(Group):
    """Where a server listens, and for what."""

    tcp: Annotated[bool, option("--tcp", help="Serve streams alone.", panel=LISTEN)] = False
    udp: Annotated[bool, option("--udp", help="Serve datagrams alone.", panel=LISTEN)] = False
    bind: Bind = NONE
    listen_port: Annotated[str, port(ECHO_PORT)] = str(ECHO_PORT)
    unix: Annotated[
        list[str], option("--unix", metavar="PATH", help="A unix socket; unix-dgram:PATH for datagrams.", panel=LISTEN)
    ] = NONE

    @property
    def transports(self) -> "Sequence[Transport]":
        """What --tcp and --udp leave of both."""
        return ("tcp",) if self.tcp and not self.udp else ("udp",) if self.udp and not self.tcp else ("tcp", "udp")

    def where(self) -> dict[str, Any]:
        """As `open_sockets` takes it. Raises BadInput."""
        from netkit.net.address import parse_port

        number = parse_port(self.listen_port, server=True)
        return {"bind": self.bind, "port": number, "transports": self.transports, "unix": self.unix}


class Tls(ServerTls):
    tls_write_cert: Annotated[
        Path | None, option("--tls-write-cert", metavar="FILE", help="Put it there, for clients to trust.", panel=TLS)
    ] = None

    def context(self, names: Sequence[str]) -> "ssl.SSLContext | None":
        """With a certificate made now written where clients find it. Raises BadInput, LocalFailure."""
        write = self.tls_write_cert
        if write and not self.tls_self_signed:
            raise BadInput("--tls-write-cert writes the certificate that --tls-self-signed makes")
        made = self.made(names)
        if made is None:
            return None
        if write and made[1]:
            from netkit.net.whole_file import write_whole

            try:
                write_whole(write, made[1].certificate)
            except OSError as exc:
                raise LocalFailure(f"--tls-write-cert {write}: {exc.strerror}", kind="write") from exc
        return made[0]


class Connections(Group):
    max_conns: Annotated[int, option("--max-conns", metavar="N", min=1, help="Connections at once.", panel=LIMITS)] = (
        256
    )
    per_host: Annotated[
        int | None, option("--per-host", metavar="N", min=1, help="Connections at once from a host.", panel=LIMITS)
    ] = None


class Ending(Group):
    once: Annotated[bool, option("--once", help="End after one connection or datagram.", panel=END)] = False
    count: Annotated[int | None, option("--count", metavar="N", min=1, help="End after so many.", panel=END)] = None
    length: Annotated[float | None, duration("--duration", help="End after this long.", panel=END)] = None

    def most(self) -> int | None:
        """Raises BadInput."""
        if self.once and self.count not in (None, 1):
            raise BadInput("--once is --count 1: use one of them")
        return 1 if self.once else self.count


def event_log(out: Output, stack: "ExitStack") -> "UnreadLog | None":
    """What gets the events of a server; closed with the stack."""
    if out.quiet and out.form is not Form.JSON:
        return None
    from netkit.cli.output.unread import UnreadLog
    from netkit.echo.server.event import event

    log = UnreadLog(out.show, lambda number: event("limit", reason="log", times=number))
    stack.callback(log.close)
    return log


def warn(out: Output, opened: "Sequence[Listening]", rate: float | None) -> None:
    """A UDP echo that the network reaches is worth a line."""
    from netkit.echo.server.server import PUBLIC_RATE

    public = [each for each in opened if each.transport == "udp" and not each.is_loopback]
    if public:
        out.note(
            f"netkit: {public[0]} answers whoever can reach it, and sources can be forged",
            f"each host gets at most {rate or PUBLIC_RATE:g} datagrams a second (--rate); --tcp serves streams alone",
        )
