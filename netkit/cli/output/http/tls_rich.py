"""TLS for a terminal: the session in a line, the certificate in one where it is good and in a table where it is not:
what is wrong, which name was asked for and which it has, since when and until when, who issued it.
"""

from collections.abc import Iterator
from textwrap import wrap

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.net.hop import HopResult, Tls
from netkit.net.tls import Certificate, age, common_name, covers, days_left, problems

EXPIRES_SOON = 21  # days; Let's Encrypt renews at 30
NAMES, FEW, MANY = 3, 12, 1000  # of a certificate: in a line about it, in its table, and in one that was asked for
LABEL = 11


def tls(hop: HopResult, facts: Tls, width: int, *, full: bool) -> Iterator[Text]:
    """full: every certificate of the chain, also where all is well."""
    if facts.version:
        words = (facts.version, facts.cipher, facts.group, f"ALPN {facts.alpn}" if facts.alpn else None)
        yield Text("   ".join(visible(word) for word in words if word), "dim")
    chain, host = facts.chain, hop.hop.host
    if not chain:
        return
    leaf = chain[0]
    failed = facts.verified is False and hop.head is None
    if facts.verified:
        line = Text().append("certificate ok", "green").append(_left(leaf), _urgency(leaf))
    elif facts.verified is None:
        line = Text().append("certificate", "dim").append(_left(leaf), _urgency(leaf))
    else:
        wrong = problems(chain, host)
        if failed and not wrong:  # what only the verifier can see: an authority that nobody here knows
            wrong = [f"{common_name(chain[-1].issuer)} is not trusted here"]
        line = Text().append("certificate refused" if failed else "certificate not verified", "bold red")
        line.append(f": {', '.join(visible(one) for one in wrong)}" if wrong else "", "red")
    if facts.verified is False or full:
        yield line
        for depth, certificate in enumerate(chain):
            if depth and not full:
                break
            yield from _table(certificate, depth, host, width, MANY if full else FEW)
        return
    more = f" +{len(leaf.names) - NAMES}" if len(leaf.names) > NAMES else ""
    names = ", ".join(leaf.names[:NAMES]) or common_name(leaf.subject)
    yield line.append(f"   {visible(names)}{more}, by {visible(common_name(leaf.issuer))}", "dim")


def _table(certificate: Certificate, depth: int, host: str, width: int, most: int) -> Iterator[Text]:
    """The facts of one, a line each where they fit; of the leaf also the name that was asked for."""
    good = depth > 0 or covers(certificate, host)
    if depth:
        yield from _fact(f"chain {depth}", certificate.subject or "unreadable", "", width)
    else:
        yield from _fact("asked for", host, "" if good else "red", width)
        names = ", ".join(certificate.names[:most]) or "no host at all"
        if len(certificate.names) > most:
            names += f" and {len(certificate.names) - most} more"
        yield from _fact("it is for", names, "green" if good else "red", width)
    if certificate.not_after:
        left = days_left(certificate)
        dates = f"{certificate.not_before[:10]} to {certificate.not_after[:10]}, {age(certificate)}"
        yield from _fact("valid", dates, "red" if left is not None and left < 0 else "", width)
    yield from _fact("issued by", certificate.issuer or "unreadable", "", width)
    yield from _fact("sha256", certificate.sha256, "dim", width)


def _fact(name: str, value: str, style: str, width: int) -> Iterator[Text]:
    for number, line in enumerate(wrap(visible(value), max(20, width - LABEL - 3), break_on_hyphens=False)):
        yield Text().append(f"  {'' if number else name:<{LABEL}}", "dim").append(line, style)


def _left(certificate: Certificate) -> str:
    left = days_left(certificate)
    if left is None or left < 0:
        return ""
    return f", {left} day{'' if left == 1 else 's'} left"


def _urgency(certificate: Certificate) -> str:
    left = days_left(certificate)
    return "yellow" if left is not None and left < EXPIRES_SOON else "green"
