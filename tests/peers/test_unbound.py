"""`netkit resolve` through Unbound, a recursive server in front of NSD's zone: what a person's own resolver says."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def unbound(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> str:
    """HOST:PORT of an Unbound that knows home.test itself, and dead.test by a server that is not there."""
    path, port, nobody = program("unbound"), free_port(), free_port()
    (tmp_path / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@{port}
    username: ""
    chroot: ""
    directory: "{tmp_path}"
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
    num-threads: 1
    module-config: "iterator"
    outbound-msg-retry: 1
    unknown-server-time-limit: 50
    hide-version: yes
    local-zone: "home.test." static
    local-data: "home.test. SOA ns.home.test. root.home.test. 1 2 3 4 5"
    local-data: "www.home.test. A 192.0.2.80"
    local-data: "www.home.test. AAAA 2001:db8::80"
    local-data: "host.home.test. A 192.0.2.7"
    local-data-ptr: "192.0.2.7 host.home.test"
    local-data-ptr: "192.0.2.8 liar.home.test"
    local-data: "liar.home.test. A 192.0.2.9"
    local-zone: "refused.test." always_refuse
    local-zone: "." static
    local-zone: "dead.test." transparent
remote-control:
    control-enable: no
stub-zone:
    name: "dead.test"
    stub-addr: 127.0.0.1@{nobody}
""")
    daemon(path, "-d", "-c", str(tmp_path / "unbound.conf"), port=port)
    return f"127.0.0.1:{port}"


@pytest.fixture
def resolver(unbound: str, tmp_path: Path) -> str:
    """A resolv.conf that names it, with its port."""
    host, _, port = unbound.rpartition(":")
    (tmp_path / "resolv.conf").write_text(f"nameserver {host}:{port}\nsearch home.test\n")
    return str(tmp_path / "resolv.conf")


def test_dig_and_netkit_say_the_same(unbound: str, program: Callable[[str], str], netkit: Run) -> None:
    for name, rdtype in (("www.home.test", "A"), ("www.home.test", "AAAA"), ("7.2.0.192.in-addr.arpa", "PTR")):
        argv = [program("dig"), "@127.0.0.1", "-p", unbound.rpartition(":")[2], "+short", name, rdtype]
        theirs = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
        ours = netkit("resolve", f"@{unbound}", "--short", "-t", rdtype, name)
        assert (ours.returncode, ours.stderr) == (0, "")
        assert theirs
        assert ours.stdout == theirs


@pytest.mark.parametrize(
    ("name", "outcome", "code"),
    [
        ("nosuch.home.test", "nxdomain", 1),
        ("host.home.test", "nodata", 1),
        ("www.refused.test", "refused", 9),
        ("www.dead.test", "servfail", 9),
    ],
)
def test_outcomes(name: str, outcome: str, code: int, unbound: str, netkit: Run) -> None:
    done = netkit("resolve", f"@{unbound}", "--json", "--timeout", "30s", "--tries", "1", "-t", "AAAA", name)
    document = json.loads(done.stdout)
    assert (document["outcome"], done.returncode) == (outcome, code)


def test_it_recurses_and_says_so(unbound: str, netkit: Run) -> None:
    document = json.loads(netkit("resolve", f"@{unbound}", "--json", "-t", "A", "www.home.test").stdout)
    assert {"rd", "ra"} <= set(document["flags"])
    assert (document["transport"], document["rcode"], document["source"]) == ("udp", "NOERROR", "dns")
    over_tcp = json.loads(netkit("resolve", f"@{unbound}", "--tcp", "--json", "-t", "A", "www.home.test").stdout)
    assert (over_tcp["transport"], over_tcp["answers"]) == ("tcp", document["answers"])


def test_the_systems_servers_are_those_of_resolv_conf(resolver: str, netkit: Run) -> None:
    env = {"NETKIT_RESOLV_CONF": resolver}
    done = netkit("resolve", "--short", "www.home.test", env=env)
    assert (done.returncode, done.stdout) == (0, "192.0.2.80\n2001:db8::80\n")


def test_full_names(resolver: str, netkit: Run) -> None:
    env = {"NETKIT_RESOLV_CONF": resolver}
    assert netkit("fqdn", "www", env=env).stdout == "www.home.test\n"
    there_and_back = netkit("fqdn", "192.0.2.7", env=env)
    assert (there_and_back.returncode, there_and_back.stdout) == (0, "host.home.test\n")
    liar = netkit("fqdn", "192.0.2.8", env=env)
    assert (liar.returncode, liar.stdout) == (1, "liar.home.test\n")
    assert liar.stderr == "netkit: 192.0.2.8: liar.home.test does not lead back to 192.0.2.8\n"
