"""DNS over TLS, HTTPS and QUIC: netkit asks Unbound; kdig and dnspython ask the lab's and the tests' servers.

Debian 12 has no server for DNS over QUIC on a plain UDP socket: Knot 3.2 has it on XDP alone, dnsdist 1.7 not at all,
and Unbound, like kdig, is built without. So dnspython's client, and kdig where it can, ask the server that netkit asks.
"""

import asyncio
import json
import re
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import dns.asyncquery
import dns.message
import pytest

from netkit.lab import running
from netkit.net.ca import Authority
from tests.dns.conftest import reply_to
from tests.dns.links import AUTHORITY, HttpsServer, QuicServer, trusted

Run = Callable[..., subprocess.CompletedProcess[str]]
Program = Callable[[str], str]
NAMES = 200
ROUTES = ("tls", "https")


class Unbound:
    """Where it listens, by scheme, and whom to trust."""

    def __init__(self, ports: dict[str, int], cacert: Path) -> None:
        self.ports, self.cacert = ports, cacert

    def at(self, scheme: str, host: str = "dns.test#127.0.0.1") -> str:
        name, mark, ip = host.partition("#")
        return f"@{scheme}://{name}:{self.ports[scheme]}{mark}{ip}"


@pytest.fixture
def unbound(program: Program, free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path) -> Unbound:
    """An Unbound that knows many.test by heart, over TLS and over HTTPS."""
    authority = Authority("the tests' own")
    leaf = authority.issue(["dns.test", "127.0.0.1"])
    (tmp_path / "cert.pem").write_bytes(leaf.certificate)
    (tmp_path / "key.pem").write_bytes(leaf.key)
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    ports = {"udp": free_port(), "tls": free_port(), "https": free_port()}
    hosts = "".join(f'    local-data: "n{number}.many.test. A 192.0.2.{number}"\n' for number in range(NAMES))
    (tmp_path / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@{ports["udp"]}
    interface: 127.0.0.1@{ports["tls"]}
    interface: 127.0.0.1@{ports["https"]}
    tls-port: {ports["tls"]}
    https-port: {ports["https"]}
    tls-service-key: "{tmp_path}/key.pem"
    tls-service-pem: "{tmp_path}/cert.pem"
    username: ""
    chroot: ""
    directory: "{tmp_path}"
    pidfile: ""
    logfile: ""
    use-syslog: no
    do-daemonize: no
    num-threads: 1
    verbosity: 4
    module-config: "iterator"
    local-zone: "." static
    local-zone: "many.test." static
{hosts}
remote-control:
    control-enable: no
""")
    daemon(program("unbound"), "-d", "-c", str(tmp_path / "unbound.conf"), port=ports["https"])
    return Unbound(ports, tmp_path / "ca.pem")


@pytest.mark.parametrize("scheme", ROUTES)
@pytest.mark.parametrize("host", ["dns.test#127.0.0.1", "127.0.0.1"])
def test_an_answer_of_unbound(scheme: str, host: str, unbound: Unbound, netkit: Run) -> None:
    options = ("--cacert", str(unbound.cacert), "--json", "-t", "A")
    done = netkit("resolve", unbound.at(scheme, host), *options, "n7.many.test", "nosuch.many.test")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["outcome"], one["transport"], one["addresses"]) for one in found] == [
        ("answer", scheme, ["192.0.2.7"]),
        ("nxdomain", scheme, []),
    ]
    assert done.returncode == 8


@pytest.mark.parametrize("scheme", ROUTES)
def test_all_questions_go_over_one_connection(scheme: str, unbound: Unbound, netkit: Run) -> None:
    names = [f"n{number}.many.test" for number in range(NAMES)]
    done = netkit(
        "resolve", unbound.at(scheme), "--cacert", str(unbound.cacert), "--trace", "--short", "-t", "A,AAAA,MX", *names
    )
    assert done.returncode == 8  # there are addresses of one kind alone
    assert done.stdout.split() == [f"192.0.2.{number}" for number in range(NAMES)]
    assert len(re.findall(r" tls  .*TLSv1", done.stderr)) == 1


@pytest.mark.parametrize("options", [[], ["--jobs", "2"]])
@pytest.mark.parametrize("scheme", ROUTES)
def test_many_names_of_unbound(scheme: str, options: list[str], unbound: Unbound, netkit: Run) -> None:
    lines = [f"n{number % (NAMES + 1)}.many.test" for number in range(20 * (NAMES + 1))]
    argv = [unbound.at(scheme), "--cacert", str(unbound.cacert), "-t", "A", "--ordered", *options]
    done = netkit("resolve", *argv, "-i", "-", input="\n".join(lines))
    known = [f"n{number}.many.test\tA\tanswer\t192.0.2.{number}\n" for number in range(NAMES)]
    assert done.stderr == ""
    assert done.stdout == "".join([*known, f"n{NAMES}.many.test\tA\tnxdomain\n"] * 20)
    assert (done.returncode, done.stderr) == (0, "")


def test_many_names_through_nginx_that_says_goaway(
    program: Program, free_port: Callable[[], int], daemon: Callable[..., object], netkit: Run, tmp_path: Path
) -> None:
    """It ends each connection of HTTP/2 after some requests; no name suffers from it."""
    leaf, port = AUTHORITY.issue(["dns.test"]), free_port()
    (tmp_path / "cert.pem").write_bytes(leaf.certificate)
    (tmp_path / "key.pem").write_bytes(leaf.key)
    with (
        trusted() as cacert,
        closing(HttpsServer(lambda query, number: [reply_to(query, "@ 60 IN A 192.0.2.1")], None)) as server,
    ):
        (tmp_path / "nginx.conf").write_text(f"""
daemon off;
master_process off;
error_log stderr warn;
pid {tmp_path}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log {tmp_path}/access;
    log_format connections "$connection";
    client_body_temp_path {tmp_path}/t1; proxy_temp_path {tmp_path}/t2; fastcgi_temp_path {tmp_path}/t3;
    uwsgi_temp_path {tmp_path}/t4; scgi_temp_path {tmp_path}/t5;
    server {{
        listen 127.0.0.1:{port} ssl http2;
        access_log {tmp_path}/access connections;
        ssl_certificate {tmp_path}/cert.pem;
        ssl_certificate_key {tmp_path}/key.pem;
        keepalive_requests 50;
        location / {{ proxy_pass http://127.0.0.1:{server.port}; }}
    }}
}}
""")
        daemon(program("nginx"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), port=port)
        lines = [f"n{number}.test" for number in range(600)]
        argv = [f"@https://dns.test:{port}#127.0.0.1", "--cacert", cacert, "-t", "A", "--ordered"]
        done = netkit("resolve", *argv, "-i", "-", input="\n".join(lines))
    assert done.stdout == "".join(f"{line}\tA\tanswer\t192.0.2.1\n" for line in lines)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(set((tmp_path / "access").read_text().split())) >= 600 // 50


@pytest.mark.parametrize("scheme", ROUTES)
def test_unbound_does_not_prove_who_it_is(scheme: str, unbound: Unbound, netkit: Run) -> None:
    unknown = netkit("resolve", unbound.at(scheme), "-t", "A", "n7.many.test")
    assert (unknown.returncode, unknown.stdout) == (6, "")
    assert "this machine does not trust" in unknown.stderr
    other = netkit(
        "resolve",
        unbound.at(scheme, "other.test#127.0.0.1"),
        "--cacert",
        str(unbound.cacert),
        "-t",
        "A",
        "n7.many.test",
    )
    assert (other.returncode, other.stdout) == (6, "")
    assert "not for other.test" in other.stderr
    anyone = netkit("resolve", unbound.at(scheme), "--insecure", "--short", "-t", "A", "n7.many.test")
    assert (anyone.returncode, anyone.stdout) == (0, "192.0.2.7\n")


@pytest.mark.parametrize("scheme", ROUTES)
def test_kdig_and_netkit_say_the_same(scheme: str, unbound: Unbound, program: Program, netkit: Run) -> None:
    argv = [program("kdig"), "@127.0.0.1", "-p", str(unbound.ports[scheme]), f"+{scheme}", f"+tls-ca={unbound.cacert}"]
    theirs = short([*argv, "n7.many.test", "A"])
    cacert = str(unbound.cacert)
    ours = netkit("resolve", unbound.at(scheme), "--cacert", cacert, "--short", "-t", "A", "n7.many.test")
    assert ours.stdout == theirs == "192.0.2.7\n"


def test_kdig_asks_the_lab_over_tls(program: Program) -> None:
    with running(bind=["127.0.0.1"]) as lab:
        port = lab.environment["NETKIT_LAB_DNS_TLS"].rpartition(":")[2]
        argv = [program("kdig"), "@127.0.0.1", "-p", port, "+tls-ca=" + lab.environment["NETKIT_LAB_CA"]]
        argv += ["+tls-host=ns1.lab.test", "+padding=128", "www.lab.test", "A"]
        said = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
    assert re.search(r"^www\.lab\.test\.\s+300\s+IN\s+A\s+127\.0\.0\.1$", said, re.MULTILINE)
    assert ";; Received 468 B" in said


def test_dnspython_and_netkit_ask_the_same_server_over_quic(netkit: Run) -> None:
    with trusted() as cacert, closing(quic()) as server:
        query = dns.message.make_query("a.test", "A", id=0)
        asking = dns.asyncquery.quic(query, "127.0.0.1", 60.0, server.port, server_hostname="dns.test", verify=cacert)
        theirs = asyncio.run(asking)
        ours = asked_over_quic(server, cacert, netkit)
    assert ours == theirs.answer[0][0].to_text() + "\n" == "192.0.2.1\n"
    assert server.queries[0][:2] == server.queries[1][:2] == b"\0\0"


def test_kdig_and_netkit_ask_the_same_server_over_quic(program: Program, netkit: Run) -> None:
    kdig = program("kdig")
    linked = subprocess.run([program("ldd"), kdig], capture_output=True, text=True, timeout=60, check=True).stdout
    if "ngtcp2" not in linked:
        pytest.skip("this kdig is built without QUIC")
    with trusted() as cacert, closing(quic()) as server:
        argv = [kdig, "@127.0.0.1", "-p", str(server.port), "+quic", f"+tls-ca={cacert}", "a.test", "A"]
        assert short(argv) == asked_over_quic(server, cacert, netkit) == "192.0.2.1\n"


def short(argv: list[str]) -> str:
    done = subprocess.run(
        [*argv, "+tls-host=dns.test", "+short"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def quic() -> QuicServer:
    return QuicServer(lambda query, number: [reply_to(query, "@ 60 IN A 192.0.2.1")], AUTHORITY.issue(["dns.test"]))


def asked_over_quic(server: QuicServer, cacert: str, netkit: Run) -> str:
    at = f"@quic://dns.test:{server.port}#127.0.0.1"
    return netkit("resolve", at, "--cacert", cacert, "--short", "-t", "A", "a.test").stdout
