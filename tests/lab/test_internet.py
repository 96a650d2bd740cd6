"""The lab's small internet: what its root, `test.` and the two that do not help say, and the keys down."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from netkit.dns.descent import Descent, descend
from netkit.dns.lookup import resolve
from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.types import parse_type
from netkit.dns.validate.verdict import Verdict
from netkit.lab import Event, Lab, running
from netkit.lab.dns.internet import ADDRESSES, CLOSED, LAME, ROOT, TOP
from tests.conftest import MS

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running() as lab:
        yield lab


def dns_port(lab: Lab) -> int:
    return lab.listening["dns"][0].endpoint.port


def ask(
    lab: Lab, host: str, name: str, rdtype: str = "A", *, tcp: bool = False, signed: bool = False
) -> dns.message.Message:
    query = dns.message.make_query(name, rdtype, want_dnssec=signed)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, host, port=dns_port(lab), timeout=5000 * MS)


def lines(reply: dns.message.Message, section: str) -> list[str]:
    return [line for rrset in getattr(reply, section) for line in rrset.to_text().splitlines()]


def way(lab: Lab, name: str, rdtype: str = "A", host: str = ROOT) -> Descent:
    (found,) = descend(name, types=(parse_type(rdtype),), servers=[Server(host, dns_port(lab))], timeout=30000 * MS)
    return found


def path(found: Descent) -> list[tuple[int, str, str, str]]:
    return [(one.depth, one.zone, one.server, one.referral or one.outcome.value) for one in found.steps]


TO_TEST = ["test. 300 IN NS lame.test.", "test. 300 IN NS closed.test.", "test. 300 IN NS ns.test."]
GLUE = ["lame.test. 300 IN A 127.0.53.3", "closed.test. 300 IN A 127.0.53.4", "ns.test. 300 IN A 127.0.53.2"]


@pytest.mark.parametrize("tcp", [False, True])
def test_the_root_refers_with_glue(lab: Lab, tcp: bool) -> None:
    reply = ask(lab, ROOT, "silent.lab.test", tcp=tcp)  # a fault of the lab's own server, not of those above it
    assert (reply.rcode(), reply.flags & dns.flags.AA, reply.answer) == (dns.rcode.NOERROR, 0, [])
    assert lines(reply, "authority") == TO_TEST
    assert lines(reply, "additional") == GLUE


@pytest.mark.parametrize(
    ("name", "authority", "additional"),
    [
        (
            "www.lab.test",
            ["lab.test. 300 IN NS ns1.lab.test.", "lab.test. 300 IN NS ns2.lab.test."],
            ["ns1.lab.test. 300 IN A 127.0.0.1", "ns2.lab.test. 300 IN A 127.0.0.1"],
        ),
        ("x.signed.test", ["signed.test. 300 IN NS ns1.signed.test."], ["ns1.signed.test. 300 IN A 127.0.0.1"]),
    ],
)
def test_the_next_one_refers_with_glue(lab: Lab, name: str, authority: list[str], additional: list[str]) -> None:
    reply = ask(lab, TOP, name)
    assert (reply.rcode(), reply.flags & dns.flags.AA, reply.answer) == (dns.rcode.NOERROR, 0, [])
    assert (lines(reply, "authority"), lines(reply, "additional")) == (authority, additional)


def test_the_two_that_do_not_help(lab: Lab) -> None:
    for name in ("www.lab.test", "test", "."):
        for tcp in (False, True):
            lame = ask(lab, LAME, name, tcp=tcp)
            assert (lame.rcode(), lame.flags & dns.flags.AA, lame.answer) == (dns.rcode.NOERROR, 0, [])
            assert lines(lame, "authority") == [". 300 IN NS a.root."]
            closed = ask(lab, CLOSED, name, tcp=tcp)
            assert (closed.rcode(), closed.answer, closed.authority) == (dns.rcode.REFUSED, [], [])


def test_each_serves_its_own_zone_alone(lab: Lab) -> None:
    assert ask(lab, ROOT, "nosuch").rcode() == dns.rcode.NXDOMAIN
    assert ask(lab, TOP, "nosuch.test").rcode() == dns.rcode.NXDOMAIN
    assert ask(lab, TOP, "nosuch").rcode() == dns.rcode.REFUSED
    assert lines(ask(lab, ROOT, "a.root"), "answer") == ["a.root. 300 IN A 127.0.53.1"]


def test_the_labs_own_server_tells_who_serves_the_root_and_no_more_of_it(lab: Lab) -> None:
    reply = ask(lab, "127.0.0.1", ".", "NS")
    assert lines(reply, "answer") == [". 300 IN NS a.root."]
    assert lines(reply, "additional") == ["a.root. 300 IN A 127.0.53.1"]
    for name, rdtype in ((".", "A"), ("a.root", "A"), ("nosuch", "A"), ("nosuch.test", "A"), ("www.example.com", "NS")):
        assert ask(lab, "127.0.0.1", name, rdtype).rcode() == dns.rcode.REFUSED
    assert lines(ask(lab, "127.0.0.1", "lab.test", "NS"), "answer")[0] == "lab.test. 300 IN NS ns1.lab.test."


HELPLESS = [(0, "test.", "lame.test.", "lame"), (0, "test.", "closed.test.", "refused")]


@pytest.mark.parametrize("host", [ROOT, "127.0.0.1"])
def test_the_way_down(lab: Lab, host: str) -> None:
    found = way(lab, "www.lab.test", host=host)
    assert path(found) == [
        (0, ".", host, "."),
        (0, ".", "a.root.", "test."),
        *HELPLESS,
        (0, "test.", "ns.test.", "lab.test."),
        (0, "lab.test.", "ns1.lab.test.", "answer"),
    ]
    assert [one.data for one in found.records] == ["127.0.0.1"]


def test_the_way_to_an_addresss_name_has_no_glue(lab: Lab) -> None:
    for address, zone in (("127.0.0.1", "127.in-addr.arpa."), ("::1", "0." * 31 + "ip6.arpa.")):
        found = way(lab, address, "PTR")
        assert [(depth, at, to) for depth, at, _, to in path(found)] == [
            (0, ".", "."),
            (0, ".", zone),
            (1, ".", "test."),
            (1, "test.", "lame"),
            (1, "test.", "refused"),
            (1, "test.", "lab.test."),
            (1, "lab.test.", "answer"),
            (0, zone, "answer"),
        ]
        assert [one.data for one in found.records] == ["www.lab.test."]


@pytest.mark.parametrize(
    ("name", "outcome", "last"),
    [
        ("nosuch.lab.test", Outcome.NXDOMAIN, "lab.test."),
        ("nosuch.test", Outcome.NXDOMAIN, "test."),
        ("nosuch", Outcome.NXDOMAIN, "."),
        ("outside.lab.test", Outcome.DANGLING_CNAME, "."),
        ("www.unsigned.signed.test", Outcome.ANSWER, "signed.test."),
        ("www.good.lab.test", Outcome.NXDOMAIN, "lab.test."),
        ("servfail.lab.test", Outcome.SERVFAIL, "lab.test."),
    ],
)
def test_where_it_ends(lab: Lab, name: str, outcome: Outcome, last: str) -> None:
    found = way(lab, name)
    assert (found.outcome, found.steps[-1].zone) == (outcome, last)


def test_the_one_who_knows_the_root_may_be_asked_over_tls(lab: Lab, netkit: Run) -> None:
    words = ["resolve", "--trace-root", f"@{lab.environment['NETKIT_LAB_DNS_TLS']}", "--port", str(dns_port(lab))]
    done = netkit(*words, "--cacert", lab.environment["NETKIT_LAB_CA"], "www.lab.test")
    assert (done.returncode, done.stderr) == (0, "")
    came = [line.split("\t")[5] for line in done.stdout.splitlines() if line.startswith("step")]
    assert came == ["referral", "referral", "lame", "refused", "referral", "answer"]
    done = netkit(*words, "www.lab.test")  # it does not prove who it is
    assert (done.returncode, done.stdout.split("\t")[5]) == (6, "tls")


def test_zones_of_the_users_are_led_to(tmp_path: Path) -> None:
    files = []
    for origin in ("example.org", "sub.example.org", "mine.test", "below.lab.test"):
        files.append(tmp_path / origin)
        files[-1].write_text(f"$ORIGIN {origin}.\n@ 60 SOA ns x 1 2 3 4 5\n@ 60 NS ns\nwww 60 A 192.0.2.7\n")
    with running(zones=files) as lab:
        for name, referrals in (
            ("www.example.org", [".", "example.org."]),
            ("www.sub.example.org", [".", "example.org."]),
            ("www.mine.test", [".", "test.", "mine.test."]),
            ("www.below.lab.test", [".", "test.", "lab.test."]),
        ):
            found = way(lab, name)
            assert [one.referral for one in found.steps if one.referral and not one.depth] == referrals
            assert [one.data for one in found.records] == ["192.0.2.7"]


def test_a_zone_of_the_users_in_place_of_those_above_changes_nothing_there(tmp_path: Path) -> None:
    file = tmp_path / "zone"
    file.write_text("$ORIGIN test.\n@ 60 SOA ns x 1 2 3 4 5\n@ 60 NS ns\nwww 60 A 192.0.2.7\n")
    with running(zones=[file]) as lab:
        assert lines(ask(lab, "127.0.0.1", "www.test"), "answer") == ["www.test. 60 IN A 192.0.2.7"]
        assert ask(lab, TOP, "www.test").rcode() == dns.rcode.NXDOMAIN
        assert way(lab, "www.lab.test").outcome is Outcome.ANSWER


@pytest.mark.parametrize(
    ("name", "rdtype", "outcome", "verdict", "zones"),
    [
        ("www.signed.test", "A", "answer", Verdict.SECURE, [".", "test.", "signed.test."]),
        ("nosuch.signed.test", "A", "nxdomain", Verdict.SECURE, [".", "test.", "signed.test."]),
        ("www.lab.test", "A", "answer", Verdict.INSECURE, [".", "test.", "lab.test."]),
        ("127.0.0.1", "PTR", "answer", Verdict.INSECURE, [".", "127.in-addr.arpa."]),
        (".", "NS", "answer", Verdict.SECURE, ["."]),
        ("test", "SOA", "answer", Verdict.SECURE, [".", "test."]),
        ("tampered.signed.test", "A", "bogus", Verdict.BOGUS, [".", "test.", "signed.test."]),
    ],
)
def test_validated_from_the_root_down(
    lab: Lab, name: str, rdtype: str, outcome: str, verdict: Verdict, zones: list[str]
) -> None:
    [found] = resolve(
        [name],
        types=[rdtype],
        servers=[lab.environment["NETKIT_LAB_DNS"]],
        trust_anchor=lab.environment["NETKIT_LAB_ROOT_ANCHOR"],
        validate=True,
        timeout=30000 * MS,
    )
    [one] = found.resolutions
    assert one.dnssec is not None
    assert (one.outcome.value, one.dnssec.verdict) == (outcome, verdict)
    assert list(dict.fromkeys(link.zone for link in one.dnssec.chain)) == zones


def test_referrals_are_signed_where_that_is_wanted(lab: Lab) -> None:
    kinds = [dns.rdatatype.to_text(each.rdtype) for each in ask(lab, ROOT, "www.lab.test", signed=True).authority]
    assert kinds == ["NS", "DS", "RRSIG"]
    reply = ask(lab, TOP, "www.lab.test", signed=True)  # which has no DS, as is proven
    assert [dns.rdatatype.to_text(each.rdtype) for each in reply.authority] == ["NS", "NSEC", "RRSIG"]
    assert reply.authority[1].name == dns.name.from_text("lab.test.")


def test_the_faults_above_are_logged_as_such() -> None:
    events: list[Event] = []
    with running(on_log=events.append) as lab:
        way(lab, "www.lab.test")
    port = lab.environment["NETKIT_LAB_ROOT"].rpartition(":")[2]
    found = [(one.address, one.data["rcode"], one.data["fault"]) for one in events if one.event == "query"]
    assert found == [
        (f"127.0.53.1:{port}", "NOERROR", None),
        (f"127.0.53.1:{port}", "NOERROR", None),
        (f"127.0.53.3:{port}", "NOERROR", "lame"),
        (f"127.0.53.4:{port}", "REFUSED", "closed"),
        (f"127.0.53.2:{port}", "NOERROR", None),
        (f"127.0.0.1:{port}", "NOERROR", None),
    ]


def test_a_lab_elsewhere_has_none() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        assert not {"NETKIT_LAB_ROOT", "NETKIT_LAB_ROOT_ANCHOR"} & lab.environment.keys()
        assert [each.endpoint.host for each in lab.listening["dns"]] == ["127.0.0.1"] * 2
        assert ask(lab, "127.0.0.1", ".", "NS").rcode() == dns.rcode.REFUSED
        assert not [line for line in lab.tries if "--trace-root" in line]


def test_all_are_on_one_port_and_told(lab: Lab) -> None:
    port = dns_port(lab)
    assert lab.environment["NETKIT_LAB_ROOT"] == f"{ROOT}:{port}"
    told = [f"dns {scheme}://{host}:{port}" for host in ADDRESSES for scheme in ("udp", "tcp")]
    assert [line for line in lab.addresses if "127.0.53." in line] == told
    assert Path(lab.environment["NETKIT_LAB_ROOT_ANCHOR"]).read_text().startswith(". IN DS 44560 15 2 ")
    assert f"netkit resolve --trace-root @{ROOT}:{port} www.lab.test" in lab.tries


ALONE = """
from netkit.lab import running
from netkit.lab.steps import STEPS
from netkit.lab.tour import LeftOut, tour
events = []
with running(on_log=events.append) as lab:
    print(sorted({each.endpoint.host for each in lab.listening["dns"]}), "NETKIT_LAB_ROOT" in lab.environment)
for event in events:
    if event.event == "failed":
        print(event.service, event.summary)
steps = [step for step in STEPS if step.name == "resolve-root"]
print([(type(one).__name__, one.why) for one in tour(steps) if isinstance(one, LeftOut)])
"""


def _isolated(script: str) -> list[str]:
    return ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", script]


@pytest.mark.skipif(
    not (shutil.which("unshare") and shutil.which("ip"))
    or subprocess.run(_isolated("ip link set lo up"), capture_output=True, check=False).returncode != 0,
    reason="no network namespaces here",
)
def test_without_further_addresses_of_loopback_it_says_so_and_goes_without() -> None:
    """As on macOS: 127.0.0.1 alone."""
    script = "ip link set lo up && ip addr del 127.0.0.1/8 dev lo && ip addr add 127.0.0.1/32 dev lo && "
    script += f'exec {sys.executable} -c "$0"'
    done = subprocess.run([*_isolated(script), ALONE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "['127.0.0.1', '::1'] False",
        *(f"dns this machine has no {host}: the lab is without that server" for host in ADDRESSES),
        "[('LeftOut', 'the lab has no root on this machine')]",
    ]
