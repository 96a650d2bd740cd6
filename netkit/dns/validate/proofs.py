"""The two things that a zone's keys can prove: that an RRset is the zone's, and that there is no such RRset."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import dns.name
from dns.rdtypes.ANY.DNSKEY import DNSKEY
from dns.rdtypes.ANY.NSEC import NSEC
from dns.rdtypes.ANY.NSEC3 import NSEC3

from netkit.dns.types import type_name
from netkit.dns.validate.denial import Proof, Prover
from netkit.dns.validate.limits import MAX_ITERATIONS, TooMuch, Work
from netkit.dns.validate.nsec import Nsec, NsecProver
from netkit.dns.validate.nsec3 import Nsec3Prover, nsec3
from netkit.dns.validate.records import Signed, sets_of
from netkit.dns.validate.signature import Failed, Good, algorithm_name, moment, verify, when
from netkit.dns.validate.verdict import Link, NotProven, Role, Verdict
from netkit.dns.wire import Reply

NSEC_TYPE, NSEC3_TYPE = 47, 50


class Zone(NamedTuple):
    """A zone on the way down. keys: its own, proven. links: from the anchor to here. insecure: why it has none."""

    name: dns.name.Name
    keys: tuple[DNSKEY, ...]
    links: tuple[Link, ...]
    insecure: str | None


class Denial(NamedTuple):
    """A proof and the links that it rests on. insecure: there is none that may count, and the last link says why."""

    proof: Proof | None
    links: tuple[Link, ...]
    insecure: bool = False


class Denials(NamedTuple):
    """The denial records of one zone in one reply that its keys have signed; broken: one that they have not."""

    prover: Prover | None
    links: dict[dns.name.Name, Link]
    broken: NotProven | None
    too_many_iterations: int | None = None


def link_of(signed: Signed, zone: Zone, role: Role, good: Good, now: float, *, reason: str | None = None) -> Link:
    """The link that a good signature makes."""
    signature = good.signature
    return Link(
        str(zone.name),
        role,
        str(signed.name),
        signed.type,
        Verdict.SECURE,
        key_tag=signature.key_tag,
        algorithm=algorithm_name(signature.algorithm),
        inception=when(moment(signature.inception, now)),
        expires=when(moment(signature.expiration, now)),
        reason=reason,
    )


def proven(signed: Signed, zone: Zone, role: Role, now: float, work: Work, *, key_tags: tuple[int, ...] = ()) -> Good:
    """The signature that proves it. Raises NotProven with the link that fails."""
    link = Link(str(zone.name), role, str(signed.name), signed.type, Verdict.BOGUS, key_tags=key_tags)
    try:
        return verify(signed, zone.name, zone.keys, now=now, work=work)
    except TooMuch as exc:
        raise NotProven(link._replace(reason=str(exc)), before=zone.links) from exc
    except Failed as exc:
        if exc.signature:
            link = link._replace(
                key_tag=exc.signature.key_tag,
                algorithm=algorithm_name(exc.signature.algorithm),
                inception=when(moment(exc.signature.inception, now)),
                expires=when(moment(exc.signature.expiration, now)),
            )
        raise NotProven(link._replace(reason=exc.reason), before=zone.links, hint=exc.hint) from exc


def check_set(signed: Signed, reply: Reply, zone: Zone, role: Role, now: float, work: Work) -> tuple[Link, ...]:
    """The links that prove an RRset of the answer; one made from a wildcard needs a denial as well (RFC 4035 5.3.4)."""
    good = proven(signed, zone, role, now, work)
    link = link_of(signed, zone, role, good, now)
    if good.wildcard is None:
        return (link,)
    link = link._replace(reason=f"made from *.{good.wildcard}")
    found = denials(reply, zone, now, work)
    if found.too_many_iterations is not None:
        return (link, _iterations(found, zone, signed.name))
    proof = None
    if found.prover:
        proof = _within_limits(partial(found.prover.nothing_closer, signed.name, good.wildcard), link, zone)
    if proof is None:
        if found.broken:
            raise found.broken
        reason = f"made from *.{good.wildcard}, without proof that {signed.name} is not there itself"
        raise NotProven(link._replace(verdict=Verdict.BOGUS, reason=reason), before=zone.links)
    *links, last = _links(found, proof, f"no {signed.name}, so *.{good.wildcard} stands for it")
    if proof.opt_out:  # an unsigned delegation may be what has the name: then nothing of the wildcard's is below it
        last = opted_out(last, zone)._replace(verdict=Verdict.INSECURE)
    return (link, *links, last)


def denied(reply: Reply, zone: Zone, name: dns.name.Name, rdtype: int, role: Role, now: float, work: Work) -> Denial:
    """The proof that the zone has no such name or type. Raises NotProven."""
    found = denials(reply, zone, now, work)
    if found.too_many_iterations is not None:
        return Denial(None, (_iterations(found, zone, name),), insecure=True)
    kind = type_name(rdtype)
    failing = Link(str(zone.name), role, str(name), kind, Verdict.BOGUS)
    proof = _within_limits(partial(found.prover.prove, name, rdtype), failing, zone) if found.prover else None
    if proof is None:
        if found.broken:
            raise found.broken
        what = f"the {found.prover.type} records do not prove" if found.prover else "no NSEC or NSEC3 proves"
        reason = f"{what} that there is none, and {zone.name} is signed"
        raise NotProven(failing._replace(reason=reason), before=zone.links)
    says = f"no {name}" if proof.exists is False else f"{name} has no {kind}"
    return Denial(proof, _links(found, proof, says, role))


def denials(reply: Reply, zone: Zone, now: float, work: Work) -> Denials:
    """The NSEC and NSEC3 records of the reply that the zone has signed."""
    links: dict[dns.name.Name, Link] = {}
    broken: NotProven | None = None
    plain: list[Nsec] = []
    hashed = []
    for signed in sets_of(reply, reply.authority).values():
        if signed.rrset.rdtype not in (NSEC_TYPE, NSEC3_TYPE) or not signed.name.is_subdomain(zone.name):
            continue
        if signed.signatures and zone.name not in signed.signers():
            continue  # another zone's, for another step of the answer
        try:
            good = proven(signed, zone, "denial", now, work)
        except NotProven as exc:
            if isinstance(exc.__cause__, TooMuch):
                raise
            broken = broken or exc
            continue
        if good.wildcard is not None:  # as it stands in no zone (RFC 4035 2.3)
            continue
        links[signed.name] = link_of(signed, zone, "denial", good, now)
        for rdata in signed.rrset:
            if isinstance(rdata, NSEC):
                plain.append(Nsec(signed.name, rdata))
            elif isinstance(rdata, NSEC3) and (one := nsec3(signed.name, rdata, zone.name)):
                hashed.append(one)
    if plain or not hashed:
        return Denials(NsecProver(zone.name, plain) if plain else None, links, broken)
    prover = Nsec3Prover(zone.name, hashed, work)
    most = max(one.rdata.iterations for one in hashed)
    return Denials(prover, links, broken, most if most > MAX_ITERATIONS else None)


def _within_limits(prove: Callable[[], Proof | None], failing: Link, zone: Zone) -> Proof | None:
    try:
        return prove()
    except TooMuch as exc:
        raise NotProven(failing._replace(verdict=Verdict.BOGUS, reason=str(exc)), before=zone.links) from exc


def _links(found: Denials, proof: Proof, says: str, role: Role = "denial") -> tuple[Link, ...]:
    """The records that prove it, the last one with what they prove."""
    links = [found.links[owner]._replace(role=role) for owner in proof.by]
    return (*links[:-1], links[-1]._replace(reason=says))


def opted_out(link: Link, zone: Zone) -> Link:
    """The last link of a proof over a span of opt-out, where an unsigned delegation may be (RFC 5155 9.2, 12.2)."""
    reason = f"{link.reason}, or an unsigned delegation: the NSEC3 of {zone.name} opt out (RFC 5155 9.2)"
    return link._replace(reason=reason, opt_out=True)


def _iterations(found: Denials, zone: Zone, name: dns.name.Name) -> Link:
    link = next(iter(found.links.values()))
    reason = (
        f"the NSEC3 of {zone.name} have {found.too_many_iterations} iterations, more than {MAX_ITERATIONS}: not worth "
        f"hashing {name} so often (RFC 9276 3.2)"
    )
    return link._replace(verdict=Verdict.INSECURE, reason=reason)
