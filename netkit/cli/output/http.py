"""A fetched URL as JSON (`netkit.http.report`) and as plain text: the sections that were asked for, in their order.

The body is bytes: `netkit.cli.commands.http` writes it between `before` and `after`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from netkit.http.result import Response
from netkit.net.hop import PHASES, HopResult, masked

SECTIONS = ("request", "headers", "body", "tls", "timing")


class View(NamedTuple):
    """A response and which parts of it to show."""

    response: Response
    sections: frozenset[str]


def document(view: View) -> dict[str, Any]:
    from netkit.http import report

    return report.document(view.response)


def before(view: View) -> Iterator[str]:
    """What stands in front of the body, in the Latin-1 letters of the wire."""
    hops = view.response.hops
    if not hops:
        return
    if "request" in view.sections:
        for hop in hops:
            yield f"{hop.hop.method} {hop.hop.url}"
            yield from (f"{name}: {value}" for name, value in masked(hop.request or ()))
            yield ""
    if "headers" in view.sections and (head := hops[-1].head):
        yield status_line(hops[-1])
        yield from (f"{name}: {value}" for name, value in head.headers)
        if "body" in view.sections:
            yield ""


def after(view: View) -> Iterator[str]:
    """What stands behind the body: facts as `name<TAB>value`, one hop after the other."""
    if not view.sections & {"tls", "timing"}:
        return
    from netkit.http import report  # 8 ms of CPU with what reads certificates

    for number, hop in enumerate(view.response.hops, 1):
        if "tls" in view.sections and (tls := report.tls(hop.tls)):
            chain = tls.pop("chain")
            yield from (f"hop {number}\ttls {key}\t{_value(value)}" for key, value in tls.items())
            for depth, certificate in enumerate(chain):
                for key, value in certificate.items():
                    yield f"hop {number}\tcertificate {depth} {key}\t{_value(value)}"
        if "timing" in view.sections:
            for phase in (*PHASES, "total"):
                if (span := getattr(hop.timings, phase)) is not None:
                    yield f"hop {number}\t{phase}_ms\t{span:.3f}"


def _value(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return " ".join(value) if isinstance(value, list) else str(value)


def status_line(hop: HopResult) -> str:
    head = hop.head
    return f"HTTP/{head.http_version} {head.status} {head.reason}".rstrip() if head else ""
