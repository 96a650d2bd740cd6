"""Answers with their verdict: every RRset of an answer, or the proof that there is none, held against the chain.

The answers come from whatever server is asked, and its own opinion counts for nothing: DO and CD are set, AD is not
looked at (RFC 4035 3.2.2, 4.9.3). An alias is checked in its own zone, the name it leads to in that one's; the verdict
is the worst of them. What is bogus loses its records here, so that nobody prints them.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

import dns.name

from netkit.dns.chase import chase
from netkit.dns.manner import Manner
from netkit.dns.result import NEGATIVE, Outcome, Question, Record, Resolution
from netkit.dns.servers import Server
from netkit.dns.types import CNAME, DNAME, SOA
from netkit.dns.validate.anchors import Anchors
from netkit.dns.validate.chain import Chain
from netkit.dns.validate.denial import DS
from netkit.dns.validate.limits import MAX_QUERIES, OutOfTime, TooMuch, Work
from netkit.dns.validate.proofs import NSEC3_TYPE, NSEC_TYPE, Zone, check_set, denied, opted_out, proven
from netkit.dns.validate.records import Key, Signed, sets_of
from netkit.dns.validate.signature import moment
from netkit.dns.validate.source import Source, Wanted
from netkit.dns.validate.verdict import Dnssec, Link, NotProven, Verdict
from netkit.dns.wire import Malformed, Raw, Reply, follow
from netkit.net.deadline import Deadline

JUDGED = (Outcome.ANSWER, *NEGATIVE, Outcome.CNAME_LOOP)
RRSIG, ANY = 46, 255


class Judged(NamedTuple):
    """Answers with their verdicts. sources: the servers, ADDRESS:PORT, that the keys on the way came from."""

    resolutions: list[Resolution]
    sources: frozenset[str]


def judge(
    questions: Sequence[Question], servers: Sequence[Server], manner: Manner, anchors: Anchors, now: float
) -> Judged:
    """A Resolution with its `dnssec` for each question, in their order, each of the first server that answers.

    now: the time that signatures are held against. Raises LocalFailure.
    """
    shown = manner.options.dnssec  # whether signatures are to be seen as well
    options = manner.options._replace(dnssec=True, checking_disabled=True, insist=True)
    manner = manner.within_deadline._replace(options=options)
    replies: list[list[Reply]] = [[] for _ in questions]
    found = chase(questions, servers, manner, lambda at, reply: replies[at].append(reply))
    source = Source(servers, manner)
    walk = Chain(anchors, source, now)
    answers = [_Answer(*one, walk, manner.deadline) for one in zip(questions, found, replies, strict=True)]
    walk.fetch([one for answer in answers for one in answer.wanted()])
    judged = [answer.judged() for answer in answers]
    return Judged([one if shown else _without_signatures(one) for one in judged], source.asked)


def _without_signatures(one: Resolution) -> Resolution:
    if one.type == "ANY":
        return one
    return one._replace(records=tuple(record for record in one.records if record.type != "RRSIG"))


class _Answer:
    """One answer and the replies that it was made from."""

    def __init__(
        self, question: Question, found: Resolution, replies: list[Reply], walk: Chain, deadline: Deadline
    ) -> None:
        self.found = found
        self.type = question.type
        self.name, _ = dns.name.from_wire(question.name, 0)
        self.wire = question.name
        self.replies = replies
        self.chain = walk
        self.work = Work(deadline)
        self.links: dict[Link, None] = {}
        self.lasting: dict[tuple[str, str], int] = {}  # (owner, type): seconds that the signature lets it be kept

    def wanted(self) -> list[Wanted]:
        """What is to be asked for ahead: the way to each zone that a signature names, or to the name itself."""
        zones: dict[dns.name.Name, None] = {}
        if self.found.outcome not in JUDGED:
            return []
        try:
            self.work.in_time()
            for reply in self.replies:
                for section in (reply.answer, reply.authority):
                    for signed in sets_of(reply, section).values():
                        zones |= dict.fromkeys(signed.signers(above=signed.rrset.rdtype == DS)[:1])
        except (Malformed, OutOfTime):
            return []  # what that means is said when the answer is judged
        ways = [self.chain.wanted(zone, is_zone=True) for zone in zones]
        return list(islice(chain(*(ways or [self.chain.wanted(self.name, is_zone=False)])), MAX_QUERIES))

    def judged(self) -> Resolution:
        """The resolution with its verdict; without records where that is neither secure nor insecure."""
        if self.found.outcome not in JUDGED:
            return self.found._replace(
                dnssec=Dnssec(Verdict.INDETERMINATE, reason=f"there is no answer to validate: {self.found.outcome}")
            )
        try:
            self.work.in_time()
            for link in self._steps():
                self.links[link] = None
        except NotProven as exc:
            return self._failed(exc)
        except TooMuch as exc:
            link = Link(str(self.name), "answer", str(self.name), self.found.type, Verdict.BOGUS, reason=str(exc))
            return self._failed(NotProven(link))
        except OutOfTime as exc:
            dnssec = Dnssec(Verdict.INDETERMINATE, tuple(self.links), reason=str(exc))
            return self._without(Outcome.TIMEOUT, str(exc), dnssec)
        except Malformed as exc:
            dnssec = Dnssec(Verdict.INDETERMINATE, tuple(self.links), reason=str(exc))
            return self._without(Outcome.MALFORMED, str(exc), dnssec)
        insecure = next((link for link in self.links if link.verdict is Verdict.INSECURE), None)
        verdict = Verdict.INSECURE if insecure else Verdict.SECURE
        dnssec = Dnssec(verdict, tuple(self.links), reason=insecure.reason if insecure else None)
        return self.found._replace(records=tuple(map(self._kept, self.found.records)), dnssec=dnssec)

    def _failed(self, exc: NotProven) -> Resolution:
        link = exc.link
        chain = tuple(dict.fromkeys((*self.links, *exc.before, link)))
        dnssec = Dnssec(link.verdict, chain, failing=link, reason=link.reason, hint=exc.hint)
        outcome = exc.outcome or (Outcome.BOGUS if link.verdict is Verdict.BOGUS else Outcome.INDETERMINATE)
        where = "" if link.role == "anchor" else f"{link.name} {link.type}: "
        return self._without(outcome, f"{where}{link.reason}", dnssec)

    def _without(self, outcome: Outcome, detail: str, dnssec: Dnssec) -> Resolution:
        return self.found._replace(outcome=outcome, detail=detail, records=(), canonical=None, dnssec=dnssec)

    def _kept(self, record: Record) -> Record:
        """The record with a TTL that its signature allows (RFC 4035 5.3.3)."""
        most = self.lasting.get((record.name.lower(), record.type))
        return record._replace(ttl=min(record.ttl, most)) if most is not None and record.ttl is not None else record

    def _steps(self) -> Iterator[Link]:
        """Walk the answer as it was read, name by name over its aliases; a link for all that was checked."""
        at = self.wire
        for reply in self.replies:
            sets = sets_of(reply, reply.answer)
            wanted: list[Raw] = []
            for owner, wanted in follow(reply, at, self.type):
                at = owner
                name, _ = dns.name.from_wire(owner, 0)
                for rdtype in dict.fromkeys(raw.type for raw in wanted if raw.type != RRSIG):
                    yield from self._set(sets[name, rdtype], sets, reply)
            if reply is self.replies[-1] and not wanted and self.found.outcome in NEGATIVE:
                yield from self._denial(reply, dns.name.from_wire(at, 0)[0])

    def _set(self, signed: Signed, sets: dict[Key, Signed], reply: Reply) -> Iterator[Link]:
        """An RRset of the answer; a CNAME that a DNAME made is as good as the DNAME (RFC 6672 5.3.1)."""
        if signed.rrset.rdtype == CNAME and not signed.signatures:
            signed = _made_by(signed, sets) or signed
        above = signed.rrset.rdtype == DS and signed.name != dns.name.root
        signers = signed.signers(above=above)
        target = signers[0] if signers else signed.name.parent() if above else signed.name
        zone = self.chain.zone_for(target, self.work)
        yield from zone.links
        if zone.insecure:
            yield self._insecure(signed.name, signed.type, zone)
            return
        links = check_set(signed, reply, zone, "answer", self.chain.now, self.work)
        self._remember(signed)
        yield from links

    def _denial(self, reply: Reply, name: dns.name.Name) -> Iterator[Link]:
        """The proof that the last name, or its type, is not there."""
        authority = sets_of(reply, reply.authority)
        above = self.type == DS and name != dns.name.root
        signers = [
            signer
            for (_, rdtype), signed in authority.items()
            if rdtype in (SOA, NSEC_TYPE, NSEC3_TYPE)
            for signer in signed.signers()
            if name.is_subdomain(signer) and not (above and signer == name)
        ]
        zone = self.chain.zone_for(max(signers, key=len, default=name.parent() if above else name), self.work)
        yield from zone.links
        if zone.insecure:
            yield self._insecure(name, self.found.type, zone)
            return
        if soa := authority.get((zone.name, SOA)):
            proven(soa, zone, "denial", self.chain.now, self.work)
        try:
            links = self._denial_of(zone, reply, name)
        except NotProven as exc:
            # It may be the word of a zone below an unsigned delegation that the NSEC3 leave out, as is what NSD says
            # below a name that only leads to one: then the DS on the way say so.
            spent = isinstance(exc.__cause__, TooMuch)
            below = None if spent else self._unsigned(name.parent() if above else name)
            if below is None:
                raise
            links = (*below.links, self._insecure(name, self.found.type, below))
        yield from links

    def _denial_of(self, zone: Zone, reply: Reply, name: dns.name.Name) -> tuple[Link, ...]:
        """The links by which the zone proves what the reply says. Raises NotProven."""
        denial = denied(reply, zone, name, self.type, "denial", self.chain.now, self.work)
        *links, last = denial.links
        proof = denial.proof
        if proof is None:
            return denial.links
        nodata = self.found.outcome is Outcome.NODATA
        # Where it opts out, a name that has no NSEC3 may be there all the same: a delegation, or what is above one.
        if not (proof.exists or proof.opt_out if nodata else proof.exists is False):
            said = "that the name is there" if nodata else "no such name"
            what = "does not prove it" if proof.exists is None else "proves the contrary"
            reason = f"the reply says {said}, and {zone.name} {what}"
            raise NotProven(last._replace(verdict=Verdict.BOGUS, reason=reason), before=zone.links)
        return (*links, opted_out(last, zone) if proof.opt_out else last)

    def _unsigned(self, name: dns.name.Name) -> Zone | None:
        """The zone that the name is in, if nothing from there down has to be signed; None if that is not proven."""
        try:
            zone = self.chain.zone_for(name, self.work)
        except NotProven:
            return None
        return zone if zone.insecure else None

    def _insecure(self, name: dns.name.Name, kind: str, zone: Zone) -> Link:
        return Link(str(zone.name), "answer", str(name), kind, Verdict.INSECURE, reason=zone.insecure)

    def _remember(self, signed: Signed) -> None:
        now = self.chain.now
        for one in signed.signatures:
            seconds = min(one.original_ttl, max(0, int(moment(one.expiration, now) - now)))
            key = (str(signed.name).lower(), signed.type)
            self.lasting[key] = max(self.lasting.get(key, 0), seconds)


def _made_by(alias: Signed, sets: dict[Key, Signed]) -> Signed | None:
    """The DNAME of the answer that the alias was made from."""
    for (owner, rdtype), signed in sets.items():
        if rdtype != DNAME or owner == alias.name or not alias.name.is_subdomain(owner) or signed.several:
            continue
        try:
            target = alias.name.relativize(owner).concatenate(signed.rrset[0].target)
        except dns.name.NameTooLong:
            continue
        if target == alias.rrset[0].target and not alias.several:
            return signed
    return None
