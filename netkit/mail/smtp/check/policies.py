"""The domain's policies that are a TXT record and no more: TLS-RPT, SPF, DMARC. Presence and form, not the contents."""

import re
from collections.abc import Iterator, Sequence

from netkit.mail.smtp.check.findings import Finding, finding


def tls_reports(texts: Sequence[str]) -> Iterator[Finding]:
    """RFC 8460 3, of _smtp._tls.DOMAIN."""
    ours = [text for text in texts if re.match(r"v=TLSRPTv1\s*(?:;|$)", text)]
    if not ours:
        yield finding("tlsrpt.none", "no TLS-RPT record: failures of TLS are reported to nobody")
        return
    rua = [one.strip() for one in _fields(ours[0]).get("rua", "").split(",") if one.strip()]
    if len(ours) > 1 or not rua or not all(re.match(r"(?:mailto:|https://).", one, re.IGNORECASE) for one in rua):
        said = f"{len(ours)} TLS-RPT records, where one may be" if len(ours) > 1 else f"no valid rua: {ours[0]}"
        yield finding("tlsrpt.bad-record", said, records=ours)
    else:
        yield finding("tlsrpt.record", f"reports to {', '.join(rua)}", rua=rua)


def spf(texts: Sequence[str]) -> Iterator[Finding]:
    """RFC 7208 4.5, of the domain itself."""
    ours = [text for text in texts if re.match(r"v=spf1(?: |$)", text, re.IGNORECASE)]
    if not ours:
        yield finding("spf.none", "no SPF record")
    elif len(ours) > 1:
        yield finding("spf.several", f"{len(ours)} SPF records, where one may be", records=ours)
    else:
        yield finding("spf.record", ours[0], record=ours[0])


def dmarc(texts: Sequence[str]) -> Iterator[Finding]:
    """RFC 7489 6.3, of _dmarc.DOMAIN; whether the organisation above has one is not asked."""
    ours = [text for text in texts if re.match(r"v\s*=\s*DMARC1\s*(?:;|$)", text)]
    if not ours:
        yield finding("dmarc.none", "no DMARC record")
        return
    policy = _fields(ours[0]).get("p", "").lower()
    if len(ours) > 1 or policy not in ("none", "quarantine", "reject"):
        said = f"{len(ours)} DMARC records, where one may be" if len(ours) > 1 else f"no valid p: {ours[0]}"
        yield finding("dmarc.bad-record", said, records=ours)
    else:
        yield finding("dmarc.record", ours[0], record=ours[0], policy=policy)


def _fields(text: str) -> dict[str, str]:
    """`v=...; name=value; ...`, names in lower case."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, mark, value in pairs if mark}
