"""A certificate authority of one's own, for loopback servers and tests: good certificates, and bad ones on purpose.

EC P-256 throughout: a key takes well under a millisecond. The authority's key stays in memory; its certificate may
sign nothing but names of the test domains it is used with, because no system trusts it. Not for production: there is no
revocation, no serial bookkeeping.
"""

import hashlib
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)
LIFETIME = 30 * DAY
SKEW = timedelta(hours=1)  # clocks of containers and their hosts differ


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server's certificate and key, in PEM; `names` are its subject alternative names."""

    names: tuple[str, ...]
    certificate: bytes
    key: bytes
    not_before: datetime
    not_after: datetime

    @property
    def key_sha256(self) -> str:
        """The digest of its public key, as TLSA records with `3 1 1` and pins have it."""
        key = x509.load_pem_x509_certificate(self.certificate).public_key()
        encoded = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(encoded).hexdigest()


class Authority:
    """A self-made root: `pem` is what a client has to trust, `issue` makes what a server shows."""

    def __init__(self, name: str = "netkit lab CA") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        now = datetime.now(UTC)
        builder = _start(self._name, self._name, self._key, now - SKEW, now + LIFETIME)
        for extension in (
            x509.BasicConstraints(ca=True, path_length=0),
            _usage(key_cert_sign=True, crl_sign=True),
        ):
            builder = builder.add_extension(extension, critical=True)
        self._certificate = builder.sign(self._key, hashes.SHA256())
        self.pem = self._certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        names: Sequence[str],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
        self_signed: bool = False,
    ) -> Leaf:
        """A certificate for DNS names, wildcards and IP addresses.

        Valid from an hour ago for 30 days unless told otherwise: dates in the past make an expired one, dates in the
        future one that is not valid yet. self_signed: by its own key and not by this authority.
        """
        now = datetime.now(UTC)
        begin, end = not_before or now - SKEW, not_after or now + LIFETIME
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(names[0])
        issuer, signer = (subject, key) if self_signed else (self._name, self._key)
        builder = _start(subject, issuer, key, begin, end)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(digital_signature=True), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
        certificate = builder.add_extension(authority, critical=False).sign(signer, hashes.SHA256())
        pem = serialization.Encoding.PEM
        private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return Leaf(tuple(names), certificate.public_bytes(pem), private, begin, end)

    def expired(self, names: Sequence[str]) -> Leaf:
        """One that was valid until yesterday."""
        now = datetime.now(UTC)
        return self.issue(names, not_before=now - LIFETIME, not_after=now - DAY)

    def not_yet_valid(self, names: Sequence[str]) -> Leaf:
        """One that is valid from tomorrow."""
        now = datetime.now(UTC)
        return self.issue(names, not_before=now + DAY, not_after=now + LIFETIME)


def _start(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "netkit lab")
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])  # X.520 ub-common-name


def _general(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


def _usage(**wanted: bool) -> x509.KeyUsage:
    every = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{name: wanted.get(name, False) for name in every.split()})
