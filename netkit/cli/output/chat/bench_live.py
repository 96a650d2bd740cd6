"""Where `chat bench` is, on a terminal, below what is shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from netkit.cli.output.live import below, wanted
from netkit.cli.output.sink import Output

if TYPE_CHECKING:
    from netkit.chat.bench.run import Bench

REFRESH = 1.0  # seconds; drawing takes a millisecond or two, in which nothing is read


@contextmanager
def watching(run: "Bench", out: Output) -> Iterator[None]:
    if wanted(out):
        from netkit.cli.output.chat.bench_rich import progress

        with below(out, run.loop, REFRESH, lambda: progress(run.progress)):
            yield
    else:
        yield
