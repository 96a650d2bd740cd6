"""`netkit resolve` as a process: exact output in each form, and every exit code, against the lab and small servers."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.output.names.resolve import KEYS
from tests.conftest import MS
from tests.dns.conftest import reply_to
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]
SHORTLY = f"{300 * MS}s"


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    """A bound datagram socket: silent until a test answers."""
    with socket.socket(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound


def address(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


# --- forms


def test_a_pipe_gets_a_line_a_record(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "alias.lab.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "alias.lab.test.\t300\tCNAME\twww.lab.test.\tdns\n"
        "www.lab.test.\t300\tA\t127.0.0.1\tdns\n"
        "www.lab.test.\t300\tAAAA\t::1\tdns\n"
    )


def test_short_is_the_data_alone(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", "--short", "-s", dns, "-t", "a,MX", "lab.test", "many.lab.test")
    assert done.stdout == "127.0.0.1\n10 mail.lab.test.\n20 mail2.lab.test.\n127.0.0.11\n127.0.0.12\n127.0.0.13\n"
    assert (done.returncode, done.stderr) == (
        8,
        f"netkit: many.lab.test MX: nodata: the name exists, but has no such record, says {dns}\n",
    )


def test_json_has_every_key(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", "--json", f"@{dns}", "-t", "A", "www.lab.test", "nosuch.lab.test")
    good, bad = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, done.stderr) == (8, "")
    assert list(good) == list(bad) == list(KEYS)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", good.pop("time"))
    assert good.pop("elapsed_ms") > 0
    assert good == {
        "input": "www.lab.test",
        "name": "www.lab.test.",
        "display": "www.lab.test.",
        "type": "A",
        "class": "IN",
        "outcome": "answer",
        "exit_code": 0,
        "source": "dns",
        "rcode": "NOERROR",
        "answers": [{"name": "www.lab.test.", "type": "A", "class": "IN", "ttl": 300, "data": "127.0.0.1"}],
        "canonical": "www.lab.test.",
        "addresses": ["127.0.0.1"],
        "server": dns,
        "transport": "udp",
        "tries": 1,
        "flags": ["aa", "rd"],
        "size": 57,
        "rejected": [],
        "notes": [],
        "ede": [],
        "edns": {"version": 0, "payload": 1232, "dnssec_ok": False},
        "nsid": None,
        "ecs": None,
        "cookie": None,
        "tsig": None,
        "dnssec": None,
        "error": None,
    }
    assert (bad["outcome"], bad["exit_code"], bad["answers"]) == ("nxdomain", 1, [])
    assert bad["error"] == {
        "kind": "nxdomain",
        "message": f"nosuch.lab.test A: nxdomain: no such name, says {dns}",
        "hint": None,
    }


def test_a_terminal_gets_a_table_and_who_said_it(terminal: Terminal, dns: str) -> None:
    done = terminal("resolve", f"@{dns}", "www.lab.test")
    assert done.returncode == 0
    assert done.screen[:2] == ["www.lab.test.  300  A     127.0.0.1", "www.lab.test.  300  AAAA  ::1"]
    assert re.fullmatch(rf"answer from {dns} · udp · \d+\.\d ms · aa rd", done.screen[2])
    assert len(done.screen) == 3
    assert "\x1b[" in done.text


def test_a_terminal_without_colour_or_facts(terminal: Terminal, dns: str) -> None:
    done = terminal("resolve", "-q", f"@{dns}", "-t", "A", "bücher.lab.test", env={"NO_COLOR": "1"})
    assert done.screen == ["bücher.lab.test. (xn--bcher-kva.lab.test.)  300  A  127.0.0.1"]
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", done.text)
    assert terminal("resolve", "--short", f"@{dns}", "-t", "A", "www.lab.test").screen == ["127.0.0.1"]


def test_a_narrow_terminal_cuts_nothing(terminal: Terminal, dns: str) -> None:
    done = terminal("resolve", "-q", f"@{dns}", "-t", "TXT", "lab.test", columns=40)
    assert max(map(len, done.screen)) <= 40
    assert '"v=spf1 ip4:127.0.0.0/8 -all"' in " ".join(" ".join(done.screen).split())


def test_what_a_record_holds_cannot_reach_the_terminal(terminal: Terminal, dns: str) -> None:
    done = terminal("resolve", "-q", f"@{dns}", "-t", "TXT", "escape.lab.test")
    assert done.screen == ['escape.lab.test.  300  TXT  "\\027[31mred\\027[0m\\027]0;title\\007"']


def test_the_trace_beside_the_result(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", "--trace", "--tcp", "--short", f"@{dns}", "-t", "A", "www.lab.test")
    assert (done.returncode, done.stdout) == (0, "127.0.0.1\n")
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["socket", "connect", "send", "recv", "close"]
    dump = netkit("resolve", "--trace=hex", f"@{dns}", "-t", "A", "www.lab.test").stderr.splitlines()
    octets = b"".join(bytes.fromhex(line[18:57]) for line in dump if line.startswith(" " * 10))
    assert octets.count(b"\x03www\x03lab\x04test\0") == 2  # the question and its echo


# --- sources


def test_local_names_need_no_server(netkit: Netkit, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("192.0.2.7 printer.lan printer\n")
    (tmp_path / "resolv.conf").write_text("")
    env = {"NETKIT_HOSTS": str(tmp_path / "hosts"), "NETKIT_RESOLV_CONF": str(tmp_path / "resolv.conf")}
    done = netkit("resolve", "localhost", "PRINTER", "192.0.2.7", "127.0.0.1", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "localhost.\t-\tA\t127.0.0.1\tspecial\n"
        "localhost.\t-\tAAAA\t::1\tspecial\n"
        "printer.\t-\tA\t192.0.2.7\thosts\n"
        "7.2.0.192.in-addr.arpa.\t-\tPTR\tprinter.lan.\thosts\n"
        "7.2.0.192.in-addr.arpa.\t-\tPTR\tprinter.\thosts\n"
        "1.0.0.127.in-addr.arpa.\t-\tPTR\tlocalhost.\tspecial\n"
    )


def test_the_systems_servers_are_asked_in_their_order(netkit: Netkit, dns: str, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text(f"nameserver 127.0.0.1:1\nnameserver [127.0.0.1]:{dns.rpartition(':')[2]}\n")
    env = {"NETKIT_RESOLV_CONF": str(tmp_path / "resolv.conf")}
    for extra in ([], ["-s", "system"], ["--dns"]):
        [line] = netkit("resolve", "--json", *extra, "v4only.lab.test", env=env).stdout.splitlines()[:1]
        found = json.loads(line)
        assert (found["server"], found["addresses"], found["rejected"]) == (
            dns,
            ["127.0.0.1"],
            [{"from": "127.0.0.1:1", "reason": "refused"}],
        )


def test_the_system_resolver(netkit: Netkit) -> None:
    done = netkit("resolve", "--system", "--trace", "localhost")
    assert done.returncode == 0
    assert "localhost.\t-\tA\t127.0.0.1\tsystem\n" in done.stdout
    assert re.match(r" +\d+\.\d\d resolve    localhost getaddrinfo ", done.stderr)


# --- exit codes


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("www", 0, ""),
        ("nosuch", 1, "nxdomain: no such name"),
        ("v6only", 1, "nodata: the name exists, but has no such record"),
        ("dangling", 1, "dangling_cname: the alias leads to a name that does not exist"),
        ("loop", 5, "cname_loop: the aliases lead round in a circle"),
        ("truncated", 5, "truncated: the reply is cut short even over TCP"),
        ("servfail", 9, "servfail: the server failed (SERVFAIL)"),
        ("refused", 9, "refused: the server refuses to answer (REFUSED)"),
        ("notimp", 9, "rcode: the server answers with an error (NOTIMP)"),
    ],
)
def test_what_a_server_says_has_its_code(netkit: Netkit, dns: str, name: str, code: int, words: str) -> None:
    done = netkit("resolve", f"@{dns}", "-t", "A", f"{name}.lab.test")
    expected = f"netkit: {name}.lab.test A: {words}, says {dns}\n" if words else ""
    if "NOTIMP" in words:
        expected += f"netkit: {name}.lab.test A: {dns} does not take EDNS (NOTIMP), asked again without\n"
    assert (done.returncode, done.stderr.partition("hint:")[0]) == (code, expected)


@pytest.mark.parametrize("name", ["wrongid", "wrongname", "noquestion", "garbage", "short", "cutoff", "pointer"])
def test_replies_that_are_none_are_5_and_say_why(netkit: Netkit, dns: str, name: str) -> None:
    done = netkit("resolve", f"@{dns}", "-t", "A", "--timeout", SHORTLY, f"{name}.lab.test")
    assert (done.returncode, done.stdout) == (5, "")
    assert re.match(
        rf"netkit: {name}\.lab\.test A: (mismatch|malformed): .*; {dns} (mismatch|malformed): ", done.stderr
    )


def test_silence_is_4_a_refusing_port_3(netkit: Netkit, udp: socket.socket) -> None:
    server = address(udp)
    done = netkit("resolve", f"@{server}", "--timeout", SHORTLY, "a.test")
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == (
        f"netkit: a.test: timeout: no reply; {server} gave no reply\n"
        "hint: --timeout 10s waits longer; @SERVER asks another server\n"
    )
    udp.close()
    done = netkit("resolve", f"@{server}", "a.test")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"netkit: a.test: unreachable: no server can be reached; {server} refused\n"
        "hint: is a DNS server running there? @SERVER asks another one\n"
    )


@pytest.mark.parametrize(
    ("args", "stderr"),
    [
        (["a..b"], "netkit: 'a..b': label 2 is empty (two dots in a row, or a dot in front)\n"),
        (["x:80"], "netkit: 'x:80': ':' is not allowed in a name\nhint: did you mean x?\n"),
        (["-t", "A", "127.0.0.1"], "netkit: 127.0.0.1 is an address: only PTR can be asked for it\n"),
        (["@127.0.0.1:0", "a"], "netkit: port 0 is outside 1 to 65535\n"),
        (
            ["@fe80::1", "a"],
            "netkit: 'fe80::1': fe80::1 is on every link: it needs an interface\nhint: write [fe80::1%eth0]\n",
        ),
        (
            ["@127.0.0.1"],
            "netkit: no name to resolve: only servers were given\n"
            "hint: netkit resolve @192.0.2.53 example.com, or -i FILE for many\n",
        ),
        (
            ["-t", "NOSUCH", "a"],
            "netkit: record type 'NOSUCH' is unknown\nhint: types are written A, AAAA, MX, ... or TYPE257\n",
        ),
        (
            ["--system", "--tcp", "a"],
            "netkit: --system asks the system's resolver: it takes no server, type, --dns or --tcp, nor how to ask\n",
        ),
    ],
)
def test_bad_input_is_2_before_a_packet(netkit: Netkit, udp: socket.socket, args: list[str], stderr: str) -> None:
    env = {"NETKIT_RESOLV_CONF": "/dev/null"}
    done = netkit("resolve", *args, *([] if "--system" in args else ["-s", address(udp)]), env=env)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", stderr)
    udp.setblocking(False)
    with pytest.raises(BlockingIOError):
        udp.recv(512)


def test_no_resolver_configuration_is_11(netkit: Netkit, tmp_path: Path) -> None:
    done = netkit("resolve", "a.test", env={"NETKIT_RESOLV_CONF": str(tmp_path / "none")})
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr.startswith(f"netkit: no resolver configuration: {tmp_path}/none names no server\nhint: ")


def test_too_few_descriptors_are_11(udp: socket.socket) -> None:
    command = f"ulimit -n 12; exec {sys.executable} -m netkit resolve @{address(udp)} a b c d e f g h"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == (
        f"netkit: cannot open a socket for {address(udp)}: Too many open files\n"
        "hint: ulimit -n raises the limit; fewer names at once need fewer\n"
    )


def test_codes_that_differ_are_8(netkit: Netkit, dns: str) -> None:
    for names, code in ((["www", "nosuch"], 8), (["nosuch", "dangling"], 1), (["www", "mail"], 0)):
        assert netkit("resolve", f"@{dns}", *(f"{name}.lab.test" for name in names)).returncode == code


def test_a_type_taken_for_a_name_is_hinted_at(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "MX", "lab.test")
    assert done.stderr == (
        f"netkit: mx: refused: the server refuses to answer (REFUSED), says {dns}\n"
        "hint: MX is a record type: did you mean -t MX?\n"
    )


def test_the_forged_reply_is_told_beside_the_answer(udp: socket.socket) -> None:
    argv = ["resolve", "--json", f"@{address(udp)}", "-t", "A", "www.test"]
    with Process(*argv, stdout=subprocess.PIPE, text=True) as process:
        query, client = udp.recvfrom(512)
        right = reply_to(query, "@ 60 IN A 192.0.2.1")
        for reply in (right[:5], bytes([right[0] ^ 1]) + right[1:], right):
            udp.sendto(reply, client)
        out, _ = process.communicate(timeout=60_000 * MS)
    found = json.loads(out)
    assert (process.returncode, found["addresses"]) == (0, ["192.0.2.1"])
    assert [one["reason"] for one in found["rejected"]] == [
        "malformed: 5 octets are no DNS message: the header alone has 12",
        "mismatch: wrong id",
    ]
