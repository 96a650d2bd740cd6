"""What is told of a session's TLS: read while the connection stands, since a closed one has forgotten it."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import ssl


class TlsFacts(NamedTuple):
    """peer: the certificate's name; None, as not_after, where it is not verified and so not read."""

    version: str
    cipher: str
    verified: bool
    peer: str | None
    not_after: str | None


def tls_facts(secured: "ssl.SSLSocket") -> TlsFacts:
    certificate: dict[str, Any] = secured.getpeercert() or {}
    names = [value for parts in certificate.get("subject", ()) for key, value in parts if key == "commonName"]
    names += [value for _, value in certificate.get("subjectAltName", ())]
    not_after = None
    with suppress(ValueError, KeyError):
        from datetime import UTC, datetime

        parsed = datetime.strptime(certificate["notAfter"], "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
        not_after = parsed.isoformat(timespec="seconds").replace("+00:00", "Z")
    cipher = (secured.cipher() or ("",))[0]
    return TlsFacts(secured.version() or "", cipher, bool(certificate), names[0] if names else None, not_after)
