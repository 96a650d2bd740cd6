"""From a trust anchor down to a zone: its DNSKEY by the DS of its parent, label by label (RFC 4035 section 5).

Each name on the way is asked for its DS. A DS leads to the keys of a child zone; the proof that there is none, at a
delegation, makes everything below insecure; where no zone begins, the zone above goes on. A zone that was walked to
once is remembered, and so is what broke. Every link that is believed has a signature that leads to the anchor.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import dns.name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.DS import DS as DsRecord

from netkit.dns.result import MEANING
from netkit.dns.types import CNAME, DNAME
from netkit.dns.validate.anchors import Anchor, Anchors
from netkit.dns.validate.denial import DS
from netkit.dns.validate.limits import MAX_KEYS, TooMuch, Work
from netkit.dns.validate.proofs import Zone, check_set, denied, link_of, proven
from netkit.dns.validate.records import Signed, sets_of
from netkit.dns.validate.signature import algorithm_name, meant, supported
from netkit.dns.validate.source import HEARD, Source, Wanted
from netkit.dns.validate.verdict import Link, NotProven, Verdict
from netkit.dns.wire import Malformed, Reply

DNSKEY_TYPE = 48
NO_DNSSEC = "does this server hand on signatures? A resolver that knows nothing of DNSSEC cannot be validated through"


class _Step(NamedTuple):
    """What a name on the way is: the zone that goes on from it, and whether no zone can begin further down."""

    zone: Zone
    ends: bool


class Chain:
    """now: seconds since the epoch, the time that signatures are held against."""

    def __init__(self, anchors: Anchors, source: Source, now: float) -> None:
        self.anchors = anchors
        self.source = source
        self.now = now
        self._steps: dict[dns.name.Name, _Step | NotProven] = {}

    def anchor_above(self, name: dns.name.Name) -> Anchor | None:
        """The deepest anchor at or above the name."""
        above = [anchor for zone, anchor in self.anchors.items() if name.is_subdomain(zone)]
        return max(above, key=lambda anchor: len(anchor.zone), default=None)

    def wanted(self, target: dns.name.Name, *, is_zone: bool) -> Iterator[Wanted]:
        """What the walk to the name will need, as far as it can be told; is_zone: its keys as well."""
        if anchor := self.anchor_above(target):
            yield anchor.zone, DNSKEY_TYPE
            if is_zone:
                yield target, DNSKEY_TYPE
            yield from ((name, DS) for name in _between(anchor.zone, target))

    def fetch(self, wanted: Sequence[Wanted]) -> None:
        """Ask for all of it at once, and then for the keys of the zones that there are."""
        self.source.fetch(wanted)
        self.source.fetch((name, DNSKEY_TYPE) for name, rdtype in wanted if rdtype == DS and self._has_ds(name))

    def _has_ds(self, name: dns.name.Name) -> bool:
        reply = self.source.known[name, DS].reply
        return reply is not None and any(raw.type == DS for raw in reply.answer)

    def zone_for(self, target: dns.name.Name, work: Work) -> Zone:
        """The zone that the name is in, its keys proven; or the one above that proves that it is insecure.

        Raises NotProven, TooMuch, LocalFailure.
        """
        anchor = self.anchor_above(target)
        if anchor is None:
            zones = ", ".join(sorted(map(str, self.anchors)))
            reason = f"no trust anchor is at or above {target}: there are those of {zones}"
            raise NotProven(Link(str(target), "anchor", str(target), "DS", Verdict.INDETERMINATE, reason=reason))
        zone = self._remembered(anchor.zone, partial(self._anchored, anchor, work)).zone
        for name in _between(anchor.zone, target):
            if zone.insecure:
                break
            step = self._remembered(name, partial(self._step, zone, name, work))
            zone = step.zone
            if step.ends:
                break
        return zone

    def _remembered(self, name: dns.name.Name, walk: Callable[[], _Step]) -> _Step:
        known = self._steps.get(name)
        if known is None:
            try:
                known = walk()
            except NotProven as exc:
                if isinstance(exc.__cause__, TooMuch):  # of the work of this answer; another may have some left
                    raise
                known = exc
            self._steps[name] = known
        if isinstance(known, NotProven):
            raise known
        return known

    def _anchored(self, anchor: Anchor, work: Work) -> _Step:
        tags = tuple(dict.fromkeys(ds.key_tag for ds in anchor.ds))
        link = Link(
            str(anchor.zone), "anchor", str(anchor.zone), "DS", Verdict.SECURE, key_tags=tags, reason=anchor.source
        )
        return _Step(self._keys(anchor.zone, list(anchor.ds), (link,), work, anchor=anchor.source), False)

    def _step(self, zone: Zone, name: dns.name.Name, work: Work) -> _Step:
        reply = self._reply(zone, name, DS, work)
        try:
            answer = sets_of(reply, reply.answer)
            if signed := answer.get((name, DS)):
                return _Step(self._child(zone, signed, work), False)
            for (owner, rdtype), signed in answer.items():
                if rdtype == DNAME and owner != name and name.is_subdomain(owner) and signed.signers():
                    check_set(signed, reply, zone, "delegation", self.now, work)
                    return _Step(zone, True)  # nothing is below a DNAME (RFC 6672 2.4)
            if (alias := answer.get((name, CNAME))) and alias.signers():
                check_set(alias, reply, zone, "delegation", self.now, work)
                return _Step(zone, False)  # an alias is no delegation (RFC 2181 10.1)
            return self._without_ds(zone, name, reply, work)
        except Malformed as exc:
            raise self._broken(zone, name, DS, str(exc)) from exc

    def _without_ds(self, zone: Zone, name: dns.name.Name, reply: Reply, work: Work) -> _Step:
        denial = denied(reply, zone, name, DS, "delegation", self.now, work)
        link = denial.links[-1]
        if denial.insecure:
            return _Step(Zone(name, (), (*zone.links, link._replace(verdict=Verdict.INSECURE)), link.reason), True)
        proof = denial.proof
        assert proof is not None
        if proof.cut or proof.opt_out:
            why = "it is in a span of opt-out" if proof.opt_out else "it is delegated without"
            reason = f"{zone.name} proves that {name} has no DS: {why}, so nothing from there down has to be signed"
            link = link._replace(verdict=Verdict.INSECURE, reason=reason, opt_out=proof.opt_out)
            return _Step(Zone(name, (), (*zone.links, link), reason), True)
        return _Step(zone, not proof.exists or proof.wildcard)

    def _child(self, zone: Zone, signed: Signed, work: Work) -> Zone:
        """The zone that a DS leads to."""
        good = proven(signed, zone, "delegation", self.now, work)
        records = [rdata for rdata in signed.rrset if isinstance(rdata, DsRecord)]
        tags = tuple(dict.fromkeys(ds.key_tag for ds in records))
        link = link_of(signed, zone, "delegation", good, self.now)._replace(key_tags=tags)
        if good.wildcard:
            failing = link._replace(verdict=Verdict.BOGUS, reason="a wildcard's DS makes no delegation")
            raise NotProven(failing, before=zone.links)
        known = supported(records)
        if not known:
            names = ", ".join(dict.fromkeys(f"{algorithm_name(ds.algorithm)}/{int(ds.digest_type)}" for ds in records))
            reason = f"the DS of {signed.name} has only algorithms or digests that are unknown here ({names})"
            link = link._replace(verdict=Verdict.INSECURE, reason=reason)
            return Zone(signed.name, (), (*zone.links, link), reason)
        return self._keys(signed.name, known, (*zone.links, link), work)

    def _keys(
        self, name: dns.name.Name, ds: list[DsRecord], links: tuple[Link, ...], work: Work, *, anchor: str = ""
    ) -> Zone:
        """The zone's keys, which one that the DS means has signed."""
        zone = Zone(name, (), links, None)
        reply = self._reply(zone, name, DNSKEY_TYPE, work)
        try:
            signed = sets_of(reply, reply.answer).get((name, DNSKEY_TYPE))
        except Malformed as exc:
            raise self._broken(zone, name, DNSKEY_TYPE, str(exc)) from exc
        named = ", ".join(str(tag) for tag in dict.fromkeys(one.key_tag for one in ds))
        by = f"the trust anchor ({anchor})" if anchor else "its DS"
        if signed is None:
            reason = f"the zone has no DNSKEY, where {by} has key {named}"
            raise self._broken(zone, name, DNSKEY_TYPE, reason, hint=NO_DNSSEC)
        keys = tuple(rdata for rdata in signed.rrset if isinstance(rdata, DNSKEY))
        tags = tuple(dict.fromkeys(key.key_id() for key in keys))
        try:
            if len(keys) > MAX_KEYS:
                raise TooMuch(f"{len(keys)} keys in {name}, more than {MAX_KEYS}")
            entry = meant(name, supported(ds), keys)
        except TooMuch as exc:
            raise self._broken(zone, name, DNSKEY_TYPE, str(exc), tags=tags[:MAX_KEYS]) from exc
        if not entry:
            reason = f"{by} has key {named}; the zone's keys are {', '.join(map(str, tags))}, and none is that one"
            rolled = f"has the key of {name} been rolled? Compare with a trust anchor that is up to date"
            raise self._broken(zone, name, DNSKEY_TYPE, reason, tags=tags, key=ds[0], hint=rolled if anchor else None)
        good = proven(signed, zone._replace(keys=tuple(entry)), "keys", self.now, work, key_tags=tags)
        link = link_of(signed, zone, "keys", good, self.now)._replace(key_tags=tags)
        return Zone(name, keys, (*links, link), None)

    def _reply(self, zone: Zone, name: dns.name.Name, rdtype: int, work: Work) -> Reply:
        """What was asked for. Raises NotProven (indeterminate) where no answer came."""
        came = self.source.get(name, rdtype, work)
        if came.reply is not None and came.outcome in HEARD:
            return came.reply
        kind = "DS" if rdtype == DS else "DNSKEY"
        others = "; ".join(dict.fromkeys(f"{one.server} {one.reason}" for one in came.rejected))
        reason = f"no {kind} to be had: {came.outcome.value}, {MEANING[came.outcome]}" + (
            f"; {others}" if others else ""
        )
        link = Link(
            str(zone.name), "keys" if kind == "DNSKEY" else "delegation", str(name), kind, Verdict.INDETERMINATE
        )
        raise NotProven(link._replace(reason=reason), before=zone.links, outcome=came.outcome)

    def _broken(
        self,
        zone: Zone,
        name: dns.name.Name,
        rdtype: int,
        reason: str,
        *,
        tags: tuple[int, ...] = (),
        key: DsRecord | None = None,
        hint: str | None = None,
    ) -> NotProven:
        role, kind = ("delegation", "DS") if rdtype == DS else ("keys", "DNSKEY")
        link = Link(str(zone.name), role, str(name), kind, Verdict.BOGUS, key_tags=tags, reason=reason)  # type: ignore[arg-type]
        if key is not None:
            link = link._replace(key_tag=key.key_tag, algorithm=algorithm_name(key.algorithm))
        return NotProven(link, before=zone.links, hint=hint)


def _between(above: dns.name.Name, target: dns.name.Name) -> Iterator[dns.name.Name]:
    """The names below the one, down to the other."""
    for labels in range(len(above) + 1, len(target) + 1):
        yield target.split(labels)[1]
