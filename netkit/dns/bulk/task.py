"""A question on its way, and what became of it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from netkit.dns.chase import Chase
from netkit.dns.result import Edns, Outcome, Record, Rejected, Resolution, Transport
from netkit.dns.types import class_name, type_name
from netkit.dns.wire import DO, Reply, rcode_name

if TYPE_CHECKING:
    from netkit.dns.bulk.channel import Channel
    from netkit.dns.bulk.upstream import Upstream

MAX_REJECTED = 16  # kept per question; a flood of forged replies fills no memory


class Task:
    """One question. text: as the user wrote it; name: in A-labels with the final dot; question: as it is sent.

    What most of them never have stands in the class, so that making one sets no more than is needed.
    """

    tries = 0
    place = 0  # its number among all questions
    began = 0.0  # when its first query went out
    sent = 0.0  # the latest one
    spent = 0.0  # seconds of its time that were gone before: on the questions that it follows from
    more: "More | None" = None  # none as long as all went well
    known: Resolution | None = None  # what is known of it without asking, or that it cannot be asked

    def __init__(
        self, text: str, name: str, question: bytes, rdtype: int, route: "Sequence[Upstream]", harmless: bool
    ) -> None:
        self.text = text
        self.name = name
        self.question = question
        self.type = rdtype
        self.route = route  # the servers to ask, in turn
        self.harmless = harmless  # text and name may stand in JSON as they are, and for people as well

    @property
    def identity(self) -> Hashable:
        """The same for two that have the same result."""
        return self.question, id(self.route)

    @property
    def wire(self) -> bytes:
        """The name that is asked for now."""
        return self.question[:-4]

    def trouble(self) -> "More":
        if self.more is None:
            rdclass = class_name(int.from_bytes(self.question[-2:]))
            self.more = More(Chase(self.text, self.wire, self.type, rdclass, (), at=self.wire))
        return self.more


@dataclass(slots=True)
class More:
    """What few questions have: a second try, an alias to chase, a server that said something odd."""

    chase: Chase
    left: "list[Upstream] | None" = None  # the servers of the tries to come; None before the first one failed
    places: "list[tuple[Channel, bytes]]" = field(default_factory=list)  # where a reply may come, by id
    rejected: list[Rejected] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    silent: "dict[Upstream, None]" = field(default_factory=dict)  # that let a try's time run out
    failed: "dict[Upstream, int]" = field(default_factory=dict)  # how often a server said SERVFAIL
    new_cookie: "dict[Upstream, int]" = field(default_factory=dict)  # how often a server wanted another cookie
    bad: Outcome | None = None
    second_best: "tuple[Outcome, Reply, Upstream, Transport] | None" = None
    without_edns: "set[Upstream]" = field(default_factory=set)
    detail: str | None = None  # of what is bad
    cut: bool = False  # truncated over UDP, so that TCP is asked
    queued: bool = False  # a try waits to be sent
    done: bool = False
    negative: Resolution | None = None  # what is to be confirmed by other servers
    confirming: "list[Upstream]" = field(default_factory=list)  # those who are asked to

    def reject(self, server: object, reason: str) -> None:
        if len(self.rejected) < MAX_REJECTED:
            self.rejected.append(Rejected(str(server), reason))


Row = tuple[str, str, int, str]  # as a Record, without the time that making one takes


class Shape(NamedTuple):
    """What the head of a usual reply says: rcode, flags, and how many records are in each section."""

    head: bytes
    rcode: int
    flags: tuple[str, ...]
    answers: int
    authority: int
    additional: int
    authoritative: bool
    single: bool  # one answer, and one record behind it


class Quick(NamedTuple):
    """A question of class IN that its first query answered, and nothing odd about it.

    opt: class and TTL of the reply's OPT record, which has no options; empty without one.
    """

    task: Task
    outcome: Outcome
    shape: Shape
    rows: Sequence[Row]
    canonical: str
    server: str
    transport: Transport
    elapsed_ms: float
    size: int
    opt: bytes

    @property
    def resolution(self) -> Resolution:
        """The same as everybody else has it."""
        return Resolution(
            input=self.task.text,
            name=self.task.name,
            type=type_name(self.task.type),
            outcome=self.outcome,
            source="dns",
            records=tuple(Record(*row) for row in self.rows),
            canonical=self.canonical,
            rcode=rcode_name(self.shape.rcode),
            server=self.server,
            transport=self.transport,
            elapsed_ms=self.elapsed_ms,
            tries=1,
            flags=self.shape.flags,
            size=self.size,
            edns=Edns(self.opt[3], int.from_bytes(self.opt[:2]), bool(self.opt[4] & DO >> 8)) if self.opt else None,
        )


class Settled(NamedTuple):
    """A question whose result took more than that."""

    task: Task
    resolution: Resolution

    @property
    def outcome(self) -> Outcome:
        return self.resolution.outcome

    @property
    def server(self) -> str | None:
        return self.resolution.server

    @property
    def elapsed_ms(self) -> float:
        return self.resolution.elapsed_ms


Result = Quick | Settled
