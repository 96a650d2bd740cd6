"""A fetched URL as JSON (`netkit.http.report`) and as plain text: the sections that were asked for, in their order.

The body is bytes: `netkit.cli.commands.http.fetch` writes it between `before` and `after`.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from netkit.http.result import Response
from netkit.net.hop import PHASES, HopResult

SECTIONS = ("request", "headers", "body", "tls", "timing", "trailers", "informational", "hops")
AT_A_TERMINAL = frozenset(SECTIONS) - {"request", "hops"}


class View(NamedTuple):
    """A response and which parts of it to show.

    The section "hops" stands for headers and what else is wanted of every hop, not of the last alone. raw: the body
    is not laid out. chosen: somebody asked for these sections, and not for the usual ones. several: it is one of
    those of several URLs.
    """

    response: Response
    sections: frozenset[str]
    raw: bool = False
    chosen: bool = False
    several: bool = False

    @property
    def heading(self) -> str | None:
        """The URL that was asked for, where nothing else in front says which of several it is."""
        url, quiet = self.response.url, self.sections <= {"body"}
        if not self.several or quiet or "request" in self.sections or not self.response.hops:
            return None
        return url if isinstance(url, str) else url.for_people

    @property
    def hops(self) -> tuple[HopResult, ...]:
        """Those to be shown in full."""
        return self.response.hops if "hops" in self.sections else self.response.hops[-1:]


def document(view: View) -> dict[str, Any]:
    from netkit.http import report

    return report.document(view.response)


def before(view: View) -> Iterator[str]:
    """What stands in front of the body, one hop after the other, in the Latin-1 letters of the wire."""
    wanted, hops = view.sections, view.hops
    for number, hop in enumerate(hops):
        if "request" in wanted:
            yield f"{hop.hop.method} {hop.hop.url}"
            yield from (f"{name}: {value}" for name, value in hop.shown_request or ())
            yield ""
        if "informational" in wanted:
            for info in hop.informational:
                yield f"HTTP/{info.http_version} {info.status} {info.reason}".rstrip()
                yield from (f"{name}: {value}" for name, value in info.headers)
                yield ""
        if "headers" in wanted and (head := hop.head):
            yield status_line(hop)
            yield from (f"{name}: {value}" for name, value in head.headers)
            if "body" in wanted or number + 1 < len(hops):
                yield ""


def after(view: View) -> Iterator[str]:
    """What stands behind the body: facts as `hop N<TAB>name<TAB>value`, one hop after the other."""
    if not view.sections & {"tls", "timing", "trailers"}:
        return
    from netkit.http import report  # 8 ms of CPU with what reads certificates

    for number, hop in enumerate(view.response.hops, 1):
        if "trailers" in view.sections:
            yield from (f"hop {number}\ttrailer {name}\t{value}" for name, value in hop.trailers)
        if "tls" in view.sections and (tls := report.tls(hop.tls)):
            chain = tls.pop("chain")
            yield from (f"hop {number}\ttls {key}\t{_value(value)}" for key, value in tls.items())
            for depth, certificate in enumerate(chain):
                for key, value in certificate.items():
                    yield f"hop {number}\tcertificate {depth} {key}\t{_value(value)}"
        if "timing" in view.sections:
            yield from (f"hop {number}\tfailed {failure.remote}\t{failure.reason}" for failure in hop.failed or ())
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
