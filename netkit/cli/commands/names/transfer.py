"""`netkit resolve -t AXFR ZONE` and `-t IXFR=SERIAL ZONE`: the zone, or what changed since SERIAL, as it comes."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from netkit.cli.output.names.looking import looking_up
from netkit.cli.output.sink import Output
from netkit.errors import BadInput, Exit, combine
from netkit.events import OnEvent

if TYPE_CHECKING:
    from netkit.dns.wire import QueryOptions
    from netkit.net.tls_client import Security

TIMEOUT = 300.0  # seconds for each zone, where --timeout says nothing: a large one takes its time
MAX_SERIAL = (1 << 32) - 1


def wanted(types: Sequence[str]) -> tuple[bool, int | None]:
    """(whether a transfer is asked for, the serial of IXFR). Raises BadInput."""
    words = [text.strip().upper() for text in types]
    asked = [word for word in words if word.partition("=")[0] in ("AXFR", "IXFR")]
    if not asked:
        return False, None
    if len(words) > 1:
        raise BadInput(f"{asked[0]} brings the whole zone: no other type goes with it")
    kind, equals, text = asked[0].partition("=")
    if kind == "AXFR":
        if equals:
            raise BadInput("AXFR takes no serial: it brings the whole zone", hint="-t IXFR=SERIAL brings what changed")
        return True, None
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_SERIAL:
        raise BadInput(f"IXFR needs the serial that is there already, 0 to {MAX_SERIAL}", hint="write -t IXFR=SERIAL")
    return True, int(text)


def transfer(
    zones: Sequence[str],
    *,
    serial: int | None,
    idn: bool,
    servers: Sequence[str],
    version: int | None,
    options: "QueryOptions | None",
    security: "Security | None",
    timeout: float | None,
    form: str,
    out: Output,
    on_event: OnEvent | None,
) -> Exit:
    """Raises BadInput before anything is sent, Unreachable, LocalFailure."""
    from netkit.dns.asking import chosen
    from netkit.dns.name import parse_name, to_text
    from netkit.dns.transfer.protocol import Change
    from netkit.dns.transfer.stream import transfer as bring
    from netkit.dns.wire import USUAL
    from netkit.net.deadline import Deadline

    if form not in ("", "json", "zone"):
        raise BadInput(f"--{form} is not a form of a zone transfer: it prints lines of a zone file, or --json")
    names = [(text, parse_name(text, idn=idn)) for text in zones]
    options = options or USUAL
    codes: list[Exit] = []
    for _, name in names:
        deadline = Deadline.after(timeout or TIMEOUT)
        found = chosen(servers, version=version, source=options.source, deadline=deadline, on_event=on_event)
        zone = to_text(name)
        if other := next((one for one in found if one.transport in ("https", "quic")), None):
            raise BadInput(f"{other}: zones are transferred over TCP or tls:// (RFC 9103), not {other.transport}://")
        records = bring(
            name,
            found,
            name=zone,
            deadline=deadline,
            serial=serial,
            options=options,
            security=security,
            on_event=on_event,
        )
        with looking_up(out, [zone]):
            first = next(records)
        for one in chain([first], records):
            out.show(one)
            if not isinstance(one, Change):
                if one.error:
                    out.error(one.error)
                elif one.up_to_date and form != "json":
                    from netkit.cli.output.names.transfer import summary

                    out.note(f"netkit: {summary(one)}")
                codes.append(one.error.exit if one.error else Exit.OK)
    return combine(codes)
