"""What a server's certificate says, and every reason not to take it, as findings.

OpenSSL stops at the first reason; what else is wrong is found by looking, so that nobody has to fix one thing to learn
of the next.
"""

import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from netkit.errors import Insecure
from netkit.mail.smtp.check.findings import Finding, Level, finding
from netkit.net.tls import Certificate, common_name, covers, days_left, explain, from_pem, matches

EXPIRES_SOON = 14  # days; whoever renews by machine does so at 30, and certificates of 6 days say so themselves
SHORT_LIVED = 14  # days of a whole life: then "soon" is a third of it
SHOWN = 3  # names in a message; the data have all
IDS = {
    "cert_expired": "tls.expired",
    "cert_not_yet_valid": "tls.not-yet-valid",
    "cert_wrong_host": "tls.name-mismatch",
    "cert_self_signed": "tls.self-signed",
    "cert_unknown_ca": "tls.unknown-ca",
}
PROBLEMS = (*IDS.values(), "tls.bad-certificate")


def shown(secured: ssl.SSLSocket) -> list[bytes]:
    """The certificates that the server sent, its own first, in DER; before Python 3.13 by the way that has no name."""
    public: Any = getattr(secured, "get_unverified_chain", None)
    if public is not None:
        return list(public())
    inner: Any = getattr(secured, "_sslobj", None)
    try:
        return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in inner.get_unverified_chain()]
    except (AttributeError, TypeError):
        own = secured.getpeercert(True)
        return [own] if own else []


def read(chain: Sequence[bytes]) -> list[Certificate]:
    return [from_pem(ssl.DER_cert_to_PEM_cert(der)) for der in chain]


def judge(host: str, chain: Sequence[bytes], refused: Insecure | None, *, insecure: bool) -> Iterator[Finding]:
    """refused: why OpenSSL did not take it. insecure: it was not asked."""
    certificates = read(chain)
    if not certificates:
        return
    leaf = certificates[0]
    left = days_left(leaf)
    problems = [] if insecure else list(_problems(host, certificates, refused))
    ordered = sorted(leaf.names, key=lambda name: not matches(name, host))  # the one that counts first
    names = ", ".join(ordered[:SHOWN]) + (f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else "")
    age = "" if left is None else f", {left} {'day' if left == 1 else 'days'} left"
    yield finding(
        "tls.certificate",
        f"{names or common_name(leaf.subject) or 'a certificate without a name'}; "
        f"by {common_name(leaf.issuer) or 'nobody'}{age}",
        None if not problems and not insecure else Level.info,
        subject=leaf.subject,
        issuer=leaf.issuer,
        names=list(leaf.names),
        not_before=leaf.not_before or None,
        not_after=leaf.not_after or None,
        days_left=left,
        sha256=leaf.sha256,
        chain=[common_name(one.subject) for one in certificates],
    )
    if insecure:
        yield finding("tls.unverified", "the certificate is not verified: --insecure")
    yield from problems
    if left is not None and 0 <= left < _soon(leaf):
        days = f"{left} {'day' if left == 1 else 'days'}"
        yield finding(
            "tls.expires-soon", f"the certificate expires in {days}", days_left=left, not_after=leaf.not_after
        )


def _soon(leaf: Certificate) -> float:
    life = datetime.fromisoformat(leaf.not_after) - datetime.fromisoformat(leaf.not_before)
    return min(EXPIRES_SOON, life.days / 3) if life.days <= SHORT_LIVED else EXPIRES_SOON


def _problems(host: str, chain: Sequence[Certificate], refused: Insecure | None) -> Iterator[Finding]:
    leaf, now = chain[0], datetime.now(UTC)
    told = set()
    if refused is not None:
        cause = refused.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):  # again, now that the certificate is known
            refused = explain(host, reason=cause.verify_message, code=cause.verify_code, chain=chain)
        id = IDS.get(refused.kind, "tls.bad-certificate")
        told.add(id)
        yield finding(id, refused.message.removeprefix(f"{host}: "))
    if refused is None or not leaf.not_after:
        return
    if "tls.expired" not in told and datetime.fromisoformat(leaf.not_after) < now:
        yield finding("tls.expired", f"the certificate expired on {leaf.not_after[:10]}")
    if "tls.not-yet-valid" not in told and datetime.fromisoformat(leaf.not_before) > now:
        yield finding("tls.not-yet-valid", f"the certificate is not valid before {leaf.not_before[:10]}")
    if "tls.name-mismatch" not in told and not covers(leaf, host):
        names = ", ".join(leaf.names[:SHOWN])
        yield finding("tls.name-mismatch", f"the certificate is for {names or 'no host'}, not for {host}")


def excused(findings: Sequence[Finding]) -> list[Finding]:
    """The findings where DANE names the server's own certificate: what is wrong with it keeps no mail from coming."""
    return [
        one._replace(level=Level.info, message=f"{one.message}; DANE stands for it all the same")
        if one.id in PROBLEMS
        else one
        for one in findings
    ]
