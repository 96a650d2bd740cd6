"""`netkit fqdn` as a process: exact output in each form, and its exit codes, against the lab and files of its own."""

import json
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MS

Netkit = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]
HOST = socket.gethostname()


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The environment with a hosts file and a resolv.conf of its own."""

    def write(hosts: str = "", resolv_conf: str = "") -> dict[str, str]:
        (tmp_path / "hosts").write_text(hosts)
        (tmp_path / "resolv.conf").write_text(resolv_conf)
        return {"NETKIT_HOSTS": str(tmp_path / "hosts"), "NETKIT_RESOLV_CONF": str(tmp_path / "resolv.conf")}

    return write


def test_an_address_that_leads_back(netkit: Netkit, terminal: Terminal, dns: str) -> None:
    done = netkit("fqdn", "-s", dns, "127.0.0.1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "www.lab.test\n", "")
    shown = terminal("fqdn", "-s", dns, "127.0.0.1")
    assert (shown.returncode, shown.screen) == (0, ["www.lab.test  forward-confirmed"])
    assert terminal("fqdn", "-q", "-s", dns, "127.0.0.1").screen == ["www.lab.test"]


@pytest.mark.parametrize(
    ("target", "code", "stdout", "words"),
    [
        ("alias.lab.test", 0, "www.lab.test\n", ""),
        ("nosuch.lab.test", 1, "", "nosuch.lab.test: no such name"),
        ("servfail.lab.test", 9, "", "servfail.lab.test: servfail: the server failed (SERVFAIL), says {dns}"),
        ("127.0.0.66", 9, "not-mine.example\n", "127.0.0.66: not-mine.example cannot be confirmed: refused"),
        ("127.0.0.200", 1, "", "127.0.0.200: no name: nxdomain"),
        ("localhost", 1, "", "localhost: localhost is every host's name for itself, not a full one"),
        ("a..b", 2, "", "'a..b': label 2 is empty (two dots in a row, or a dot in front)"),
    ],
)
def test_targets_and_their_codes(
    netkit: Netkit, dns: str, files: Callable[..., dict[str, str]], target: str, code: int, stdout: str, words: str
) -> None:
    done = netkit("fqdn", "-s", dns, target, env=files())
    assert (done.returncode, done.stdout) == (code, stdout)
    assert done.stderr == (f"netkit: {words.format(dns=dns)}\n" if words else "")
    assert netkit("fqdn", "-q", "-s", dns, target, env=files()).stderr == done.stderr  # an error is never silent


def test_no_server_silence_and_several(netkit: Netkit, dns: str, files: Callable[..., dict[str, str]]) -> None:
    assert netkit("fqdn", "-s", dns, "127.0.0.1", "nosuch.lab.test").returncode == 8
    assert netkit("fqdn", "-s", dns, "--timeout", f"{300 * MS}s", "silent.lab.test", env=files()).returncode == 4
    assert netkit("fqdn", "-s", dns, "--timeout", f"{300 * MS}s", "wrongid.lab.test", env=files()).returncode == 5
    assert netkit("fqdn", "-s", "127.0.0.1:1", "www.lab.test", env=files()).returncode == 3
    assert netkit("fqdn", "www.lab.test", env=files()).returncode == 11


def test_json_has_every_key(netkit: Netkit, dns: str) -> None:
    good, bad = map(json.loads, netkit("fqdn", "--json", "-s", dns, "::1", "nosuch.lab.test").stdout.splitlines())
    assert list(good) == list(bad)
    assert good.pop("time").endswith("Z")
    assert good["sources"].pop().pop("elapsed_ms") >= 0
    assert good == {
        "input": "::1",
        "name": "www.lab.test",
        "source": "dns",
        "exit_code": 0,
        "confirmed": True,
        "agree": None,
        "sources": [],
        "error": None,
    }
    assert (bad["name"], bad["confirmed"], bad["exit_code"]) == (None, None, 1)
    assert bad["error"] == {"kind": "no_full_name", "message": "no such name", "hint": None}


def test_a_name_is_expanded_by_the_search_list(netkit: Netkit, dns: str, files: Callable[..., dict[str, str]]) -> None:
    done = netkit("fqdn", "-s", dns, "www", env=files(resolv_conf="search nosuch.lab.test lab.test\n"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "www.lab.test\n", "")


def test_this_host_by_the_hosts_file(netkit: Netkit, terminal: Terminal, files: Callable[..., dict[str, str]]) -> None:
    env = files(hosts=f"192.0.2.1 {HOST}.here.test {HOST}\n", resolv_conf="nameserver 127.0.0.1:1\n")
    if "." in HOST:
        pytest.skip("this host's name is a full one: the hosts file is not come to")
    done = netkit("fqdn", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{HOST.lower()}.here.test\n", "")
    lines = terminal("fqdn", "--all", env=env).screen
    assert lines[0] == f"{HOST.lower()}.here.test"
    sources = ["hostname", "hosts", "canonical", "reverse", "search"]
    assert list(dict.fromkeys(line.split()[0] for line in lines[1:])) in (sources, [*sources, "the"])
    rows = [line.split("\t") for line in netkit("fqdn", "--all", env=env).stdout.splitlines()]
    assert list(dict.fromkeys(row[0] for row in rows)) == sources
    assert rows[1] == ["hosts", HOST, f"{HOST.lower()}.here.test", ""]


def test_a_short_name_is_1_unless_it_is_good_enough(netkit: Netkit, files: Callable[..., dict[str, str]]) -> None:
    if "." in HOST:
        pytest.skip("this host's name is a full one")
    env = files(hosts=f"192.0.2.1 {HOST}\n", resolv_conf="nameserver 127.0.0.1:1\n")
    try:
        found = socket.getaddrinfo(HOST, None, flags=socket.AI_CANONNAME)
    except socket.gaierror:  # a machine that does not know itself knows no full name either
        found = []
    if any("." in one[3] for one in found):
        pytest.skip("this system knows a full name for this host")
    assert netkit("fqdn", env=env).returncode == 1
    done = netkit("fqdn", "--short-ok", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{HOST}\n", "")


def test_the_trace_is_on_stderr(netkit: Netkit, dns: str) -> None:
    done = netkit("fqdn", "--trace", "-s", dns, "127.0.0.1")
    assert done.stdout == "www.lab.test\n"
    assert [line.split()[1] for line in done.stderr.splitlines()].count("send") == 3  # PTR, then A and AAAA


def test_a_server_over_tls_is_proven(lab: Mapping[str, str], netkit: Netkit) -> None:
    server = lab["NETKIT_LAB_DNS_TLS"]
    for options in (["--cacert", lab["NETKIT_LAB_CA"]], ["--insecure"]):
        done = netkit("fqdn", "-s", server, *options, "127.0.0.1", "alias.lab.test")
        assert (done.returncode, done.stdout) == (0, "www.lab.test\nwww.lab.test\n")
    done = netkit("fqdn", "-s", server, "www.lab.test")
    assert (done.returncode, done.stdout) == (6, "")
    done = netkit("fqdn", "-s", "192.0.2.1", "--insecure", "www.lab.test")
    assert (done.returncode, done.stderr) == (
        2,
        "netkit: --insecure is for servers asked over tls://, https:// or quic://\n",
    )
