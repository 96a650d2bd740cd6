"""The checks of one fetch while it runs: what they need of the body is kept, their verdict joins that of the status.

A status that is expected is no failure, whatever it is; without an expectation the usual judgement stands first and
the checks behind it. Those about time come last, when all of it is there.
"""

from collections.abc import Iterable, Sequence

from netkit.errors import NetkitError, No
from netkit.http.checks import MAX_SEARCHED, Check, Checks
from netkit.net.hop import HopResult, OnBody


class Checking:
    def __init__(self, checks: Checks) -> None:
        self.checks = checks
        self.sample = bytearray()  # the first of the decoded body
        self.continued = False  # the reply is the rest of a file that was asked for, or says that there is none
        self.found: tuple[Check, ...] = ()

    def watch(self, give: OnBody) -> OnBody:
        """What takes the pieces of a body that begins now."""
        self.sample, self.continued = bytearray(), False
        if not self.checks.body:
            return give

        def take(data: bytes) -> bool | None:
            self.sample.extend(data[: MAX_SEARCHED - len(self.sample)])
            return give(data)

        return take

    def look_back(self, pieces: Iterable[bytes]) -> None:
        """The body is a file whose beginning came earlier. pieces: all of it."""
        self.sample, self.continued = bytearray(), True
        if self.checks.body:
            for piece in pieces:
                self.sample.extend(piece[: MAX_SEARCHED - len(self.sample)])
                if len(self.sample) == MAX_SEARCHED:
                    break

    def reply(self, last: HopResult, error: NetkitError | None) -> NetkitError | None:
        """What the last reply means. error: what its status alone means."""
        if last.head is None:
            return error
        self.found = tuple(self.checks.reply(last.head, bytes(self.sample), continued=self.continued))
        if self.checks.status:
            error = None
        return error or _failure(last, self.found)

    def time(self, hops: Sequence[HopResult]) -> NetkitError | None:
        """Whether it took longer than it may."""
        spans = tuple(self.checks.time(hops))
        self.found += spans
        return _failure(hops[-1], spans)

    def verdicts(self) -> tuple[Check, ...]:
        """All of them, None where the reply did not come to its end."""
        return self.found or tuple(self.checks.skipped())


def _failure(last: HopResult, found: Sequence[Check]) -> No | None:
    failed = [check for check in found if check.ok is False]
    return (
        No("; ".join(f"{last.hop.url}: {check.message}" for check in failed), kind="check_failed") if failed else None
    )
