"""What validation comes to (RFC 4033 section 5): a verdict, and the chain of links that it rests on."""

from enum import StrEnum
from typing import Literal, NamedTuple

from netkit.dns.result import Outcome

Role = Literal["anchor", "delegation", "keys", "answer", "denial"]


class Verdict(StrEnum):
    SECURE = "secure"  # signed, every link from the trust anchor down
    INSECURE = "insecure"  # a signed zone proves that nothing below it has to be signed
    BOGUS = "bogus"  # it should be signed, and is not as it should be
    INDETERMINATE = "indeterminate"  # no trust anchor above the name, or what is needed did not come


class Link(NamedTuple):
    """One thing that was checked: the RRset `name` `type`, by the keys of `zone`.

    role: anchor, the key that is trusted from the start; delegation, the DS of a child zone or the proof that there
    is none; keys, the zone's DNSKEY; answer; denial, the NSEC or NSEC3 that prove what is not there. key_tag and
    algorithm: of the key whose signature counted, or failed. inception, expires: of that signature, RFC 3339 UTC.
    key_tags: of the keys that a DS or DNSKEY RRset has. reason: what is proven where that is not plain, and why it is
    not secure. opt_out: the proof lies in a span of NSEC3 with opt-out, so an unsigned delegation may be there.
    """

    zone: str
    role: Role
    name: str
    type: str
    verdict: Verdict
    key_tag: int | None = None
    algorithm: str | None = None
    inception: str | None = None
    expires: str | None = None
    key_tags: tuple[int, ...] = ()
    reason: str | None = None
    opt_out: bool = False


class Dnssec(NamedTuple):
    """The verdict on one answer. failing: the link that broke, None where none did. reason: why it is not secure."""

    verdict: Verdict
    chain: tuple[Link, ...] = ()
    failing: Link | None = None
    reason: str | None = None
    hint: str | None = None

    @property
    def opt_out(self) -> bool:
        """Whether an unsigned delegation may be there, which the proof of what is not leaves open (RFC 5155 9.2).

        The signatures are all checked then, which delv calls fully validated; a resolver sets no AD.
        """
        return any(link.opt_out and link.role == "denial" for link in self.chain)


class NotProven(Exception):
    """A link that breaks the chain. outcome: what became of the query that was needed, where one failed."""

    def __init__(
        self, link: Link, *, before: tuple[Link, ...] = (), outcome: Outcome | None = None, hint: str | None = None
    ) -> None:
        super().__init__(link.reason)
        self.link = link
        self.before = before  # the links that led there
        self.outcome = outcome
        self.hint = hint
