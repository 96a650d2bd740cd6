"""What EHLO offers, before TLS and under it, as findings."""

from collections.abc import Iterator, Mapping

from netkit.mail.sasl.client import SECRET_ON_WIRE
from netkit.mail.smtp.check.findings import Finding, finding
from netkit.mail.smtp.session import Session

KNOWN = ("SIZE", "PIPELINING", "8BITMIME", "SMTPUTF8", "CHUNKING", "DSN", "ENHANCEDSTATUSCODES")
SMALL = 10_000_000  # bytes: what people send as attachments; the usual limits are 25 MB and more
Offers = Mapping[str, tuple[str, ...]]


def judge_offers(session: Session, *, submission: bool, tls: bool) -> Iterator[Finding]:
    """Of a session after its last EHLO. submission: it is a port for mail programs. tls: TLS is on."""
    before, now = session.clear_offered, session.offered
    if not session.esmtp:
        said = "EHLO is refused and HELO taken: no extension can be used"
        yield finding("ehlo.helo-only", said)
        return
    yield finding(
        "ehlo.extensions",
        ", ".join(lines(now)) or "none",
        offered=lines(now),
        missing=[name for name in KNOWN if name not in now],
    )
    in_clear = before if before is not None else {} if tls else now
    if bare := [name for name in in_clear.get("AUTH", ()) if name.upper() in SECRET_ON_WIRE]:
        yield finding("ehlo.auth-in-clear", f"AUTH {' '.join(bare)} is offered before TLS", auth=bare)
    if before is not None:
        yield from changes(before, now)
    if "STARTTLS" in now and tls:
        yield finding("ehlo.starttls-again", "STARTTLS is offered under TLS as well")
    if submission and "AUTH" not in now:
        yield finding("ehlo.no-auth", "a port for submission, and no AUTH is offered")
    limit = next(iter(now.get("SIZE", ())), "")
    if limit.isascii() and limit.isdigit() and len(limit) < 19 and 0 < int(limit) < SMALL:
        yield finding("ehlo.size-small", f"no message of more than {int(limit):,} bytes is taken", size=int(limit))
    if "PIPELINING" not in now:
        yield finding("ehlo.no-pipelining", "PIPELINING is not offered: each recipient costs a round trip")
    if "8BITMIME" not in now:
        yield finding("ehlo.no-8bitmime", "8BITMIME is not offered: every message has to be encoded")


def changes(before: Offers, now: Offers) -> Iterator[Finding]:
    """What TLS brings and takes away. STARTTLS goes of course, and is not told."""
    old = set(lines({name: words for name, words in before.items() if name != "STARTTLS"}))
    fresh = set(lines({name: words for name, words in now.items() if name != "STARTTLS"}))
    new, gone = sorted(fresh - old), sorted(old - fresh)
    if new or gone:
        said = " ".join([*(f"+{line}" for line in new), *(f"-{line}" for line in gone)])
        yield finding("ehlo.changed", f"under TLS {said}", new=new, gone=gone)


def lines(offers: Offers) -> list[str]:
    """As EHLO has them: keyword, then its parameters."""
    return [" ".join((name, *words)) for name, words in offers.items()]
