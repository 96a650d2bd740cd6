"""TLS as people need it told: what a certificate says, and why one was refused, from which check to the way out.

`explain` turns the verdict of any TLS library (OpenSSL's code and words) into one `Insecure` with a `kind` for
programs: cert_expired, cert_not_yet_valid, cert_self_signed, cert_unknown_ca, cert_wrong_host, cert_revoked,
cert_invalid, tls_plain_port, tls_handshake. `problems` checks dates and names without a verdict, for what
`--insecure` let pass.
Not here: revocation, pins. cryptography (40 ms of CPU) and ssl (12 ms) are imported only where a certificate is read.
"""

import re
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from netkit.errors import BadInput, Insecure, LocalFailure
from netkit.net.hostname import is_ipv4

if TYPE_CHECKING:
    import ssl

    from cryptography import x509

MAX_NAMES = 4  # names of a certificate in one error line; certificates with hundreds exist

# X509_V_ERR_* of openssl/x509_vfy.h
_NOT_YET_VALID, _EXPIRED, _REVOKED = 9, 10, 23
_SELF_SIGNED, _SELF_SIGNED_IN_CHAIN = 18, 19
_UNKNOWN_CA = {2, 20, 21, 27}
_WRONG_NAME = {62, 64}
_NAME_WORDS = re.compile(r"hostname|host name|subject name|does not match|IP address mismatch", re.IGNORECASE)
_ALERT = re.compile(r"error:[0-9A-Fa-f]+:[^:]*:[^:]*:(.*)")


class Certificate(NamedTuple):
    """One certificate; dates are RFC 3339 in UTC, sha256 and serial are hexadecimal, san as `example.org`, `192.0.2.1`.

    pin: sha256//BASE64 of its public key (RFC 7469 2.4). A field is "" when the certificate is too odd to be read;
    sha256 is always there.
    """

    subject: str
    issuer: str
    not_before: str
    not_after: str
    san: tuple[str, ...]
    sha256: str
    serial: str
    pin: str = ""

    @property
    def self_signed(self) -> bool:
        return bool(self.subject) and self.subject == self.issuer

    @property
    def names(self) -> tuple[str, ...]:
        """The names it is good for: the alternative names alone (RFC 9525), never the subject."""
        return self.san


def from_pem(pem: str) -> Certificate:
    """What a PEM certificate says. Raises nothing for odd contents, BadInput when it is no PEM at all."""
    import hashlib
    from base64 import b64decode

    body = re.search(r"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", pem, re.DOTALL)
    if body is None:
        raise BadInput("not a certificate in PEM form")
    der = b64decode("".join(body[1].split()))
    digest = hashlib.sha256(der).hexdigest()
    from cryptography import x509

    try:
        certificate = x509.load_der_x509_certificate(der)
        return Certificate(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            not_before=_rfc3339(certificate.not_valid_before_utc),
            not_after=_rfc3339(certificate.not_valid_after_utc),
            san=_names(certificate),
            sha256=digest,
            serial=f"{certificate.serial_number:x}",
            pin=_pin(certificate),
        )
    except ValueError:  # what OpenSSL took and cryptography's stricter parser does not
        return Certificate("", "", "", "", (), digest, "")


def _pin(certificate: "x509.Certificate") -> str:
    import hashlib
    from base64 import b64encode

    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm):
        return ""
    return f"sha256//{b64encode(hashlib.sha256(key).digest()).decode('ascii')}"


def _names(certificate: "x509.Certificate") -> tuple[str, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    kinds = (x509.DNSName, x509.IPAddress)
    return tuple(str(name.value) for name in extension.value if isinstance(name, kinds))


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def days_left(certificate: Certificate, now: datetime | None = None) -> int | None:
    """Whole days until it expires, negative when it has; None when unknown."""
    if not certificate.not_after:
        return None
    return (_moment(certificate.not_after) - (now or datetime.now(UTC))) // timedelta(days=1)


def age(certificate: Certificate, now: datetime | None = None) -> str:
    """How long it is still valid, or has not been: "expired 3 days ago"; "" when its dates are unknown."""
    if not certificate.not_after:
        return ""
    now = now or datetime.now(UTC)
    begin, end = _moment(certificate.not_before), _moment(certificate.not_after)
    if end < now:
        return f"expired {_age(now - end)} ago"
    if begin > now:
        return f"becomes valid in {_age(begin - now)}"
    return f"{_age(now - begin)} old, {_age(end - now)} left"


def common_name(name: str) -> str:
    """The CN of an RFC 4514 name, else the whole of it: what people call a certificate's subject or issuer."""
    found = re.search(r"(?:^|,)CN=((?:\\.|[^,\\])*)", name)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else name


def matches(pattern: str, host: str) -> bool:
    """Whether a name on a certificate covers the host (RFC 9525 6.3: `*` is one whole leftmost label)."""
    pattern, host = pattern.lower().rstrip("."), host.lower().rstrip(".")
    if pattern == host:
        return True
    star, _, parent = pattern.partition(".")
    if star != "*" or "." not in parent or is_ipv4(host) or ":" in host:
        return False
    return host.partition(".")[2] == parent


def covers(certificate: Certificate, host: str) -> bool:
    return any(matches(name, host) for name in certificate.names)


def explain(
    host: str,
    *,
    reason: str,
    code: int = 0,
    chain: Sequence[Certificate] = (),
    where: str = "",
    now: datetime | None = None,
) -> Insecure:
    """Why the certificate of `host` was refused.

    reason and code: the words and X509_V_ERR number of OpenSSL; chain: leaf first, as far as it is known;
    where: how the message begins, by default the host.
    """
    now = now or datetime.now(UTC)
    leaf = chain[0] if chain else None
    begin = f"{where or host}: "
    if code == _EXPIRED and (old := _first(chain, lambda one: _moment(one.not_after) < now)):
        text = f"{begin}{_which(old, leaf)} expired {_age(now - _moment(old.not_after))} ago"
        hint = "the server needs a new certificate; if its dates are right, check the clock of this machine"
        return Insecure(f"{text} ({_dates(old)}), {_issued(old)}", kind="cert_expired", hint=f"{hint} ({_day(now)})")
    if code == _NOT_YET_VALID and (young := _first(chain, lambda one: _moment(one.not_before) > now)):
        text = f"{begin}{_which(young, leaf)} becomes valid in {_age(_moment(young.not_before) - now)}"
        hint = f"check the clock of this machine ({_day(now)}), then the server's certificate"
        return Insecure(f"{text} ({_dates(young)}), {_issued(young)}", kind="cert_not_yet_valid", hint=hint)
    if code == _SELF_SIGNED or (leaf and leaf.self_signed and code in _UNKNOWN_CA):
        detail = f" ({common_name(leaf.subject)}, sha256 {leaf.sha256[:16]}…)" if leaf else ""
        return Insecure(
            f"{begin}the certificate is self-signed{detail}: no authority vouches for it",
            kind="cert_self_signed",
            hint="--cacert FILE with this very certificate trusts it; --insecure checks nothing",
        )
    if code == _SELF_SIGNED_IN_CHAIN or code in _UNKNOWN_CA:
        issuer = f"{common_name(chain[-1].issuer)}, which" if chain else "an authority that"
        return Insecure(
            f"{begin}the certificate is issued by {issuer} this machine does not trust",
            kind="cert_unknown_ca",
            hint="--cacert FILE with that authority's certificate trusts it; a public server may lack its intermediate",
        )
    if code == _REVOKED:
        return Insecure(f"{begin}the certificate was revoked by its issuer", kind="cert_revoked")
    if code in _WRONG_NAME or _NAME_WORDS.search(reason) or (leaf and leaf.san and not covers(leaf, host)):
        return _wrong_host(begin, host, leaf)
    return Insecure(f"{begin}the certificate was refused: {reason}", kind="cert_invalid")


def _wrong_host(begin: str, host: str, leaf: Certificate | None) -> Insecure:
    names = leaf.names if leaf else ()
    if leaf is None:
        said = f"is not for {host}"
    elif names:
        shown = ", ".join(names[:MAX_NAMES]) + (f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else "")
        said = f"is for {shown}, not for {host}"
    else:
        said = f"names no host at all (no subjectAltName), so it is not for {host}"
    return Insecure(
        f"{begin}the certificate {said}",
        kind="cert_wrong_host",
        hint="ask for a name that is on it, or have the server's certificate made for this one",
    )


def problems(chain: Sequence[Certificate], host: str, now: datetime | None = None) -> list[str]:
    """What is wrong with a certificate that nobody verified, as far as can be said without trust anchors."""
    now = now or datetime.now(UTC)
    if not chain:
        return []
    leaf, found = chain[0], []
    if leaf.not_after and _moment(leaf.not_after) < now:
        found.append(f"expired {_age(now - _moment(leaf.not_after))} ago")
    if leaf.not_before and _moment(leaf.not_before) > now:
        found.append(f"not valid for another {_age(_moment(leaf.not_before) - now)}")
    if leaf.self_signed:
        found.append("self-signed")
    if not covers(leaf, host):
        found.append(f"not for {host}")
    return found


def handshake(where: str, reason: str) -> Insecure:
    """Why no TLS session came about at all, from the words of OpenSSL."""
    said = _ALERT.search(reason)
    words = (said[1] if said else reason).strip() or "the server gave no reason"
    if re.search(r"wrong version number|packet length too long|http request", reason):
        return Insecure(
            f"{where}: the server does not speak TLS on this port",
            kind="tls_plain_port",
            hint="http:// instead of https://, or no --tls, if the plain protocol is meant",
        )
    if re.search(r"eof|reset|closed|SYSCALL", reason, re.IGNORECASE):
        words = "the server closed the connection during the handshake"
    return Insecure(f"{where}: no TLS session: {words}", kind="tls_handshake")


def client_context(
    *, cacert: str | None = None, insecure: bool = False, version: str | None = None
) -> "ssl.SSLContext":
    """A context for a client: verified, TLS 1.2 or later, SSL_CERT_FILE honoured. Raises BadInput about the CA file.

    version: no other than this one, "TLSv1_1", with whatever ciphers it takes; LocalFailure where OpenSSL has it not.
    """
    import ssl

    try:
        context = ssl.create_default_context(cafile=cacert)
    except (OSError, ssl.SSLError) as exc:
        raise BadInput(f"{cacert}: cannot read CA certificates: {exc.strerror or exc}", kind="cacert") from exc
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if version is not None:
        _restrict(context, version)
    return context


_WARNINGS = Lock()  # warnings.catch_warnings() is not for two threads at once


def _restrict(context: "ssl.SSLContext", version: str) -> None:
    import ssl

    only = ssl.TLSVersion[version]
    if not getattr(ssl, f"HAS_{version}"):
        raise LocalFailure(f"this machine's OpenSSL has no {version}", kind="missing_facility")
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that old versions are old is why they are asked for
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = only
        context.minimum_version = only
    if only < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")  # their signatures are SHA-1, which no higher level allows


def _first(chain: Sequence[Certificate], test: Callable[[Certificate], bool]) -> Certificate | None:
    """The first certificate with dates that the test holds for."""
    return next((one for one in chain if one.not_after and test(one)), None)


def _which(certificate: Certificate, leaf: Certificate | None) -> str:
    if certificate is leaf:
        return "the certificate"
    return f"the authority {common_name(certificate.subject)} in the chain"


def _issued(certificate: Certificate) -> str:
    return f"issued by {common_name(certificate.issuer)}"


def _dates(certificate: Certificate) -> str:
    return f"valid {certificate.not_before[:10]} to {certificate.not_after[:10]}"


def _day(moment: datetime) -> str:
    return f"now {moment:%Y-%m-%d %H:%M} UTC"


def _age(span: timedelta) -> str:
    """A span in the one unit that tells most: 3 days, 5 hours, 40 minutes."""
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds >= size or unit == "second":
            count = seconds // size
            return f"{count} {unit}{'' if count == 1 else 's'}"
    raise AssertionError
