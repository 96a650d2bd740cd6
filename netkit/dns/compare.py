"""The same question put to every server by itself, to the system's resolver and to the hosts file, side by side.

Two views agree when their outcomes are the same and the data of the asked type are: order, TTLs and aliases apart. The
hosts file and the special names are a view only of what they know, the system (getaddrinfo(3)) only of addresses and
their names, and both only in class IN. What no view could find out is no difference, but never silent either.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from netkit.dns import hosts as hosts_file
from netkit.dns.asking import chosen
from netkit.dns.chase import chase_each
from netkit.dns.link import Links
from netkit.dns.lookup import TIMEOUT, known_locally, questions_of
from netkit.dns.manner import TRIES, Manner
from netkit.dns.result import NEGATIVE, Outcome, Question, Resolution
from netkit.dns.servers import Server, check
from netkit.dns.system import resolve_system
from netkit.dns.types import IN, parse_type, type_name
from netkit.dns.wire import USUAL, QueryOptions
from netkit.errors import Exit, combine
from netkit.events import OnEvent
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security

LOCAL_TYPES = ("A", "AAAA", "PTR")
NAMES = ("CNAME", "DNAME", "NS", "PTR")  # types whose data is a name, where case does not count


class View(NamedTuple):
    """What one of them says. source: ADDRESS:PORT, TRANSPORT://ADDRESS:PORT, "system", "hosts" or "special".

    answered: it said yes or no. differing: those of its data that not every view with an answer has.
    """

    source: str
    resolution: Resolution
    answered: bool
    differing: tuple[str, ...] = ()


class Comparison(NamedTuple):
    """All views of one (name, type). agree: None when fewer than two answered."""

    input: str
    name: str
    type: str
    views: tuple[View, ...]
    agree: bool | None
    idn: bool = True

    @property
    def exit(self) -> Exit:
        """What they all come to; NO (1) when answers differ, PARTIAL (8) when some could not be had."""
        if self.agree is False:
            return Exit.NO
        return combine(view.resolution.exit for view in self.views)


def compare(
    names: Sequence[str],
    *,
    types: Sequence[str] = (),
    servers: Sequence[str] = (),
    tcp: bool = False,
    version: int | None = None,
    idn: bool = True,
    timeout: float = TIMEOUT,
    tries: int | None = None,
    options: QueryOptions = USUAL,
    hosts: str | None = None,
    resolv_conf: str | None = None,
    security: Security | None = None,
    on_event: OnEvent | None = None,
) -> Iterator[Comparison]:
    """One Comparison for each name and type, in their order; the arguments are those of `resolve`.

    Raises BadInput before anything is sent, Unreachable, LocalFailure.
    """
    numbers = tuple(dict.fromkeys(parse_type(text) for text in types))
    check(servers)
    wanted = [(name, questions_of(name, numbers, idn)) for name in names]
    lines = hosts_file.read_hosts(hosts)
    with Links(security) as links:
        for name, questions in wanted:
            deadline = Deadline.after(timeout)
            asked = chosen(
                servers,
                version=version,
                source=options.source,
                deadline=deadline,
                resolv_conf=resolv_conf,
                on_event=on_event,
            )
            pairs: list[tuple[Question, Sequence[Server]]] = [(one, (server,)) for one in questions for server in asked]
            manner = Manner(deadline, tcp, tries or TRIES, options=options, links=links, on_event=on_event)
            came = chase_each(pairs, manner)
            local: tuple[Resolution, ...] = ()
            if options.rdclass == IN and any(type_name(one.type) in LOCAL_TYPES for one in questions):
                # The servers had the deadline; the system has its own, since it may wait for the same silent ones.
                own = Deadline.after(timeout)
                local = (known_locally(name, lines) or ()) + resolve_system(name, deadline=own, on_event=on_event)
            for at, question in enumerate(questions):
                kind = type_name(question.type)
                theirs = came[at * len(asked) : (at + 1) * len(asked)]
                found = [(_label(server), one) for server, one in zip(asked, theirs, strict=True)]
                found += [(one.source, one) for one in local if one.type == kind and _is_view(one)]
                yield _side_by_side(question, found, idn=idn)


def _label(server: Server) -> str:
    """With its transport where it is not the usual one: the same address may be asked over several."""
    return str(server) if server.transport == "udp" else f"{server.transport}://{server}"


def _is_view(one: Resolution) -> bool:
    """The hosts file has no view on the type of address that it does not have of a name."""
    return one.source == "system" or bool(one.records) or one.outcome is Outcome.NXDOMAIN


def _side_by_side(question: Question, found: Sequence[tuple[str, Resolution]], *, idn: bool) -> Comparison:
    said = [_key(one) for _, one in found if _answered(one)]
    common = set.intersection(*(set(data) for _, data in said)) if said else set()
    views = tuple(
        View(source, one, _answered(one), tuple(data for data in one.data if _folded(one, data) not in common))
        for source, one in found
    )
    agree = len(set(said)) == 1 if len(said) > 1 else None
    first = found[0][1]
    return Comparison(question.input, first.name, first.type, views, agree, idn)


def _answered(one: Resolution) -> bool:
    return one.outcome is Outcome.ANSWER or one.outcome in NEGATIVE


def _key(one: Resolution) -> tuple[Outcome, tuple[str, ...]]:
    """getaddrinfo(3) does not tell a name that does not exist from one without addresses: both are none."""
    outcome = Outcome.ANSWER if one.outcome is Outcome.ANSWER else Outcome.NODATA
    return outcome, tuple(sorted({_folded(one, data) for data in one.data}))


def _folded(one: Resolution, data: str) -> str:
    return data.lower() if one.type in NAMES else data
