"""Zones good and broken in every way that a validator has to tell apart, and what is to be made of their names."""

from collections.abc import Callable

import dns.name
import dns.rdataset
import dns.rdatatype
import dns.zone

from netkit.dns.result import Outcome
from netkit.dns.validate.verdict import Verdict
from tests.dns.validate.tree import Key, Tree, ds_text, make_key

N = dns.name.from_text


def tampered(zone: dns.zone.Zone, key: Key) -> None:
    zone.replace_rdataset(N("www", zone.origin), dns.rdataset.from_text("IN", "A", 300, "192.0.2.66"))


def stripped(zone: dns.zone.Zone, key: Key) -> None:
    zone.delete_rdataset(N("www", zone.origin), "RRSIG", "A")


def without(*types: str) -> Callable[[dns.zone.Zone, Key], None]:
    numbers = [dns.rdatatype.from_text(one) for one in types]

    def change(zone: dns.zone.Zone, key: Key) -> None:
        for node in zone.nodes.values():
            node.rdatasets = [one for one in node.rdatasets if one.rdtype not in numbers and one.covers not in numbers]

    return change


def plant(tree: Tree) -> None:
    """Add them all."""
    tree.add("good")
    tree.add("p384", algorithm=14)
    tree.add("ed448", algorithm=16)
    tree.add("rsa", algorithm=8)
    tree.add("rsa512", algorithm=10)
    tree.add("sha1", algorithm=5)
    tree.add("sha1ds", digests=("SHA1",))
    tree.add("sha384ds", digests=("SHA384",))
    tree.add("expired", begins=-40, ends=-10)
    tree.add("future", begins=1, ends=30)
    tree.add("tampered", change=tampered)
    tree.add("stripped", change=stripped)
    tree.add("nonsec", change=without("NSEC"))
    tree.add("nokeys", change=without("DNSKEY"))
    tree.add("naked", change=without("RRSIG", "NSEC", "DNSKEY"))
    tree.add("wrongkey", ds=[ds_text("wrongkey.test.", make_key("other")[1])])
    key = make_key("baddigest.test.")[1]
    tree.add("baddigest", ds=[f"{key.key_id()} 15 2 {'ab' * 32}"])
    # The SHA-1 digest is right and does not count beside a better one (RFC 4509 section 3).
    key = make_key("downgrade.test.")[1]
    tree.add("downgrade", ds=[ds_text("downgrade.test.", key, "SHA1"), f"{key.key_id()} 15 2 {'ab' * 32}"])
    tree.add("nods", ds=[])
    tree.add("plain", signed=False)
    tree.add("unknown", ds=[f"1 250 2 {'ab' * 32}"])
    tree.add("gost", ds=[f"1 12 2 {'ab' * 32}", f"1 3 2 {'ab' * 32}"])
    tree.add("digest", ds=[f"{make_key('digest.test.')[1].key_id()} 15 250 {'ab' * 32}"])
    mixed = ds_text("mixed.test.", make_key("mixed.test.")[1])
    tree.add("mixed", ds=[mixed, f"1 250 2 {'ab' * 32}"])
    aliases = """
        secure CNAME www.rsa.test.
        insecure CNAME www.plain.test.
        bogus CNAME www.tampered.test.
        nowhere CNAME nosuch.rsa.test.
        unproven CNAME nosuch.plain.test.
        twice CNAME one.starred.aliases
        *.starred CNAME www.good.test.
        *.starred.aliases CNAME x.wild.rsa.test.
    """
    tree.add("aliases", "\n".join(line.strip() for line in aliases.splitlines()))


SECURE, INSECURE, BOGUS, INDETERMINATE = Verdict

TABLE: list[tuple[str, str, Outcome, Verdict]] = [
    ("www.good.test", "A", Outcome.ANSWER, SECURE),
    ("www.p384.test", "A", Outcome.ANSWER, SECURE),
    ("www.ed448.test", "A", Outcome.ANSWER, SECURE),
    ("www.rsa.test", "A", Outcome.ANSWER, SECURE),
    ("www.rsa512.test", "A", Outcome.ANSWER, SECURE),
    ("www.sha1.test", "A", Outcome.ANSWER, SECURE),
    ("www.sha1ds.test", "A", Outcome.ANSWER, SECURE),
    ("www.sha384ds.test", "A", Outcome.ANSWER, SECURE),
    ("www.mixed.test", "A", Outcome.ANSWER, SECURE),
    ("WWW.GOOD.TEST", "A", Outcome.ANSWER, SECURE),
    ("mixed.good.test", "MX", Outcome.ANSWER, SECURE),
    ("good.test", "DNSKEY", Outcome.ANSWER, SECURE),
    ("good.test", "DS", Outcome.ANSWER, SECURE),
    ("good.test", "NSEC", Outcome.ANSWER, SECURE),
    (".", "SOA", Outcome.ANSWER, SECURE),
    ("x.wild.good.test", "A", Outcome.ANSWER, SECURE),
    ("x.y.wild.good.test", "A", Outcome.ANSWER, SECURE),
    ("*.wild.good.test", "A", Outcome.ANSWER, SECURE),
    ("alias.good.test", "A", Outcome.ANSWER, SECURE),
    ("alias.good.test", "CNAME", Outcome.ANSWER, SECURE),
    ("x.alias.good.test", "A", Outcome.ANSWER, SECURE),
    ("dname.good.test", "DNAME", Outcome.ANSWER, SECURE),
    ("x.dname.good.test", "A", Outcome.ANSWER, SECURE),
    ("x.starred.aliases.test", "A", Outcome.ANSWER, SECURE),
    ("twice.aliases.test", "A", Outcome.ANSWER, SECURE),
    ("www.good.test", "TXT", Outcome.NODATA, SECURE),
    ("ent.good.test", "A", Outcome.NODATA, SECURE),
    ("x.wild.good.test", "TXT", Outcome.NODATA, SECURE),
    ("cut.good.test", "DS", Outcome.NODATA, SECURE),
    ("plain.test", "DS", Outcome.NODATA, SECURE),
    (".", "DS", Outcome.NODATA, SECURE),
    ("nosuch.good.test", "A", Outcome.NXDOMAIN, SECURE),
    ("a.b.nosuch.good.test", "A", Outcome.NXDOMAIN, SECURE),
    ("nosuch.good.test", "DS", Outcome.NXDOMAIN, SECURE),
    ("nosuch.test", "A", Outcome.NXDOMAIN, SECURE),
    ("nosuch", "A", Outcome.NXDOMAIN, SECURE),
    ("nosuch.dname.good.test", "A", Outcome.DANGLING_CNAME, SECURE),
    ("nowhere.aliases.test", "A", Outcome.DANGLING_CNAME, SECURE),
    ("secure.aliases.test", "A", Outcome.ANSWER, SECURE),
    ("insecure.aliases.test", "A", Outcome.ANSWER, INSECURE),
    ("unproven.aliases.test", "A", Outcome.DANGLING_CNAME, INSECURE),
    ("www.plain.test", "A", Outcome.ANSWER, INSECURE),
    ("nosuch.plain.test", "A", Outcome.NXDOMAIN, INSECURE),
    ("www.nods.test", "A", Outcome.ANSWER, INSECURE),
    ("www.unknown.test", "A", Outcome.ANSWER, INSECURE),
    ("www.gost.test", "A", Outcome.ANSWER, INSECURE),
    ("www.digest.test", "A", Outcome.ANSWER, INSECURE),
]
