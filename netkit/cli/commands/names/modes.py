"""The modes of `netkit resolve` that ask more than one question of a name: --compare, --authoritative, --trace-root."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from netkit.cli.commands.names.query_options import Asking, Edns, Sending
from netkit.cli.groups import Group
from netkit.cli.options import option
from netkit.cli.output.names.looking import looking_up
from netkit.cli.output.sink import Output
from netkit.errors import BadInput, Exit, combine
from netkit.events import OnEvent

if TYPE_CHECKING:
    from netkit.dns.wire import QueryOptions
    from netkit.net.tls_client import Security

MODES = "Modes"
MODE_OPTIONS = {"compare": "--compare", "authority": "--authoritative", "descent": "--trace-root"}
TIMEOUTS = {"compare": 6.0, "authority": 10.0, "descent": 20.0}  # seconds, where --timeout says nothing


class Mode(Group):
    """Which other question is asked than for an answer."""

    compare: Annotated[
        bool, option("--compare", help="Each server, the system and the hosts file side by side.", panel=MODES)
    ] = False
    authoritative: Annotated[
        bool, option("--authoritative", help="All name servers of the zone: serials, answers.", panel=MODES)
    ] = False
    trace_root: Annotated[
        bool, option("--trace-root", help="Go from the root down, by every referral.", panel=MODES)
    ] = False
    root_hints: Annotated[
        str | None, option("--root-hints", metavar="FILE", help="The root's servers, for --trace-root.", panel=MODES)
    ] = None
    port: Annotated[
        int | None,
        option(
            "--port",
            metavar="N",
            min=1,
            max=65535,
            help="Of the name servers that a mode finds.",
            show_default="53, or @SERVER's with --trace-root",
            panel=MODES,
        ),
    ] = None

    @property
    def family(self) -> str:
        """The view of the mode that is asked for, "" for none. Raises BadInput."""
        given = {"compare": self.compare, "authority": self.authoritative, "descent": self.trace_root}
        chosen = [name for name, on in given.items() if on]
        if len(chosen) > 1:
            raise BadInput("--compare, --authoritative and --trace-root are three questions: choose one")
        if self.root_hints is not None and not self.trace_root:
            raise BadInput("--root-hints is for --trace-root")
        if self.port is not None and not (self.authoritative or self.trace_root):
            raise BadInput(
                "--port is for the name servers that --authoritative and --trace-root find",
                hint="@ADDRESS:PORT names the port of a server",
            )
        return chosen[0] if chosen else ""


def refuse(asking: Asking, sending: Sending, edns: Edns, mode: Mode, *, is_transfer: bool) -> None:
    """Raise BadInput for an option that the mode, or a zone transfer, would pass over without a word."""
    what = "a zone transfer" if is_transfer else MODE_OPTIONS[mode.family]
    if is_transfer and mode.family:
        raise BadInput(f"{MODE_OPTIONS[mode.family]} is another question than a zone transfer")
    unfit = {
        "--search": asking.search,
        "--system": asking.system,
        "--common": asking.common and is_transfer,
        "--dns": asking.dns and mode.compare,
        "--tries": sending.tries is not None and not mode.compare,
    }
    if first := next((name for name, given in unfit.items() if given), None):
        raise BadInput(f"{first} does not go with {what}")
    if is_transfer and (first := edns.carried):
        raise BadInput(f"{first} is part of EDNS, which a zone transfer does without")


def run(
    mode: Mode,
    names: Sequence[str],
    *,
    types: Sequence[str],
    servers: Sequence[str],
    version: int | None,
    tcp: bool,
    tries: int | None,
    idn: bool,
    timeout: float | None,
    options: "QueryOptions | None",
    security: "Security | None",
    form: str,
    out: Output,
    on_event: OnEvent | None,
) -> Exit:
    """Raises BadInput before anything is sent, Unreachable, LocalFailure."""
    from netkit.dns.types import PTR, A, parse_type
    from netkit.dns.wire import USUAL

    if form not in ("", "json"):
        raise BadInput(f"--{form} is for answers: this mode prints its own lines, or --json")
    family = mode.family
    common: dict[str, Any] = {"version": version, "tcp": tcp, "idn": idn, "options": options or USUAL}
    common["on_event"] = on_event
    seconds = timeout or TIMEOUTS[family]
    codes: list[Exit] = []
    if family == "compare":
        from netkit.cli.output.names.compare import verdict
        from netkit.cli.output.sink import Form
        from netkit.dns.compare import compare

        with looking_up(out, names) as waiting:
            for one in compare(
                names, types=types, servers=servers, tries=tries, timeout=seconds, security=security, **common
            ):
                with waiting.aside():
                    out.show(one)
                    if out.form is Form.PLAIN:
                        out.note(f"netkit: {verdict(one)}")
                codes.append(one.exit)
        return combine(codes)
    from netkit.dns.asking import chosen
    from netkit.dns.name import is_ip
    from netkit.dns.servers import PORT, Server
    from netkit.net.deadline import Deadline

    def to_ask() -> tuple[Server, ...]:
        source = options.source if options else ""
        return chosen(servers, version=None, source=source, deadline=Deadline.after(seconds), on_event=on_event)

    numbers = tuple(dict.fromkeys(parse_type(text) for text in types))
    if family == "descent":
        from netkit.dns.descent import descend
        from netkit.dns.root_hints import read_hints

        if servers and mode.root_hints is not None:
            raise BadInput("@SERVER and --root-hints both say where the root's servers are: choose one")
        hints = () if servers else read_hints(mode.root_hints)
        asked = to_ask() if servers else ()
        for name in names:
            for way in descend(
                name,
                types=numbers or ((PTR,) if is_ip(name) else (A,)),
                hints=hints,
                servers=asked,
                port=mode.port,
                timeout=seconds,
                security=security,
                **common,
            ):
                out.show(way)
                codes.append(way.exit)
        return combine(codes)
    from netkit.dns.authority import authority

    asked = to_ask()
    for name in names:
        found = authority(
            name,
            types=numbers or (1, 28),
            servers=asked,
            port=mode.port or PORT,
            timeout=seconds,
            security=security,
            **common,
        )
        out.show(found)
        codes.append(found.exit)
    return combine(codes)
