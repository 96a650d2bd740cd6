"""Every finding about a domain: a zone of the lab that has it, and an HTTPS server with the policies."""

import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509

from netkit.errors import Exit
from netkit.lab import running
from netkit.mail.smtp.check import dane, policies, sts
from netkit.mail.smtp.check.asked import Asked
from netkit.mail.smtp.check.dane import Tlsa
from netkit.mail.smtp.check.domain import check_domain
from netkit.mail.smtp.check.findings import KINDS, FailOn, Finding, Level, Report, verdict
from netkit.mail.smtp.check.records import Records, text_of
from netkit.net.ca import Authority, Leaf
from netkit.net.deadline import Deadline
from netkit.net.tls_server import from_leaf
from tests.mail.smtp.check import test_server
from tests.mail.smtp.check.conftest import Behaviour, Fake
from tests.mail.smtp.check.produced import PRODUCED, bad, by_id, produces

Findings = Sequence[Finding]
POLICY = "version: STSv1\r\nmode: {}\r\nmx: mx.test\r\nmx: *.good.lab.test\r\nmax_age: {}\r\n"
# By the domain, what is below mta-sts.DOMAIN: status, type, body.
POLICIES: Mapping[str, tuple[int, str, str]] = {
    "fine": (200, "text/plain; charset=utf-8", POLICY.format("enforce", 86400 * 7)),
    "testing": (200, "text/plain", POLICY.format("testing", 3600)),
    "html": (200, "text/html", POLICY.format("enforce", 86400 * 7)),
    "broken": (200, "text/plain", "version: STSv1\nmode: maybe\nmax_age: 1\n"),
    "moved": (301, "text/plain", ""),
    "huge": (200, "text/plain", "x" * 200_000),
}
DIGEST = "0123456789abcdef" * 4
ZONE = (
    f"""
$ORIGIN good.lab.test.
$TTL 300
@           SOA ns1.lab.test. hostmaster.lab.test. 1 7200 3600 1209600 60
@           NS  ns1.lab.test.
mx.a        A   127.0.0.1
a           MX  10 mx.a
nomx        A   127.0.0.1
null        MX  0 .
mixed       MX  0 .
mixed       MX  10 mx.a
address     MX  10 127.0.0.1.
address     MX  20 mx.a
alias       MX  10 cname.alias
cname.alias CNAME mx.a
gone        MX  10 nowhere.gone
text.only   TXT "no address"
noaddress   MX  10 text.only
noptr       MX  10 mx.noptr
mx.noptr    A   127.0.0.5
unconfirmed MX  10 mx.unconfirmed
mx.unconfirmed A 127.0.0.66
odd         MX  10 bad\\032name
two         TXT "v=spf1 -all"
two         TXT "v=spf1 " "mx -all"
two         MX  0 .
_dmarc.two  TXT "v=DMARC1; rua=mailto:x@good.lab.test"
_mta-sts.two TXT "v=STSv1; id=1"
_mta-sts.two TXT "v=STSv1; id=2"
_smtp._tls.two TXT "v=TLSRPTv1; rua=ftp://x"
*._tcp.match TLSA 3 1 1 @KEY@
match       A   127.0.0.1
match       MX  10 match
*._tcp.wrong TLSA 3 1 1 {DIGEST}
wrong       A   127.0.0.1
wrong       MX  10 wrong
*._tcp.usage TLSA 1 1 1 {DIGEST}
usage       A   127.0.0.1
usage       MX  10 usage
"""
    + "".join(
        f'{name} MX 10 mx.a\n_mta-sts.{name} TXT "v=STSv1; id=20260101;"\nmta-sts.{name} A 127.0.0.1\n'
        for name in POLICIES
    )
    + '_mta-sts.nohost TXT "v=STSv1; id=1"\nnohost MX 0 .\n'
    + "".join(f"many MX {at} mx{at}.many\n" for at in range(12))
)


class World(NamedTuple):
    dns: str
    https: int


@pytest.fixture(scope="session")
def web(authority: Authority) -> Iterator[int]:
    """The port of an HTTPS server with the policies."""
    hosts = [f"mta-sts.{name}.good.lab.test" for name in POLICIES]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.headers["Host"].split(".")[1]
            status, kind, body = POLICIES[name]
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = from_leaf(authority.issue(hosts)).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def world(web: int, leaf: Leaf, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    zone = tmp_path_factory.mktemp("zones") / "good.zone"
    zone.write_text(ZONE.replace("@KEY@", leaf.key_sha256))
    with running(bind=["127.0.0.1"], zones=[zone]) as lab:
        yield World(lab.environment["NETKIT_LAB_DNS"], web)


Look = Callable[..., list[Report]]


@pytest.fixture
def look(world: World, fake: Callable[[Behaviour], Fake], context: ssl.SSLContext, cacert: str) -> Look:
    """look("a"): the reports on a.good.lab.test, whose MX hosts are all one sound server."""

    def run(name: str, **asked: object) -> list[Report]:
        port = fake(Behaviour(context=context)).port
        options = {"dns": (world.dns,), "port": port, "policy_port": world.https, "cacert": cacert, "timeout": 20.0}
        domain = name if name.endswith(".test") else f"{name}.good.lab.test"
        return list(check_domain(domain, name, Asked(**{**options, **asked})))  # type: ignore[arg-type]

    return run


def all_of(reports: Sequence[Report]) -> list[Finding]:
    return [one for report in reports for one in report.findings]


# --- names


@produces(
    "mx.list", "mx.addresses", "dane.none", "spf.none", "dmarc.none", "sts.none", "tlsrpt.none", "tls.name-mismatch"
)
def test_a_domain(look: Look) -> Findings:
    reports = look("a")
    found = by_id(all_of(reports))
    assert [report.host for report in reports] == [None, "mx.a.good.lab.test"]
    assert found["mx.list"].data == {"hosts": [{"preference": 10, "host": "mx.a.good.lab.test"}]}
    assert found["mx.addresses"].data == {
        "addresses": [{"address": "127.0.0.1", "names": ["www.lab.test"], "confirmed": ["www.lab.test"]}]
    }
    assert found["mx.addresses"].message == "127.0.0.1 (www.lab.test)"
    return all_of(reports)


@produces("domain.missing")
def test_no_such_domain(look: Look) -> Findings:
    reports = look("nosuch")
    assert (verdict(reports, FailOn.fail), verdict(reports, FailOn.never)) == (Exit.NO, Exit.OK)
    return all_of(reports)


@produces("dns.failed")
@pytest.mark.parametrize(("name", "exit"), [("servfail.lab.test", Exit.TEMPORARY), ("garbage.lab.test", Exit.PROTOCOL)])
def test_dns_that_fails(look: Look, name: str, exit: Exit) -> Findings:
    reports = look(name, timeout=1.0)
    assert verdict(reports, FailOn.never) is exit
    return all_of(reports)


@produces("mx.none")
def test_a_domain_that_is_its_own_server(look: Look) -> Findings:
    reports = look("nomx")
    assert reports[1].host == "nomx.good.lab.test"
    return all_of(reports)


@produces("mx.null")
def test_a_null_mx(look: Look) -> Findings:
    reports = look("null")
    assert len(reports) == 1
    assert verdict(reports, FailOn.fail) is Exit.OK
    return all_of(reports)


@produces("mx.null-not-alone")
def test_a_null_mx_beside_another(look: Look) -> Findings:
    reports = look("mixed")
    assert [report.host for report in reports] == [None, "mx.a.good.lab.test"]
    return all_of(reports)


@produces("mx.is-address")
def test_an_address_where_a_name_is_due(look: Look) -> Findings:
    reports = look("address")
    assert [report.host for report in reports] == [None, "mx.a.good.lab.test"]
    return all_of(reports)


@produces("mx.too-many", "mx.no-address")
def test_many_hosts(look: Look) -> Findings:
    reports = look("many")
    assert [report.host for report in reports] == [None, *(f"mx{at}.many.good.lab.test" for at in range(10))]
    assert by_id(reports[0].findings)["mx.too-many"].data == {"count": 12, "limit": 10}
    return all_of(reports)


@produces("mx.alias")
def test_an_alias(look: Look) -> Findings:
    found = by_id(all_of(look("alias")))
    assert found["mx.alias"].data == {"host": "cname.alias.good.lab.test", "canonical": "mx.a.good.lab.test"}
    return list(found.values())


@produces("mx.no-address")
@pytest.mark.parametrize("name", ["gone", "noaddress"])
def test_no_address(look: Look, name: str) -> Findings:
    reports = look(name)
    assert verdict(reports, FailOn.fail) is Exit.NO
    return all_of(reports)


@produces("mx.no-ptr")
def test_no_ptr(look: Look) -> Findings:
    return all_of(look("noptr"))


@produces("mx.ptr-mismatch")
def test_a_ptr_that_does_not_lead_back(look: Look) -> Findings:
    found = by_id(all_of(look("unconfirmed")))
    assert found["mx.ptr-mismatch"].data == {"address": "127.0.0.66", "names": ["not-mine.example"]}
    return list(found.values())


@produces("connect.failed")
def test_servers_that_are_not_there(look: Look) -> Findings:
    reports = look("noptr")
    assert verdict(reports, FailOn.never) is Exit.UNREACHABLE
    return all_of(reports)


def test_an_mx_that_is_no_name_of_a_host(look: Look) -> None:
    reports = look("odd")
    assert [report.host for report in reports] == [None, "bad\\032name.good.lab.test"]
    assert verdict(reports, FailOn.fail) is Exit.NO


def test_one_family_alone(look: Look) -> None:
    import socket

    found = by_id(all_of(look("a", family=socket.AF_INET6)))
    assert found["mx.no-address"].message == "mx.a.good.lab.test has no address (AAAA)"


# --- policies


@produces("spf.several", "dmarc.bad-record", "sts.bad-record", "tlsrpt.bad-record")
def test_records_that_are_wrong(look: Look) -> Findings:
    found = by_id(all_of(look("two")))
    assert found["spf.several"].data == {"records": ["v=spf1 -all", "v=spf1 mx -all"]}
    return list(found.values())


@produces("spf.record", "dmarc.record", "tlsrpt.record", "dmarc.bad-record", "tlsrpt.bad-record")
def test_records() -> Findings:
    good = [
        *policies.spf(["google-site-verification=x", "V=SPF1 -all"]),
        *policies.dmarc(["v=DMARC1; p=Reject"]),
        *policies.tls_reports(["v=TLSRPTv1;rua=mailto:a@x.test, https://x.test/r"]),
    ]
    assert [one.level for one in good] == [Level.ok] * 3
    assert by_id(good)["tlsrpt.record"].data == {"rua": ["mailto:a@x.test", "https://x.test/r"]}
    assert by_id(good)["dmarc.record"].data["policy"] == "reject"
    twice = [*policies.dmarc(["v=DMARC1; p=none"] * 2), *policies.tls_reports(["v=TLSRPTv1; rua=mailto:a@x"] * 2)]
    return [*good, *twice]


@produces("sts.policy")
def test_a_policy(look: Look, world: World) -> Findings:
    found = by_id(look("fine")[0].findings)
    assert found["sts.policy"].data == {
        "url": "https://mta-sts.fine.good.lab.test/.well-known/mta-sts.txt",
        "policy_id": "20260101",
        "mode": "enforce",
        "max_age": 604800,
        "mx": ["mx.test", "*.good.lab.test"],
    }
    assert found["sts.policy"].message == "mode enforce, for 7 days: mx.test, *.good.lab.test"
    return list(found.values())


@produces("sts.mx-mismatch")
def test_a_policy_that_leaves_a_host_out(look: Look) -> Findings:
    """`*` is one label, and mx.a.good.lab.test has two in front of good.lab.test."""
    found = by_id(look("fine")[0].findings)
    assert found["sts.mx-mismatch"].level is Level.fail
    assert found["sts.mx-mismatch"].data["host"] == "mx.a.good.lab.test"
    return list(found.values())


@produces("sts.not-enforced", "sts.max-age-short", "sts.mx-mismatch")
def test_a_policy_for_testing(look: Look) -> Findings:
    found = by_id(look("testing")[0].findings)
    assert found["sts.mx-mismatch"].level is Level.warn
    assert found["sts.max-age-short"].message == "the policy is forgotten after 3600 s"
    return list(found.values())


@produces("sts.content-type")
def test_a_policy_that_is_no_plain_text(look: Look) -> Findings:
    found = by_id(look("html")[0].findings)
    assert found["sts.content-type"].data == {"content_type": "text/html"}
    return list(found.values())


@produces("sts.bad-policy")
@pytest.mark.parametrize("name", ["broken", "huge"])
def test_a_malformed_policy(look: Look, name: str) -> Findings:
    return look(name)[0].findings


@produces("sts.unreachable")
@pytest.mark.parametrize(("name", "kind", "status"), [("moved", "status", 301), ("nohost", "no_address", None)])
def test_no_policy(look: Look, name: str, kind: str, status: int | None) -> Findings:
    found = by_id(look(name)[0].findings)
    assert (found["sts.unreachable"].data["kind"], found["sts.unreachable"].data["status"]) == (kind, status)
    return list(found.values())


@produces("sts.unreachable")
def test_a_policy_behind_a_certificate_that_nobody_trusts(look: Look) -> Findings:
    found = by_id(look("fine", cacert=None)[0].findings)
    assert found["sts.unreachable"].data["kind"] == "cert_unknown_ca"
    return list(found.values())


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "version is None, not STSv1"),
        (b"\xff", "it is not UTF-8"),
        (b"version: STSv1\nmode: enforce\nmax_age: 86400\n", "no mx"),
        (b"version: STSv1\nmode: none\nmax_age: -1\n", "max_age is '-1', not a number of seconds up to 31557600"),
        (b"version: STSv1\nmode: none\nmax_age: 31557601\n", "max_age is '31557601', not a number"),
        (b"version: STSv1\nmx: a b\n", "mx: 'a b' is no name"),
        (b"nonsense\n", "'nonsense' is no field"),
        (b"version: STSv1\nmode: x\n", "mode is 'x', not enforce, testing or none"),
    ],
)
def test_policies_that_are_none(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError) as info:  # noqa: PT011
        sts.parse(body)
    assert str(info.value).startswith(reason)


def test_policies_that_hold() -> None:
    assert sts.parse(b"version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n\r\n") == sts.Policy("none", 86400, ())
    text = b"version: STSv1\nmode: enforce\nmx: MX.x.test  \nextra: a: b\nmx: *.y.test\nmax_age: 1"
    assert sts.parse(text) == sts.Policy("enforce", 1, ("MX.x.test", "*.y.test"))
    assert [sts.allows("*.y.test", host) for host in ("a.y.test", "A.Y.test.", "y.test", "b.a.y.test")] == [
        True, True, False, False,
    ]  # fmt: skip


# --- DANE


@produces("dane.match")
def test_tlsa_that_matches(look: Look) -> Findings:
    """The certificate is for mx.test: with usage 3 that is no matter (RFC 7672 3.1.1)."""
    reports = look("match")
    found = by_id(reports[1].findings)
    assert bad(reports[1].findings) == []
    assert found["tls.name-mismatch"].level is Level.info
    assert found["tls.name-mismatch"].message.endswith("; DANE stands for it all the same")
    return reports[1].findings


@produces("dane.mismatch")
def test_tlsa_that_does_not(look: Look) -> Findings:
    found = by_id(all_of(look("wrong")))
    assert found["dane.mismatch"].message == "no TLSA record fits the certificate: 3 1 1 0123456789abcdef…"
    return list(found.values())


@produces("dane.unusable")
def test_tlsa_that_is_not_for_smtp(look: Look) -> Findings:
    return all_of(look("usage"))


@produces("dane.insecure")
def test_tlsa_that_nobody_proves(look: Look) -> Findings:
    found = by_id(look("bad.lab.test")[1].findings)
    assert found["dane.insecure"].data == {"records": [f"3 1 1 {DIGEST}"]}
    return list(found.values())


def test_every_kind_of_tlsa_record(leaf: Leaf, authority: Authority) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pems = (leaf.certificate, authority.pem)
    certificates = [x509.load_pem_x509_certificate(pem) for pem in pems]
    chain = [one.public_bytes(Encoding.DER) for one in certificates]
    keys = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in certificates]
    for usage, at in ((3, 0), (2, 1)):
        for selector, data in ((0, chain[at]), (1, keys[at])):
            for matching, value in ((0, data), (1, hashlib.sha256(data).digest()), (2, hashlib.sha512(data).digest())):
                text = f"{usage} {selector} {matching} {value.hex()[:20]} {value.hex()[20:]}"
                assert [one.id for one in dane.judge(Tlsa((text,), True), chain)] == ["dane.match"]
                other = f"{5 - usage} {selector} {matching} {value.hex()}"  # the right one, in the wrong place
                assert [one.id for one in dane.judge(Tlsa((other,), True), chain)] == ["dane.mismatch"]
    stranger = x509.load_pem_x509_certificate(Authority("another").pem).public_bytes(Encoding.DER)
    text = f"2 0 1 {hashlib.sha256(stranger).hexdigest()}"  # in the chain, but it has signed nothing there
    assert [one.id for one in dane.judge(Tlsa((text,), True), [chain[0], stranger])] == ["dane.mismatch"]
    assert list(dane.judge(Tlsa((text,), True), [])) == []


@pytest.mark.parametrize(
    "text", ["", "3", "3 1", "3 1 1", "3 1 1 xyz", "3 1 3 00", "4 1 1 00", "3 2 1 00", "a b c d", "0 0 1 00"]
)
def test_records_that_are_no_tlsa_of_smtp(text: str) -> None:
    assert dane.parse(text) is None


# --- records


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('"v=spf1 " "-all"', "v=spf1 -all"),
        ('"say \\"hello\\" \\\\ back"', 'say "hello" \\ back'),
        ('"gr\\195\\188n"', "grün"),
        ('"\\255"', "\\xff"),
        ('""', ""),
        ("bare", "bare"),
    ],
)
def test_text_of_a_record(data: str, text: str) -> None:
    assert text_of(data) == text


def test_whose_flag_is_believed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lab is on this machine; a resolver elsewhere counts where the user or resolv.conf says so."""
    (answer,) = Records([world.dns], Deadline.after(10), None).ask(["a.good.lab.test"], "MX")
    assert answer.proven
    (answer,) = Records([world.dns], Deadline.after(10), None).ask(["lab.test"], "MX")
    assert not answer.proven
    conf = tmp_path / "resolv.conf"
    monkeypatch.setenv("NETKIT_RESOLV_CONF", str(conf))
    for options, elsewhere in (("", False), ("options edns0 trust-ad\n", True)):
        conf.write_text(f"nameserver 192.0.2.1\n{options}")
        records = Records([], Deadline.after(10), None)
        assert (records._trusts("192.0.2.1:53"), records._trusts("127.0.0.53:53"), records._trusts("[::1]:53")) == (
            elsewhere, True, True,
        )  # fmt: skip


def test_a_passed_deadline_asks_nothing() -> None:
    answers = Records(["127.0.0.1:1"], Deadline.after(0), None).ask(["a.test", "b.test"], "A", "AAAA")
    assert [(one.name, one.type, one.exit) for one in answers] == [
        (name, kind, Exit.TIMEOUT) for name in ("a.test", "b.test") for kind in ("A", "AAAA")
    ]


def test_every_id_is_produced_somewhere() -> None:
    assert test_server.__doc__  # imported, so that its ids are among them
    assert set(KINDS) == PRODUCED
