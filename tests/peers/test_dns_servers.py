"""`netkit resolve` against NSD, BIND, Knot and dnsmasq: every type as dig and kdig show it, EDNS options, CH, TSIG."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.rdata
import dns.rdatatype
import pytest

from netkit.dns import resolve
from tests.dns.records import COMMON
from tests.peers.dns_servers import KEY, SECRET, SERVERS

Run = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[[str], str]


@pytest.fixture
def start(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> Start:
    """Start one of SERVERS; its HOST:PORT."""
    return lambda name: SERVERS[name](program, daemon, free_port(), tmp_path)


def key_file(tmp_path: Path, text: str = KEY) -> str:
    (tmp_path / "key").write_text(text)
    return str(tmp_path / "key")


def shown_by(argv: list[str], server: str) -> dict[str, dns.rdata.Rdata]:
    """What dig or kdig has for each type: all asked in one process."""
    host, _, port = server.rpartition(":")
    questions = [word for rdtype in COMMON for word in (f"{rdtype.lower()}.types.test", written(rdtype))]
    argv = [*argv, f"@{host}", "-p", port, "+noall", "+answer", *questions]
    out = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
    lines = [line.split(None, 4) for line in out.splitlines() if line and not line.startswith(";")]
    return {name.partition(".")[0]: read(rdtype, data) for name, _, _, rdtype, data in lines}


def written(rdtype: str) -> str:
    """By number, since kdig does not know all of their names, and takes such a word for a name to ask for."""
    return f"TYPE{int(dns.rdatatype.from_text(rdtype))}"


def read(rdtype: str, data: str) -> dns.rdata.Rdata:
    """dnspython wants the zeros in front of NID and L64's groups, which dig leaves out."""
    if rdtype in ("NID", "L64") and not data.startswith("\\#"):
        preference, groups = data.split()
        data = f"{preference} {':'.join(group.zfill(4) for group in groups.split(':'))}"
    return dns.rdata.from_text("IN", rdtype, data)


@pytest.mark.parametrize("name", SERVERS)
def test_every_type_is_what_dig_and_kdig_show(name: str, start: Start, program: Callable[[str], str]) -> None:
    server = start(name)
    opinions = [shown_by([program("dig"), "+nocookie"], server), shown_by([program("kdig")], server)]
    for rdtype, text in COMMON.items():
        [found] = resolve([f"{rdtype.lower()}.types.test"], types=[rdtype], servers=[server], timeout=20.0)
        [data] = found.resolutions[0].data
        ours = dns.rdata.from_text("IN", rdtype, data)
        assert ours == dns.rdata.from_text("IN", rdtype, text)
        assert [one[rdtype.lower()] for one in opinions] == [ours, ours]


@pytest.mark.parametrize(
    ("name", "nsid", "version"),
    [
        ("nsd", "nsd of the tests", "the tests' NSD"),
        ("named", "named of the tests", "the tests' BIND"),
        ("knot", "knot of the tests", "the tests' Knot"),
    ],
)
def test_who_the_server_is(name: str, nsid: str, version: str, start: Start, netkit: Run) -> None:
    server = start(name)
    done = netkit("resolve", f"@{server}", "--nsid", "-t", "A", "--short", "a.types.test")
    assert (done.stdout, done.stderr) == ("192.0.2.1\n", f"netkit: {server} is NSID {nsid!r}\n")
    done = netkit("resolve", f"@{server}", "--class", "CH", "--short", "version.bind", "id.server")
    assert done.stdout == f'"{version}"\n"{nsid}"\n'
    done = netkit(
        "resolve", f"@{server}", "--json", "--pad", "468", "--no-rd", "--cd", "--dnssec", "-t", "A", "a.types.test"
    )
    document = json.loads(done.stdout)
    assert (document["outcome"], document["edns"]["dnssec_ok"], document["addresses"]) == (
        "answer",
        True,
        ["192.0.2.1"],
    )
    assert "rd" not in document["flags"]
    cut = netkit("resolve", f"@{server}", "--json", "--no-edns", "-t", "A", "a.types.test")
    assert json.loads(cut.stdout)["edns"] is None


@pytest.mark.parametrize("name", ["named", "knot"])
def test_cookies_are_required_and_given(name: str, start: Start, netkit: Run) -> None:
    """BADCOOKIE to the first query, whose cookie is ours alone; the second has the server's too."""
    server = start(name)
    found = json.loads(netkit("resolve", f"@{server}", "--cookie", "--json", "-t", "A", "a.types.test").stdout)
    assert (found["outcome"], found["tries"], found["transport"]) == ("answer", 2, "udp")
    assert found["notes"] == [f"{server} wanted another cookie (BADCOOKIE), asked again with the one it gave"]
    assert len(found["cookie"]["client"]) == 16
    assert len(found["cookie"]["server"]) in range(16, 65)
    plain = json.loads(netkit("resolve", f"@{server}", "--json", "-t", "A", "a.types.test").stdout)
    assert (plain["tries"], plain["cookie"]) == (1, None)


def test_a_client_subnet_comes_back_with_its_scope(start: Start, netkit: Run) -> None:
    server = start("knot")
    for subnet, shown in (("192.0.2.77/24", "192.0.2.0/24"), ("2001:db8::/56", "2001:db8::/56"), ("0", "0.0.0.0/0")):
        done = netkit("resolve", f"@{server}", "--ecs", subnet, "--json", "-t", "A", "a.types.test")
        assert json.loads(done.stdout)["ecs"] == {"subnet": shown, "scope": 0}


@pytest.mark.parametrize("name", ["named", "nsd"])
def test_signed_queries(name: str, start: Start, netkit: Run, tmp_path: Path) -> None:
    server = start(name)
    question = ("-t", "A", "--json", "www.keyed.test" if name == "named" else "a.types.test")
    for transport in ([], ["--tcp"]):
        done = netkit("resolve", f"@{server}", *transport, "--tsig-file", key_file(tmp_path), *question)
        found = json.loads(done.stdout)
        assert (done.returncode, found["outcome"], found["tsig"]) == (0, "answer", "key.test.")
    for wrong, reason in (
        (
            KEY.replace(SECRET, SECRET[::-1].lstrip("=")),
            "BADSIG: to it the signature is wrong, so its secret is another",
        ),
        (KEY.replace("key.test", "other.test"), "BADKEY: it does not know the key"),
    ):
        done = netkit("resolve", f"@{server}", "--tsig-file", key_file(tmp_path, wrong), *question)
        found = json.loads(done.stdout)
        assert (done.returncode, found["outcome"], found["tsig"], found["answers"]) == (7, "notauth", None, [])
        assert f"the server does not take the key ({reason}), says {server}" in found["error"]["message"]
        assert SECRET not in done.stdout + done.stderr
    if name == "named":
        assert netkit("resolve", f"@{server}", *question).returncode == 9  # REFUSED without the key


def test_a_server_without_the_key_cannot_answer_for_it(start: Start, netkit: Run, tmp_path: Path) -> None:
    """Knot with no key at all: an answer, if it gives one, is not signed, and so is none."""
    server = start("knot")
    done = netkit(
        "resolve", f"@{server}", "--tsig-file", key_file(tmp_path), "-t", "A", "--timeout", "2s", "a.types.test"
    )
    assert (done.returncode, done.stdout) == (7, "")
    assert "BADKEY: it does not know the key" in done.stderr


def test_dnsmasq_and_its_hosts(
    program: Callable[[str], str],
    free_port: Callable[[], int],
    daemon: Callable[..., object],
    netkit: Run,
    tmp_path: Path,
) -> None:
    """What most home routers run: names of a hosts file, one address and its PTR."""
    port = free_port()
    (tmp_path / "hosts").write_text("192.0.2.7 printer.home.test printer\n2001:db8::7 printer.home.test\n")
    (tmp_path / "resolv.conf").write_text(f"nameserver 127.0.0.1:{port}\nsearch home.test\noptions edns0 attempts:1\n")
    server = f"127.0.0.1:{port}"
    daemon(
        program("dnsmasq"), "--keep-in-foreground", "--conf-file=/dev/null", f"--port={port}", "--no-resolv",
        "--no-hosts", f"--addn-hosts={tmp_path}/hosts", "--listen-address=127.0.0.1", "--bind-interfaces",
        "--user=root", "--local=/home.test/", "--txt-record=txt.home.test,a text", "--pid-file=", port=port,
    )  # fmt: skip
    env = {"NETKIT_RESOLV_CONF": str(tmp_path / "resolv.conf"), "NETKIT_HOSTS": "/dev/null"}
    done = netkit("resolve", "--search", "--short", "printer", "192.0.2.7", env=env)
    assert (done.returncode, done.stdout) == (0, "192.0.2.7\n2001:db8::7\nprinter.home.test.\n")
    found = json.loads(
        netkit("resolve", f"@{server}", "--nsid", "--cookie", "--json", "-t", "TXT", "txt.home.test").stdout
    )
    assert (found["outcome"], found["answers"][0]["data"], found["nsid"]) == ("answer", '"a text"', None)
    assert netkit("resolve", f"@{server}", "--class", "CH", "--short", "version.bind").stdout.startswith('"dnsmasq-')
    assert netkit("resolve", f"@{server}", "-t", "A", "nosuch.home.test").returncode == 1
    refused = json.loads(netkit("resolve", f"@{server}", "--json", "-t", "A", "www.elsewhere.test").stdout)
    assert (refused["outcome"], refused["exit_code"]) == ("refused", 9)
    assert [one["code"] for one in refused["ede"]] == [14]  # Not Ready: it has no server to ask
