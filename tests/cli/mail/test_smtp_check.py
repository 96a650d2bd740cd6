"""`netkit smtp check` as people call it: lines, JSON, the list of ids, exit codes, the view on a terminal."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pyte
import pytest

from netkit.mail.smtp.check.findings import KINDS, TABLE
from tests.warm import Process

Netkit = Callable[..., Any]
KEYS = ["time", "id", "level", "target", "host", "address", "message", "data"]


@pytest.fixture
def domain_options(lab: Mapping[str, str]) -> list[str]:
    mx, https = (lab[name].rpartition(":")[2] for name in ("NETKIT_LAB_SMTP", "NETKIT_LAB_HTTPS"))
    return [
        *("--dns", lab["NETKIT_LAB_DNS"], "--mx-port", mx, "--policy-port", https),
        *("--cacert", lab["NETKIT_LAB_CA"]),
    ]


def test_a_line_a_finding(netkit: Netkit, lab: Mapping[str, str]) -> None:
    server = lab["NETKIT_LAB_SMTP"]
    done = netkit("smtp", "check", server, "--cacert", lab["NETKIT_LAB_CA"], "--rcpt", "bob@x.test")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[:3] for row in rows] == [
        ["ok", "banner.greeting", server],
        ["info", "ehlo.extensions", server],
        ["warn", "ehlo.auth-in-clear", server],
        ["ok", "tls.session", server],
        ["ok", "tls.certificate", server],
        ["info", "tls.versions", server],
        ["ok", "rcpt.accepted", server],
    ]
    assert rows[-1][3] == "bob@x.test: 250 2.1.5 recipient ok"
    assert (done.stderr, done.returncode) == ("", 0)


def test_a_domain_with_everything_right_as_json(netkit: Netkit, domain_options: list[str]) -> None:
    done = netkit("smtp", "check", "Good.Lab.Test", *domain_options, "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    for one in found:
        assert list(one) == KEYS
        assert tuple(one["data"]) == KINDS[one["id"]].data
        assert one["target"] == "Good.Lab.Test"
    assert {one["id"] for one in found if one["level"] in ("warn", "fail")} == {"ehlo.auth-in-clear"}
    assert list(dict.fromkeys(one["host"] for one in found)) == [None, "mx1.good.lab.test", "mx2.good.lab.test"]
    assert [one["data"]["mode"] for one in found if one["id"] == "sts.policy"] == ["enforce"]
    assert sum(one["id"] == "dane.match" for one in found) == 2


def test_a_domain_with_much_that_is_wrong(netkit: Netkit, domain_options: list[str]) -> None:
    done = netkit("smtp", "check", "bad.lab.test", *domain_options)
    failed = [line.split("\t")[1:3] for line in done.stdout.splitlines() if line.startswith("fail")]
    assert failed == [
        ["spf.several", "bad.lab.test"],
        ["sts.mx-mismatch", "bad.lab.test"],
        ["sts.mx-mismatch", "bad.lab.test"],
        ["tls.name-mismatch", "mx.bad.lab.test"],
        ["tls.name-mismatch", "mx-alias.bad.lab.test"],
        ["mx.no-address", "gone.bad.lab.test"],
    ]
    assert done.returncode == 1


@pytest.mark.parametrize(("level", "code"), [("warn", 1), ("fail", 0), ("never", 0)])
def test_fail_on(netkit: Netkit, lab: Mapping[str, str], level: str, code: int) -> None:
    done = netkit("smtp", "check", lab["NETKIT_LAB_SMTP"], "--insecure", "--fail-on", level)
    assert done.returncode == code


def test_several_targets(netkit: Netkit, lab: Mapping[str, str], domain_options: list[str]) -> None:
    """What is unreachable is one code, what is fine another: together they are partial."""
    targets = [lab["NETKIT_LAB_SMTP"], "127.0.0.1:1", f"lmtp://{lab['NETKIT_LAB_LMTP']}"]
    done = netkit("smtp", "check", *targets, *domain_options)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert list(dict.fromkeys(row[2] for row in rows)) == [*targets[:2], lab["NETKIT_LAB_LMTP"]]
    assert [row[3] for row in rows if row[1] == "connect.failed"] == ["cannot connect to 127.0.0.1:1: refused"]
    assert done.returncode == 8


def test_the_list(netkit: Netkit) -> None:
    plain = netkit("smtp", "check", "--list")
    assert plain.stdout.splitlines() == [f"{kind.id}\t{kind.level}\t{kind.meaning}" for kind in TABLE]
    first = json.loads(netkit("smtp", "check", "--list", "--json").stdout.splitlines()[0])
    assert first == {"id": "domain.missing", "level": "fail", "meaning": "the domain does not exist", "data": []}


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "no target"),
        (["bob@x.test"], "bob@x.test: an address is no target\nhint: x.test --rcpt bob@x.test"),
        (["x..test"], "DOMAIN: "),
        (["127.0.0.1:99999"], ""),
        (["x.test", "--rcpt", "a@b@c"], "--rcpt: 'a@b@c' has two @"),
        (["x.test", "--from", "a\r\nRSET"], "--from: a line break at position 2"),
        (["x.test", "--helo", "a b"], "--helo: 'a b' is no name"),
        (["x.test", "-4", "-6"], "-4 and -6 exclude each other"),
        (["http://x.test/"], ""),
    ],
)
def test_bad_input(netkit: Netkit, argv: list[str], message: str) -> None:
    done = netkit("smtp", "check", *argv)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_resolver_that_is_not_there(netkit: Netkit) -> None:
    done = netkit("smtp", "check", "x.test", "--dns", "127.0.0.1:1")
    assert done.stdout == "fail\tdns.failed\tx.test\tMX of x.test cannot be looked up: unreachable\n"
    assert done.returncode == 3


def test_on_a_terminal(terminal: Callable[..., Any], domain_options: list[str]) -> None:
    shown = terminal("smtp", "check", "bad.lab.test", *domain_options, columns=80)
    screen = pyte.Screen(200, 200)  # what is waited for is shown and taken away again, where it lasts over a second
    pyte.Stream(screen).feed(shown.text.replace("\n", "\r\n"))
    lines = [line.rstrip() for line in screen.display]
    assert lines[:4] == [
        "bad.lab.test  ✗ 3  ! 2",
        "✓  mx.list                   mx.bad.lab.test (10), mx-alias.bad.lab.test (20),",
        "                             gone.bad.lab.test (30)",
        "✗  spf.several               2 SPF records, where one may be",
    ]
    assert re.sub(r":\d+", ":PORT", lines[lines.index("") + 1]) == "mx.bad.lab.test  127.0.0.1:PORT  ✗ 1  ! 2"
    assert any(re.search(r"^ {29}\d{4}-\d\d-\d\d to \d{4}-\d\d-\d\d · sha256 [0-9a-f]{16}…$", line) for line in lines)
    assert max(map(len, lines)) <= 80
    assert shown.returncode == 1


def test_quiet_shows_what_is_wrong_alone(terminal: Callable[..., Any], lab: Mapping[str, str]) -> None:
    shown = terminal("smtp", "check", "-q", "--insecure", lab["NETKIT_LAB_SMTP"])
    assert shown.lines[0] == f"{lab['NETKIT_LAB_SMTP']}  ! 1"
    assert [line[:21] for line in shown.lines[1:] if line.strip()] == ["!  ehlo.auth-in-clear", " " * 21]


@pytest.fixture
def evil() -> Iterator[str]:
    """A server whose greeting would like to steer the terminal, and that says no more."""
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"220 mx.test \x1b[31m\xe2\x80\xaeevil [red]x[/]\r\n")
                client.recv(1000)
                client.sendall(b"250-mx.test\r\n250 \x1b]0;title\x07\r\n")
                while client.recv(1000):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(10)


def test_nothing_from_a_server_steers_the_terminal(terminal: Callable[..., Any], evil: str) -> None:
    shown = terminal("smtp", "check", "--timeout", "5s", evil)
    text = "\n".join(shown.lines)
    assert "mx.test \\x1b[31m\\u202eevil [red]x[/]" in text
    assert "\\x1b]0;TITLE\\x07" in text
    assert "\x07" not in shown.text
    assert "\u202e" not in shown.text


def test_what_is_waited_for_is_told(terminal: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        shown = terminal("smtp", "check", "--timeout", "1500ms", where)
    assert f"checking {where}" in shown.text
    assert shown.returncode == 4


def test_ctrl_c() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with Process("smtp", "check", where, **pipes) as process:
            connection, _ = silent.accept()
            with connection:
                process.send_signal(signal.SIGINT)
                assert process.communicate(timeout=10) == (b"", b"")
                assert process.returncode == 130
