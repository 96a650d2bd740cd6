"""A run over many names, as `resolve -i` and `fqdn -i` have it: its input, its results as they come, how it ends."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from netkit.cli.output.names.bulk_progress import Progress
from netkit.cli.output.say import say
from netkit.cli.output.sink import Form, Output
from netkit.errors import Exit, LocalFailure, combine

if TYPE_CHECKING:
    from netkit.cli.commands.names.bulk_options import Bulk
    from netkit.dns.bulk.tally import Tally

GARBAGE = 50_000  # objects made and not freed until cycles are looked for; results have none


class Source(Protocol):
    """Where the results come from. stop: ends the run early; tally: whole when `text` has come to its end."""

    stop: Callable[[], None]
    tally: "Tally"

    @property
    def read(self) -> int:
        """Octets of the input."""

    @property
    def done(self) -> int:
        """Results so far."""

    @property
    def lines(self) -> int:
        """Lines that have been taken to their end."""

    def text(self, wake: int) -> Iterator[str]:
        """Whole lines of output; `wake` is readable once stop() was called."""


def few_collections() -> None:
    """What was loaded stays; looking through it for cycles took a quarter of the time."""
    gc.freeze()
    gc.set_threshold(GARBAGE)


@contextmanager
def opened(name: str) -> Iterator[int]:
    """The descriptor of the input. Raises LocalFailure."""
    if name == "-":
        yield 0
        return
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise LocalFailure(f"cannot read {name}: {exc.strerror}", kind="unreadable") from exc
    try:
        yield fd
    finally:
        os.close(fd)


def carried_out(
    source: Source,
    fd: int,
    out: Output,
    bulk: "Bulk",
    failing: Set[StrEnum],
    exits: Mapping[StrEnum, Exit],
) -> Exit:
    """Write the results as they come; then what is to be said of all, and the exit code that they make together.

    exits: the code of each word that the tally counts; failing: those that make it other than 0.
    """
    from netkit.cli.output.escape import visible
    from netkit.cli.output.names.bulk_summary import statistics, summary

    start = monotonic()
    interrupted = False
    with Progress(out, fd) as progress, interruptible(source.stop) as wake:
        for text in source.text(wake.fd):
            if out.form is Form.HUMAN:
                text = visible(text, lines=True)
            sys.stdout.write(text)
            sys.stdout.flush()
            progress.update(source.read, source.done)
        interrupted = wake.called
    seconds = monotonic() - start
    tally = source.tally
    if bulk.stats or interrupted:
        for line in statistics(tally, seconds, json=out.form is Form.JSON):
            say(line)
    else:
        for line in summary(tally, exits):
            out.note(line)
    if interrupted:
        name = "the input" if bulk.input == "-" else bulk.input
        lines = source.lines
        say(f"netkit: interrupted after line {lines:,} of {name}", f"tail -n +{lines + 1} has the rest")
        return Exit.INTERRUPTED
    return combine({exits[one] if one in failing else Exit.OK for one, count in tally.outcomes.items() if count})


class Wake:
    """Whether Ctrl-C came, and a descriptor that is readable since."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.called = False


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[Wake]:
    """Ctrl-C calls stop(); the second one ends at once."""
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    wake = Wake(ours)

    def handle(number: int, frame: object) -> None:
        if wake.called:
            raise KeyboardInterrupt
        wake.called = True
        stop()

    before = signal.signal(signal.SIGINT, handle)
    wake_before = signal.set_wakeup_fd(theirs)
    try:
        yield wake
    finally:
        signal.set_wakeup_fd(wake_before)
        signal.signal(signal.SIGINT, before)
        os.close(ours)
        os.close(theirs)
