"""What a line of `fqdn -i` asks, one question after the other, and what it comes to.

A generator for each line: it gives the name and type to ask, and is sent the answer. An address is asked for its names,
then a name of them for addresses of the same version; a name for A, and for AAAA only where that does not tell whether
it exists. Judged is as by `dns.full_name` (`dns.naming`), so a line has the same result here as alone.
"""

from collections.abc import Generator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from netkit.dns import naming
from netkit.dns.bulk.tally import EXITS as OF_OUTCOMES
from netkit.dns.lookup import Lookup
from netkit.dns.name_sources import SourceName
from netkit.dns.result import Outcome, Resolution
from netkit.dns.types import AAAA, PTR, A
from netkit.errors import Exit


class Status(StrEnum):
    """What became of a line, where it is not an Outcome: `answer` is a full name, and others tell what failed."""

    CONFIRMED = "confirmed"  # a name of the address leads back to it
    UNCONFIRMED = "unconfirmed"  # none does
    SHORT = "short"  # no name with a dot
    NONE = "none"


NO = (Status.UNCONFIRMED, Status.SHORT, Status.NONE)
EXITS: Mapping[StrEnum, Exit] = {**OF_OUTCOMES, Status.CONFIRMED: Exit.OK, **dict.fromkeys(NO, Exit.NO)}


class Named(NamedTuple):
    """The result of a line, and the word for it: a Status or an Outcome."""

    found: naming.Fqdn
    status: StrEnum


Steps = Generator[tuple[str, int], Resolution, Named]  # what a line asks, one name and type after the other


def of_name(text: str, names: Sequence[str]) -> Steps:
    """names: the candidates of the search list, see `dns.search`."""
    said: list[SourceName] = []
    worst: Lookup | None = None
    for candidate in names:
        answers = [(yield candidate, A)]
        if answers[0].outcome not in (Outcome.ANSWER, Outcome.NODATA):
            answers.append((yield candidate, AAAA))
        answer = Lookup(candidate, tuple(answers))
        said.append(naming.candidate_said(candidate, answer))
        worst = naming.worse(answer, worst)
        found = naming.of_candidates(text, said, worst)
        if found.exit is Exit.OK:
            return Named(found, Outcome.ANSWER)
    assert worst is not None  # a name is a candidate itself
    if found.exit is Exit.NO:
        return Named(found, Status.SHORT if any(one.name for one in said) else Status.NONE)
    return Named(found, naming.failing(worst).outcome)


def of_address(text: str) -> Steps:
    reverse = yield text, PTR
    names = naming.to_confirm(reverse)
    if not names:
        found = naming.unnamed(text, reverse, [naming.reverse_said(text, reverse)])
        word: StrEnum = Status.SHORT if naming.names_in(reverse) else Status.NONE
        return Named(found, word if found.exit is Exit.NO else reverse.outcome)
    said: list[SourceName] = []
    failed: dict[str, Outcome] = {}
    for name in names:
        came, elapsed_ms = naming.no_host(name), 0.0
        if naming.may_be_host(name):
            forward = yield name, AAAA if ":" in text else A
            came, elapsed_ms = naming.leads_back(name, text, [forward]), forward.elapsed_ms
            failed[name] = forward.outcome
        said.append(SourceName(reverse.source, name, came.detail, elapsed_ms, text, came.confirmed, came.exit))
        if came.confirmed:
            break
    found = naming.named(text, reverse, said)
    if found.confirmed:
        return Named(found, Status.CONFIRMED)
    assert found.name is not None
    return Named(found, Status.UNCONFIRMED if found.confirmed is False else failed[found.name])
