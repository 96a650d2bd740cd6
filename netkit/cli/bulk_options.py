"""The options of `resolve` and `fqdn` for any number of names, read from a file or a pipe."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

from netkit.cli.groups import NONE
from netkit.cli.options import option
from netkit.cli.options import rate as rate_option
from netkit.errors import BadInput

if TYPE_CHECKING:
    from netkit.dns.result import Outcome

BULK = "Many names"
AUTO = "auto"
MOST_IN_FLIGHT = 30_000  # half of the ids that one socket can tell apart
FAILED, NO, NEVER = "failed", "no", "never"


class Bulk(NamedTuple):
    """Where the names come from, how fast they are asked, and which results are shown and count."""

    input: Annotated[
        str | None, option("--input", "-i", metavar="FILE", help="Read names from FILE; - is stdin.", panel=BULK)
    ] = None
    concurrency: Annotated[
        str, option("--concurrency", metavar="N", help="In flight per server: auto, or N.", panel=BULK)
    ] = AUTO
    rate: Annotated[
        float | None, rate_option("--rate", help="At most so many queries: 500/s.", panel=BULK, default="no limit")
    ] = None
    jobs: Annotated[
        int, option("--jobs", metavar="N", min=1, max=64, help="Spread the names over N processes.", panel=BULK)
    ] = 1
    ordered: Annotated[bool, option("--ordered", help="Print in the order of the input.", panel=BULK)] = False
    unique: Annotated[bool, option("--unique", help="Ask what comes twice once.", panel=BULK)] = False
    only: Annotated[
        list[str], option("--only", metavar="OUTCOME,...", help="Print these: no is every negative.", panel=BULK)
    ] = NONE
    but: Annotated[list[str], option("--except", metavar="OUTCOME,...", help="Print all but these.", panel=BULK)] = NONE
    confirm: Annotated[
        int, option("--confirm", metavar="N", min=0, max=20, help="Ask N other servers after a no.", panel=BULK)
    ] = 0
    lenient: Annotated[bool, option("--lenient", help="Take the host of pasted URLs and HOST:PORT.", panel=BULK)] = (
        False
    )
    stats: Annotated[bool, option("--stats", help="Print statistics to stderr at the end.", panel=BULK)] = False
    fail_on: Annotated[
        list[str], option("--fail-on", metavar="WHAT", help="failed, no, never, or outcomes.", panel=BULK)
    ] = NONE

    def without_input(self) -> None:
        """Raise BadInput for an option that is of no use without -i."""
        for field, value in self._field_defaults.items():
            if getattr(self, field) != value:
                name = {"but": "except"}.get(field, field).replace("_", "-")
                raise BadInput(f"--{name} goes with -i", hint="-i FILE reads the names from a file, -i - from stdin")

    @property
    def in_flight(self) -> int | None:
        """None leaves it to what the servers take. Raises BadInput."""
        if self.concurrency == AUTO:
            return None
        if not self.concurrency.isascii() or not self.concurrency.isdecimal() or len(self.concurrency) > 9:
            raise BadInput(f"--concurrency {self.concurrency[:40]!r} is neither auto nor a number")
        if not 1 <= int(self.concurrency) <= MOST_IN_FLIGHT:
            raise BadInput(f"--concurrency {self.concurrency}: from 1 to {MOST_IN_FLIGHT}")
        return int(self.concurrency)

    @property
    def shown(self) -> "frozenset[Outcome]":
        """The outcomes that are printed. Raises BadInput."""
        from netkit.dns.result import Outcome

        if self.only and self.but:
            raise BadInput("--only and --except exclude each other")
        if self.only:
            return outcomes("--only", self.only)
        return frozenset(Outcome) - outcomes("--except", self.but)

    @property
    def failing(self) -> "frozenset[Outcome]":
        """The outcomes that make the exit code other than 0. Raises BadInput."""
        from netkit.dns.result import NEGATIVE, Outcome

        words = [word for text in self.fail_on for word in text.split(",")] or [FAILED]
        every = frozenset(Outcome) - {Outcome.ANSWER}
        groups = {FAILED: every - {*NEGATIVE}, NO: every, NEVER: frozenset[Outcome]()}
        if len(words) == 1 and words[0] in groups:
            return groups[words[0]]
        return outcomes("--fail-on", words, *groups)


def outcomes(name: str, texts: Sequence[str], *others: str) -> "frozenset[Outcome]":
    """Those that the user named, `no` for all negative ones. Raises BadInput."""
    from netkit.dns.result import NEGATIVE, Outcome

    found: set[Outcome] = set()
    for word in [word.strip().lower() for text in texts for word in text.split(",")]:
        if word == NO and NO not in others:
            found |= {*NEGATIVE}
        elif word in Outcome._value2member_map_:
            found.add(Outcome(word))
        else:
            words = ", ".join([*others, *([] if others else [NO]), *Outcome])
            raise BadInput(f"{name}: {word[:40]!r} is no outcome", hint=f"there are {words}")
    return frozenset(found)
