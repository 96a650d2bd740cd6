"""What a certificate says and why one is refused, from values alone; http's tests refuse real ones."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from netkit.errors import BadInput, Insecure
from netkit.net.ca import Authority
from netkit.net.tls import (
    Certificate,
    client_context,
    common_name,
    days_left,
    explain,
    from_pem,
    handshake,
    matches,
    problems,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = Certificate("CN=h.test", "CN=A CA", "2026-05-01T00:00:00Z", "2026-07-01T00:00:00Z", ("h.test",), "ab" * 32, "1")
OLD = GOOD._replace(not_after="2026-05-30T00:00:00Z")
YOUNG = GOOD._replace(not_before="2026-06-01T00:40:00Z")
OWN = GOOD._replace(issuer="CN=h.test")
CA = GOOD._replace(subject="CN=A CA", not_after="2026-05-31T19:00:00Z", san=())
MANY = GOOD._replace(san=tuple(f"{n}.test" for n in range(6)))
ODD = Certificate("", "", "", "", (), "cd" * 32, "")


def said(error: Insecure) -> tuple[str, str]:
    return error.kind, error.message


@pytest.mark.parametrize(
    ("chain", "code", "kind", "message"),
    [
        (
            [OLD],
            10,
            "cert_expired",
            "h.test: the certificate expired 2 days ago (valid 2026-05-01 to 2026-05-30), issued by A CA",
        ),
        (
            [GOOD, CA],
            10,
            "cert_expired",
            "h.test: the authority A CA in the chain expired 5 hours ago "
            "(valid 2026-05-01 to 2026-05-31), issued by A CA",
        ),
        (
            [YOUNG],
            9,
            "cert_not_yet_valid",
            "h.test: the certificate becomes valid in 40 minutes (valid 2026-06-01 to 2026-07-01), issued by A CA",
        ),
        (
            [OWN],
            18,
            "cert_self_signed",
            "h.test: the certificate is self-signed (h.test, sha256 abababababababab…): no authority vouches for it",
        ),
        ([], 18, "cert_self_signed", "h.test: the certificate is self-signed: no authority vouches for it"),
        ([GOOD], 20, "cert_unknown_ca", "h.test: the certificate is issued by A CA, which this machine does not trust"),
        (
            [],
            19,
            "cert_unknown_ca",
            "h.test: the certificate is issued by an authority that this machine does not trust",
        ),
        ([GOOD], 23, "cert_revoked", "h.test: the certificate was revoked by its issuer"),
        (
            [MANY],
            62,
            "cert_wrong_host",
            "h.test: the certificate is for 0.test, 1.test, 2.test, 3.test and 2 more, not for h.test",
        ),
        (
            [CA],
            62,
            "cert_wrong_host",
            "h.test: the certificate names no host at all (no subjectAltName), so it is not for h.test",
        ),
        ([GOOD], 1, "cert_invalid", "h.test: the certificate was refused: words of OpenSSL"),
        ([ODD], 10, "cert_invalid", "h.test: the certificate was refused: words of OpenSSL"),
    ],
)
def test_why_a_certificate_was_refused(chain: list[Certificate], code: int, kind: str, message: str) -> None:
    error = explain("h.test", reason="words of OpenSSL", code=code, chain=chain, now=NOW)
    assert (*said(error), int(error.exit)) == (kind, message, 6)


def test_what_nobody_verified() -> None:
    assert problems([], "h.test") == []
    assert problems([GOOD], "h.test", NOW) == []
    assert problems([OLD, CA], "x.test", NOW) == ["expired 2 days ago", "not for x.test"]
    assert problems([YOUNG._replace(issuer="CN=h.test")], "h.test", NOW) == [
        "not valid for another 40 minutes",
        "self-signed",
    ]


@pytest.mark.parametrize(
    ("reason", "kind", "words"),
    [
        ("error:0A00010B:SSL routines::wrong version number", "tls_plain_port", "does not speak TLS on this port"),
        ("error:0A000410:SSL routines::ssl/tls alert handshake failure", "tls_handshake", "alert handshake failure"),
        ("unexpected eof while reading", "tls_handshake", "the server closed the connection during the handshake"),
        ("", "tls_handshake", "the server gave no reason"),
    ],
)
def test_why_there_is_no_session(reason: str, kind: str, words: str) -> None:
    found, message = said(handshake("h.test:443", reason))
    assert found == kind
    assert message.startswith("h.test:443: ")
    assert message.endswith(words)


@pytest.mark.parametrize(
    ("pattern", "host", "same"),
    [
        ("h.test", "H.test.", True),
        ("*.lab.test", "www.lab.test", True),
        ("*.lab.test", "a.b.lab.test", False),
        ("*.lab.test", "lab.test", False),
        ("*.test", "lab.test", False),
        ("w*.lab.test", "www.lab.test", False),
        ("*.0.0.1", "127.0.0.1", False),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_names_and_wildcards(pattern: str, host: str, same: bool) -> None:
    assert matches(pattern, host) is same


def test_names_and_days() -> None:
    assert common_name("O=x,CN=a\\, b,C=de") == "a, b"
    assert common_name("O=nobody") == "O=nobody"
    assert [days_left(one, NOW) for one in (GOOD, CA, ODD)] == [30, -1, None]


def test_reading_a_certificate() -> None:
    made = from_pem(Authority("A CA").issue(["h.test", "127.0.0.1", "::1"]).certificate.decode())
    assert (common_name(made.issuer), made.san, made.self_signed) == ("A CA", ("h.test", "127.0.0.1", "::1"), False)
    assert len(made.sha256) == 64
    assert from_pem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").subject == ""
    with pytest.raises(BadInput, match="not a certificate in PEM form"):
        from_pem("no such thing")


def test_contexts(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(Authority("A CA").pem)
    context = client_context(cacert=str(tmp_path / "ca.pem"))
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    unchecked = client_context(insecure=True)
    assert (unchecked.verify_mode, unchecked.check_hostname) == (ssl.CERT_NONE, False)
    for text in (None, "no such thing"):
        path = tmp_path / "bad.pem"
        if text:
            path.write_text(text)
        with pytest.raises(BadInput, match="cannot read CA certificates"):
            client_context(cacert=str(path))
