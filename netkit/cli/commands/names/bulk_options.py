"""The options of `resolve` and `fqdn` for any number of names, read from a file or a pipe."""

from collections.abc import Mapping, Set
from enum import StrEnum
from typing import Annotated, NamedTuple

from netkit.cli.groups import NONE, Group
from netkit.cli.options import option
from netkit.cli.options import rate as rate_option
from netkit.errors import BadInput, Exit

BULK = "Many names"
AUTO = "auto"
MOST_IN_FLIGHT = 30_000  # half of the ids that one socket can tell apart
FAILED, NO, NEVER = "failed", "no", "never"


class Words(NamedTuple):
    """The words that results have: the exit code of each, and which of them are a no."""

    exits: "Mapping[StrEnum, Exit]"
    negative: "Set[StrEnum]"
    noun: str  # for what a word may be that there is not

    def named(self, name: str, texts: list[str], *others: str) -> "frozenset[StrEnum]":
        """Those that the user named, `no` for all negative ones. Raises BadInput."""
        known = {one.value: one for one in self.exits}
        found: set[StrEnum] = set()
        for word in [word.strip().lower() for text in texts for word in text.split(",")]:
            if word == NO and NO not in others:
                found |= self.negative
            elif word in known:
                found.add(known[word])
            else:
                words = ", ".join([*others, *([] if others else [NO]), *known])
                raise BadInput(f"{name}: {word[:40]!r} is no {self.noun}", hint=f"there are {words}")
        return frozenset(found)


class Bulk(Group):
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

    def shown(self, words: Words) -> "frozenset[StrEnum] | None":
        """The words of the results that are printed, None for all. Raises BadInput."""
        if self.only and self.but:
            raise BadInput("--only and --except exclude each other")
        if self.only:
            return words.named("--only", self.only)
        return frozenset(words.exits) - words.named("--except", self.but) if self.but else None

    def failing(self, words: Words) -> "frozenset[StrEnum]":
        """The words that make the exit code other than 0. Raises BadInput."""
        texts = [word for text in self.fail_on for word in text.split(",")] or [FAILED]
        every = frozenset(one for one, code in words.exits.items() if code is not Exit.OK)
        groups = {FAILED: every - words.negative, NO: every, NEVER: frozenset[StrEnum]()}
        if len(texts) == 1 and texts[0].strip().lower() in groups:
            return groups[texts[0].strip().lower()]
        return words.named("--fail-on", texts, *groups)

    def refuse_together(self) -> None:
        """Raise BadInput for options that exclude each other."""
        if self.unique and self.jobs > 1:
            raise BadInput("--unique and --jobs exclude each other: one process has to see all names")


def dashed(bulk: Bulk, words: list[str]) -> tuple[Bulk, list[str]]:
    """The options and names that are meant: a bare `-` among the names is `-i -`."""
    if bulk.input is None and "-" in words:
        return bulk.replaced(input="-"), [word for word in words if word != "-"]
    return bulk, words


def without_input(bulk: Bulk) -> None:
    """Raise BadInput for an option that is of no use without -i."""
    for field in bulk.changed:
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
