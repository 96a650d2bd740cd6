"""The lab's DNS over TLS, asked by dnspython, and over HTTPS, asked by http.client."""

import http.client
import ssl
import struct
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest

from netkit.lab import Event, Lab, running
from netkit.lab.http.doh import EXAMPLE, TYPE
from tests.conftest import MS

EVENTS: list[Event] = []


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(bind=["127.0.0.1"], on_log=EVENTS.append) as lab:
        yield lab


def trust(lab: Lab, alpn: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=lab.environment["NETKIT_LAB_CA"])
    context.set_alpn_protocols([alpn])
    return context


def over_tls(lab: Lab, query: dns.message.Message, name: str = "ns1.lab.test") -> dns.message.Message:
    port = int(lab.environment["NETKIT_LAB_DNS_TLS"].rpartition(":")[2])
    context = trust(lab, "dot")
    return dns.query.tls(query, "127.0.0.1", port=port, timeout=20_000 * MS, server_hostname=name, ssl_context=context)


def over_https(
    lab: Lab, method: str, target: str, body: bytes | None = None, kind: str = TYPE
) -> tuple[int, str | None, bytes]:
    host, _, port = lab.environment["NETKIT_LAB_HTTPS"].removeprefix("https://").rpartition(":")
    headers = {"Content-Type": kind} if body is not None else {}
    with closing(http.client.HTTPSConnection(host, int(port), timeout=20, context=trust(lab, "http/1.1"))) as client:
        client.request(method, target, body, headers)
        response = client.getresponse()
        return response.status, response.getheader("Content-Type"), response.read()


def encoded(query: dns.message.Message) -> str:
    return urlsafe_b64encode(query.to_wire()).rstrip(b"=").decode()


def test_over_tls(lab: Lab) -> None:
    EVENTS.clear()
    reply = over_tls(lab, dns.message.make_query("many.lab.test", "A"))
    assert (reply.rcode(), len(reply.answer[0])) == (dns.rcode.NOERROR, 3)
    [event] = [one for one in EVENTS if one.event == "query"]
    assert (event.service, event.data["transport"], event.summary) == (
        "dns", "tls", "A many.lab.test. tls: NOERROR, 3 records",
    )  # fmt: skip


def test_a_zone_over_tls(lab: Lab) -> None:
    reply = over_tls(lab, dns.message.make_query("good.lab.test", "AXFR"))
    assert len(reply.answer) > 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [("expired.lab.test", "expired"), ("self-signed.lab.test", "self-signed"), ("wrong.lab.test", "mismatch")],
)
def test_names_with_certificates_that_prove_nothing(name: str, reason: str, lab: Lab) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match=reason):
        over_tls(lab, dns.message.make_query("www.lab.test", "A"), name)


def test_answers_to_padded_queries_are_padded(lab: Lab) -> None:
    for padded in (True, False):
        query = dns.message.make_query("www.lab.test", "A", use_edns=0, pad=128 if padded else 0)
        _, _, body = over_https(lab, "GET", f"/dns-query?dns={encoded(query)}")
        has = [option.otype for option in dns.message.from_wire(body).options]
        assert (len(body) == 468, dns.edns.OptionType.PADDING in has) == (padded, padded)


def test_by_get_and_post(lab: Lab) -> None:
    query = dns.message.make_query("www.lab.test", "A", id=0)
    by_get = over_https(lab, "GET", f"/dns-query?dns={encoded(query)}")
    assert by_get[:2] == (200, TYPE)
    assert dns.message.from_wire(by_get[2]).answer[0].to_text() == "www.lab.test. 300 IN A 127.0.0.1"
    assert over_https(lab, "POST", "/dns-query", query.to_wire()) == by_get
    assert over_https(lab, "HEAD", f"/dns-query?dns={encoded(query)}") == (200, TYPE, b"")
    assert over_https(lab, "GET", f"/dns-query?dns={EXAMPLE}")[0] == 200


def test_faults_are_there_too(lab: Lab) -> None:
    query = dns.message.make_query("wrongid.lab.test", "A", id=0)
    _, _, body = over_https(lab, "POST", "/dns-query", query.to_wire())
    assert struct.unpack_from("!H", body) == (0x5555,)
    _, _, body = over_https(lab, "POST", "/dns-query", dns.message.make_query("big.lab.test", "A").to_wire())
    assert not dns.message.from_wire(body).flags & dns.flags.TC
    _, _, body = over_https(lab, "POST", "/dns-query", dns.message.make_query("good.lab.test", "AXFR").to_wire())
    assert dns.message.from_wire(body).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(
    ("method", "target", "body", "kind", "status"),
    [
        ("GET", "/dns-query", None, TYPE, 400),
        ("GET", "/dns-query?dns=AAAA", None, TYPE, 400),
        ("GET", "/dns-query?dns=A", None, TYPE, 400),
        ("POST", "/dns-query", b"\0" * 5, TYPE, 400),
        ("POST", "/dns-query", b"\0" * 65536, TYPE, 413),
        ("POST", "/dns-query", b"\0" * 20, "text/plain", 415),
        ("PUT", "/dns-query", b"\0" * 20, TYPE, 405),
        ("POST", "/hello", b"", TYPE, 405),
    ],
)
def test_what_is_no_query(method: str, target: str, body: bytes | None, kind: str, status: int, lab: Lab) -> None:
    assert over_https(lab, method, target, body, kind)[0] == status
