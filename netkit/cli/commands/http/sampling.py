"""`netkit http ... --count N`: the options, and the run that is shown while it lasts."""

from typing import TYPE_CHECKING, Annotated

from netkit.cli.groups import Group
from netkit.cli.options import duration, option
from netkit.cli.output.sink import Form, Output
from netkit.errors import BadInput, Exit

if TYPE_CHECKING:
    from netkit.events import OnEvent
    from netkit.http.request import Request

STATISTICS = "Statistics"
SHOWN_INTERVAL = 0.2  # seconds; requests that come faster are not shown one by one, as with echo-client


class Sampler(Group):
    samples: Annotated[
        int | None,
        option(
            "--count", "-n", metavar="N", min=1, help="Fetch the URL so often, and show percentiles.", panel=STATISTICS
        ),
    ] = None
    interval: Annotated[
        float | None,
        duration("--interval", help="Between the requests of --count.", panel=STATISTICS, default="1s"),
    ] = None
    fresh: Annotated[bool, option("--fresh", help="With --count: a new connection each time.", panel=STATISTICS)] = (
        False
    )

    @property
    def wanted(self) -> bool:
        """Raises BadInput for an option that needs another."""
        if self.samples is None and (self.interval is not None or self.fresh):
            raise BadInput(f"{'--fresh' if self.fresh else '--interval'} needs --count")
        return self.samples is not None

    @property
    def family(self) -> str:
        """The views of what is shown."""
        return "http.sampling" if self.wanted else "http.response"


def run(request: "Request", sampler: Sampler, out: Output, on_event: "OnEvent | None") -> Exit:
    from netkit.cli.output.http.sampling import Numbered
    from netkit.cli.output.http.sampling_live import watching
    from netkit.http.sampling import Sampling

    assert sampler.samples is not None
    interval = sampler.interval or 1.0
    sampling = Sampling(request, count=sampler.samples, interval=interval, fresh=sampler.fresh, on_event=on_event)
    each = interval >= SHOWN_INTERVAL and out.form is not Form.HUMAN  # a terminal has the table that grows
    try:
        with watching(sampling, out) as refresh:
            for response in sampling:
                refresh()
                if (each or response.error) and not out.quiet:
                    out.show(Numbered(sampling.sent, response))
    except KeyboardInterrupt:
        out.show(sampling.summary(interrupted=True))
        raise
    summary = sampling.summary()
    out.show(summary)
    if summary.error:
        out.error(summary.error)
    return summary.exit
