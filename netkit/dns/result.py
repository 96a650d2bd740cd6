"""What a look-up comes to: records, and one outcome word with its exit code for everything that can happen."""

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NamedTuple

from netkit.errors import Exit

if TYPE_CHECKING:
    from netkit.dns.validate.verdict import Dnssec

Source = Literal["special", "hosts", "dns", "system"]
Transport = Literal["udp", "tcp", "tls", "https", "quic"]


class Outcome(StrEnum):
    ANSWER = "answer"
    NODATA = "nodata"  # the name exists, this type of record does not (RFC 2308 2.2)
    NXDOMAIN = "nxdomain"
    DANGLING_CNAME = "dangling_cname"  # the alias leads to a name that does not exist
    CNAME_LOOP = "cname_loop"
    LAME = "lame"  # the server refers elsewhere instead of answering
    SERVFAIL = "servfail"
    REFUSED = "refused"
    RCODE = "rcode"  # any other response code
    TRUNCATED = "truncated"  # TC set on TCP, where nothing can be too long
    MALFORMED = "malformed"
    MISMATCH = "mismatch"  # replies came, none to this question
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    TLS = "tls"  # no session, or a certificate that proves nothing: nothing was asked
    BADNAME = "badname"
    NOTAUTH = "notauth"  # the server does not take the TSIG key
    BOGUS = "bogus"  # signatures that do not prove what they stand by
    INTERRUPTED = "interrupted"  # the run ended first; of many names at once alone
    INDETERMINATE = "indeterminate"  # DNSSEC: no trust anchor is above the name, so nobody can say


EXIT = {
    Outcome.ANSWER: Exit.OK,
    Outcome.NODATA: Exit.NO,
    Outcome.NXDOMAIN: Exit.NO,
    Outcome.DANGLING_CNAME: Exit.NO,
    Outcome.CNAME_LOOP: Exit.PROTOCOL,
    Outcome.LAME: Exit.TEMPORARY,
    Outcome.SERVFAIL: Exit.TEMPORARY,
    Outcome.REFUSED: Exit.TEMPORARY,
    Outcome.RCODE: Exit.TEMPORARY,
    Outcome.TRUNCATED: Exit.PROTOCOL,
    Outcome.MALFORMED: Exit.PROTOCOL,
    Outcome.MISMATCH: Exit.PROTOCOL,
    Outcome.TIMEOUT: Exit.TIMEOUT,
    Outcome.UNREACHABLE: Exit.UNREACHABLE,
    Outcome.TLS: Exit.SECURITY,
    Outcome.BADNAME: Exit.USAGE,
    Outcome.NOTAUTH: Exit.AUTH,
    Outcome.BOGUS: Exit.SECURITY,
    Outcome.INTERRUPTED: Exit.INTERRUPTED,
    Outcome.INDETERMINATE: Exit.NO,  # a check that was asked for does not hold
}

SEARCHED = "searched: "  # how the note on the names of the search list begins

NEGATIVE = (Outcome.NODATA, Outcome.NXDOMAIN, Outcome.DANGLING_CNAME)

MEANING = {
    Outcome.ANSWER: "answered",
    Outcome.NODATA: "the name exists, but has no such record",
    Outcome.NXDOMAIN: "no such name",
    Outcome.DANGLING_CNAME: "the alias leads to a name that does not exist",
    Outcome.CNAME_LOOP: "the aliases lead round in a circle",
    Outcome.LAME: "the server refers elsewhere instead of answering",
    Outcome.SERVFAIL: "the server failed (SERVFAIL)",
    Outcome.REFUSED: "the server refuses to answer (REFUSED)",
    Outcome.RCODE: "the server answers with an error",
    Outcome.TRUNCATED: "the reply is cut short even over TCP",
    Outcome.MALFORMED: "the reply cannot be parsed",
    Outcome.MISMATCH: "replies came, but none to this question",
    Outcome.TIMEOUT: "no reply",
    Outcome.UNREACHABLE: "no server can be reached",
    Outcome.TLS: "the server does not prove who it is",
    Outcome.BADNAME: "this is no name",
    Outcome.NOTAUTH: "the server does not take the key",
    Outcome.BOGUS: "the signatures do not prove the answer",
    Outcome.INTERRUPTED: "the run was interrupted before there was an answer",
    Outcome.INDETERMINATE: "whether the signatures prove the answer cannot be told",
}


class Question(NamedTuple):
    """What is asked: input as the user wrote it, name in wire form, type as a number."""

    input: str
    name: bytes
    type: int


class Record(NamedTuple):
    """One resource record: owner in A-labels with the final dot, ttl in seconds (None where there is no cache time),
    data in presentation format (RFC 1035 5.1), every control character escaped."""

    name: str
    type: str
    ttl: int | None
    data: str
    rdclass: str = "IN"


class Ede(NamedTuple):
    """Why an answer is what it is, as the server says (RFC 8914): the code, its name, and words of the server's."""

    code: int
    name: str
    text: str


class Edns(NamedTuple):
    """What the reply's OPT record says (RFC 6891).

    payload: octets that the server takes over UDP. dnssec_ok: DO. nsid: who the server is (RFC 5001), in its own form.
    subnet: the client's subnet that was sent, and scope, the prefix length that the answer is for (RFC 7871).
    client_cookie, server_cookie: RFC 7873.
    """

    version: int
    payload: int
    dnssec_ok: bool
    ede: tuple[Ede, ...] = ()
    nsid: bytes | None = None
    subnet: str | None = None
    scope: int | None = None
    client_cookie: bytes | None = None
    server_cookie: bytes | None = None


class Rejected(NamedTuple):
    """A reply or a server that was not used, and why."""

    server: str
    reason: str


class Resolution(NamedTuple):
    """The result for one (name, type).

    input: as the user wrote it. name: in A-labels with the final dot. records: the answer, aliases first.
    canonical: the name the aliases lead to. server: ADDRESS:PORT that decided, None for local sources.
    elapsed_ms: from the first send to the decision. tries: queries sent. rejected: what else came, with the reason.
    edns: None where the reply has none. key: the name of the TSIG key that the reply was verified with.
    """

    input: str
    name: str
    type: str
    outcome: Outcome
    source: Source
    records: tuple[Record, ...] = ()
    canonical: str | None = None
    rcode: str | None = None
    server: str | None = None
    transport: Transport | None = None
    elapsed_ms: float = 0.0
    tries: int = 0
    flags: tuple[str, ...] = ()
    size: int | None = None
    rejected: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()
    detail: str | None = None  # what a message says beyond MEANING
    rdclass: str = "IN"
    edns: Edns | None = None
    key: str | None = None
    dnssec: "Dnssec | None" = None  # where validation was asked for

    @property
    def exit(self) -> Exit:
        return EXIT[self.outcome]

    @property
    def ede(self) -> tuple[Ede, ...]:
        return self.edns.ede if self.edns else ()

    @property
    def data(self) -> tuple[str, ...]:
        """The data of the records of the asked type, without the aliases that led there."""
        return tuple(record.data for record in self.records if record.type == self.type or self.type == "ANY")
