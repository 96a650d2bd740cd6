"""The options of `resolve` and `fqdn` for any number of names, read from a file or a pipe."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, NamedTuple

from netkit.cli.groups import NONE
from netkit.cli.options import option
from netkit.cli.options import rate as rate_option
from netkit.errors import BadInput, Exit

if TYPE_CHECKING:
    from netkit.dns.result import Outcome

BULK = "Many names"
AUTO = "auto"
MOST_IN_FLIGHT = 30_000  # half of the ids that one socket can tell apart
FAILED, NO, NEVER = "failed", "no", "never"


Input = Annotated[
    str | None, option("--input", "-i", metavar="FILE", help="Read names from FILE; - is stdin.", panel=BULK)
]
Concurrency = Annotated[str, option("--concurrency", metavar="N", help="In flight per server: auto, or N.", panel=BULK)]
Rate = Annotated[
    float | None, rate_option("--rate", help="At most so many queries: 500/s.", panel=BULK, default="no limit")
]
Ordered = Annotated[bool, option("--ordered", help="Print in the order of the input.", panel=BULK)]
Stats = Annotated[bool, option("--stats", help="Print statistics to stderr at the end.", panel=BULK)]


class Bulk(NamedTuple):
    """Where the names come from, how fast they are asked, and which results are shown and count."""

    input: Input = None
    concurrency: Concurrency = AUTO
    rate: Rate = None
    jobs: Annotated[
        int, option("--jobs", metavar="N", min=1, max=64, help="Spread the names over N processes.", panel=BULK)
    ] = 1
    ordered: Ordered = False
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
    stats: Stats = False
    fail_on: Annotated[
        list[str], option("--fail-on", metavar="WHAT", help="failed, no, never, or outcomes.", panel=BULK)
    ] = NONE

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


class FqdnBulk(NamedTuple):
    """The same for `fqdn`, whose results have words of their own."""

    input: Input = None
    concurrency: Concurrency = AUTO
    rate: Rate = None
    ordered: Ordered = False
    stats: Stats = False
    fail_on: Annotated[
        list[str], option("--fail-on", metavar="WHAT", help="failed, no, never, or words of STATUS.", panel=BULK)
    ] = NONE

    @property
    def failing(self) -> "frozenset[StrEnum]":
        """The words that make the exit code other than 0. Raises BadInput."""
        from netkit.dns.bulk.steps import EXITS
        from netkit.dns.bulk.steps import NO as NOS
        from netkit.dns.result import NEGATIVE

        words = [word.strip().lower() for text in self.fail_on for word in text.split(",")] or [FAILED]
        every = {one: code for one, code in EXITS.items() if code is not Exit.OK and one not in NEGATIVE}
        groups = {FAILED: every.keys() - {*NOS}, NO: every.keys(), NEVER: frozenset[StrEnum]()}
        if len(words) == 1 and words[0] in groups:
            return frozenset(groups[words[0]])
        for word in words:
            if word not in every:
                hint = f"there are {', '.join([*groups, *every])}"
                raise BadInput(f"--fail-on: {word[:40]!r} is no word of a result", hint=hint)
        return frozenset(one for one in every if one in words)


def without_input(bulk: Bulk | FqdnBulk) -> None:
    """Raise BadInput for an option that is of no use without -i."""
    for field, value in bulk._field_defaults.items():
        if getattr(bulk, field) != value:
            name = {"but": "except"}.get(field, field).replace("_", "-")
            raise BadInput(f"--{name} goes with -i", hint="-i FILE reads the names from a file, -i - from stdin")


def in_flight(concurrency: str) -> int | None:
    """None leaves it to what the servers take. Raises BadInput."""
    if concurrency == AUTO:
        return None
    if not concurrency.isascii() or not concurrency.isdecimal() or len(concurrency) > 9:
        raise BadInput(f"--concurrency {concurrency[:40]!r} is neither auto nor a number")
    if not 1 <= int(concurrency) <= MOST_IN_FLIGHT:
        raise BadInput(f"--concurrency {concurrency}: from 1 to {MOST_IN_FLIGHT}")
    return int(concurrency)


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
