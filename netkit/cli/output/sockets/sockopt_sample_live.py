"""`sockopt show --watch` as it goes on: sample by sample, or on a terminal in one table that stays in place."""

import sys
from collections.abc import Iterable

from netkit.cli.output.sink import Form, Output, make_console
from netkit.sockopt.sample import Sample


def follow(samples: Iterable[Sample], out: Output) -> None:
    """Show samples as they come: where standard error is a terminal too, in one table that is kept up to date."""
    if not (out.form is Form.HUMAN and sys.stdout.isatty() and sys.stderr.isatty()):
        told: set[str] = set()
        for sample in samples:
            if sample.partial and out.form is not Form.JSON and sample.who.label not in told:
                told.add(sample.who.label)
                out.note(f"netkit: {sample.who.label}: partial: {sample.partial}")
            out.show(sample)
        return
    from rich.live import Live

    from netkit.cli.output.sockets.sockopt_sample_rich import Table

    shown = Table()
    live = Live(
        console=make_console(sys.stderr, out.color), auto_refresh=False, redirect_stdout=False, redirect_stderr=False
    )
    with live:
        for sample in samples:
            shown.take(sample)
            live.update(shown.render(), refresh=True)
