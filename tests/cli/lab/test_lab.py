"""`netkit lab` as a process: its command, its signals, its ready lines."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netkit.lab.lab import MIN_FILES
from tests.conftest import MS
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]


@contextmanager
def serving(*arguments: str, **options: object) -> Iterator[tuple["subprocess.Popen[str]", list[str]]]:
    """A lab on free ports, and the addresses it told through --ready-fd."""
    read, write = os.pipe()
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    lab = Process(
        *("lab", "--port", "0", "--ready-fd", str(write), *arguments), pass_fds=[write], **{**usual, **options}
    )
    os.close(write)
    with os.fdopen(read) as ready:
        lines = ready.read().splitlines()
    try:
        yield lab, lines
    finally:
        lab.kill()
        lab.communicate()


def port(lines: list[str], name: str) -> int:
    return int(next(line for line in lines if line.startswith(name + " ")).rpartition(":")[2])


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -9 $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        ([sys.executable, "-c", "import sys; sys.exit(200)"], 200),
    ],
)
def test_the_commands_exit_code_is_netkits(netkit: Netkit, command: list[str], code: int) -> None:
    done = netkit("lab", "--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def test_the_command_has_the_addresses_and_they_answer(netkit: Netkit) -> None:
    code = (
        "import os, ssl, urllib.request as u; e = os.environ; "
        "print(u.urlopen(e['NETKIT_LAB_HTTP'] + '/hello').read()); "
        "c = ssl.create_default_context(cafile=e['NETKIT_LAB_CA']); "
        "print(u.urlopen(e['NETKIT_LAB_HTTPS'] + '/hello', context=c).read()); "
        "print(sorted(n for n in e if n.startswith(('LISTEN_', 'NOTIFY_'))))"
    )
    done = netkit("lab", "--", sys.executable, "-c", code)
    assert done.stdout == "b'Hello from the lab.\\n'\n" * 2 + "[]\n"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["nosuchcommand"], "netkit: nosuchcommand: command not found\n"),
        (["/"], "netkit: /: cannot run it: Permission denied\n"),
    ],
)
def test_a_command_that_cannot_run_is_exit_11(netkit: Netkit, command: list[str], message: str) -> None:
    done = netkit("lab", "--", *command)
    assert (done.returncode, done.stdout, done.stderr) == (11, "", message)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_are_passed_on_to_the_command(number: signal.Signals) -> None:
    code = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *a: sys.exit(42))\n"
        "print('ready', flush=True)\nwhile True: signal.pause()\n"
    )
    command = [sys.executable, "-c", code]
    with Process("lab", "--", *command, stdout=subprocess.PIPE, text=True, start_new_session=True) as lab:
        assert lab.stdout
        assert lab.stdout.readline() == "ready\n"
        lab.send_signal(number)
        assert lab.wait(20_000 * MS) == 42


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_0(number: signal.Signals, tmp_path: Path) -> None:
    with serving(env={**os.environ, "TMPDIR": str(tmp_path)}) as (lab, lines):
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:  # one that is connected still
            client.sendall(b"GET /delay/60 HTTP/1.1\r\nHost: h\r\n\r\n")
            assert list(tmp_path.iterdir())
            lab.send_signal(number)
            out, err = lab.communicate(timeout=20_000 * MS)
        assert (lab.returncode, err) == (0, "")
        assert out.splitlines()[-1].endswith("lab stopping the lab stops")
        assert list(tmp_path.iterdir()) == []


def test_the_ready_lines_are_the_addresses_and_the_log_says_them_too() -> None:
    with serving("--bind", "127.0.0.1") as (lab, lines):
        assert [re.sub(r"\d+$", "N", line) for line in lines] == [
            "dns udp://127.0.0.1:N",
            "dns tcp://127.0.0.1:N",
            "dns-tls tls://127.0.0.1:N",
            "http http://127.0.0.1:N",
            "https https://127.0.0.1:N",
            "echo tcp://127.0.0.1:N",
            "echo udp://127.0.0.1:N",
            "hello tcp://127.0.0.1:N",
            "hello udp://127.0.0.1:N",
            "chat tcp://127.0.0.1:N",
            "chat-web http://127.0.0.1:N",
            "smtp smtp://127.0.0.1:N",
            "lmtp lmtp://127.0.0.1:N",
            "pop3 pop3://127.0.0.1:N",
        ]
        assert lab.stdout
        logged = [lab.stdout.readline().split() for _ in lines]
        assert [f"{words[1]} {words[3]}" for words in logged] == lines
        assert {words[2] for words in logged} == {"listening"}


def test_the_ready_file_is_there_while_it_listens(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    with serving("--ready-file", str(file)) as (lab, lines):
        assert file.read_text().splitlines() == lines
        lab.terminate()
        lab.communicate(timeout=20_000 * MS)
    assert not file.exists()


def test_systemd_is_told(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(20_000 * MS)
        with serving(env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")}) as (lab, _):
            assert notify.recv(4096).startswith(b"READY=1\n")
            lab.terminate()
            assert notify.recv(4096) == b"STOPPING=1"
            assert lab.wait(20_000 * MS) == 0


def test_sockets_handed_over_by_systemd_are_served(tmp_path: Path) -> None:
    code = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
        "os.execv(sys.executable, [sys.executable, '-m', 'netkit', 'lab', '--port', '0', '--ready-file', sys.argv[2]])"
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        environment = {**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
        with subprocess.Popen(
            [sys.executable, "-c", code, str(listener.fileno()), str(tmp_path / "ready")],
            pass_fds=[listener.fileno()],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        ) as lab:
            address = listener.getsockname()
            with socket.create_connection(address, timeout=20_000 * MS) as client:
                client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
                assert client.makefile("rb").read().endswith(b"Hello from the lab.\n")
            lab.terminate()
            out, _ = lab.communicate(timeout=20_000 * MS)
    assert f"http listening http://127.0.0.1:{address[1]}\n" in out


def test_the_log_as_json_has_every_key() -> None:
    with serving("--json") as (lab, lines):
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:
            client.sendall(b"GET /status/404?\xff HTTP/1.0\r\n\r\nGET /status/404 HTTP/1.0\r\n\r\n")
            client.recv(1000)
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:
            client.sendall(b"GET /status/404 HTTP/1.0\r\n\r\n")
            client.recv(1000)
        lab.terminate()
        out, _ = lab.communicate(timeout=20_000 * MS)
    events = [json.loads(line) for line in out.splitlines()]
    for event in events:
        assert list(event) == ["time", "service", "event", "address", "peer", "summary", "data"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    kinds = [event["event"] for event in events]
    assert kinds[-4:] == ["ready", "refused", "request", "stopping"]
    assert events[-2]["data"]["status"] == 404
    assert set(events[-4]["data"]) == {"environment", "tries"}


def test_a_taken_port_names_who_has_it(netkit: Netkit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        done = netkit("lab", "--port", "0", "--port", f"http={number}")
    assert (done.returncode, done.stdout) == (11, "")
    name = Path("/proc/self/comm").read_text().strip()
    assert done.stderr == (
        f"netkit: 127.0.0.1:{number} is in use by {name} (pid {os.getpid()})\nhint: --port 0 picks a free one\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--bind", "192.0.2.1"], 11, "netkit: 192.0.2.1 is not an address of this machine\n"),
        (["--bind", "0177.0.0.1"], 2, "netkit: '0177.0.0.1' is not an IPv4 address"),
        (["--port", "http=99999"], 2, "netkit: port 99999 is outside 0 to 65535\n"),
        (["--port", "gopher=70"], 2, "netkit: --port gopher=70: the lab has no service 'gopher'\n"),
        (["--zone", "/nosuch"], 11, "netkit: /nosuch: cannot read the zone: No such file or directory\n"),
        (["--on", "rcpt", "no"], 2, "netkit: --on 'rcpt' 'no': 'no' is no reply\n"),
        (["--delay", "dot"], 2, "netkit: --delay 'dot': write PLACE=DURATION, as in dot=500ms\n"),
        (["--delay", "dot=soon"], 2, "netkit: --delay 'dot=soon': 'soon' is not a duration"),
        (["--drop", "retr#0"], 2, "netkit: --drop 'retr#0': a count goes upwards from 1\n"),
        (["--ready-fd", "77"], 2, "netkit: --ready-fd 77: no such descriptor is open\n"),
        (["--ready-file", "/nosuch/ready"], 2, "netkit: --ready-file /nosuch/ready: the folder does not exist\n"),
        (["--trace=loud"], 2, "netkit: --trace=loud: the forms are text, json, hex\n"),
    ],
)
def test_bad_input(netkit: Netkit, arguments: list[str], code: int, message: str) -> None:
    done = netkit("lab", "--port", "0", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(message)


def test_a_reader_that_leaves_ends_the_lab_quietly() -> None:
    with serving() as (lab, lines):
        assert lab.stdout
        lab.stdout.close()
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:
            client.sendall(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n")
            assert lab.wait(20_000 * MS) == 141
        assert lab.stderr
        assert lab.stderr.read() == ""
        lab.stdout = None


def test_a_full_disk_under_the_log_is_told(netkit: Netkit) -> None:
    with open("/dev/full", "w") as full:
        done = netkit("lab", "--port", "0", stdout=full)
    assert done.returncode == 11
    assert done.stderr == "netkit: cannot write standard output: No space left on device\n"


def test_too_few_descriptors_are_told() -> None:
    """uvloop would abort the process."""
    command = f"ulimit -n 20; exec {sys.executable} -m netkit lab --port 0"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == ("netkit: 20 open files are too few for the lab's servers\nhint: ulimit -n 256 allows more\n")


def test_as_many_descriptors_as_it_asks_for_are_enough() -> None:
    netkit = f"{sys.executable} -m netkit"
    inside = f"{netkit} resolve --tcp --short @$NETKIT_LAB_DNS -t A www.lab.test"
    command = f"ulimit -n {MIN_FILES}; exec {netkit} lab -- sh -c '{inside}'"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "127.0.0.1\n", "")


def test_the_trace_shows_the_servers_side() -> None:
    with serving("--trace", "--bind", "127.0.0.1") as (lab, lines):
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:
            client.sendall(b"GET /hello HTTP/1.0\r\n\r\n")
            while client.recv(1000):
                pass
        lab.terminate()
        _, err = lab.communicate(timeout=20_000 * MS)
    assert [line.split()[1] for line in err.splitlines()][-4:] == ["accept", "recv", "send", "close"]


def test_what_a_peer_sends_cannot_reach_the_terminal() -> None:
    with serving("--color", "always", stderr=subprocess.DEVNULL) as (lab, lines):
        with socket.create_connection(("127.0.0.1", port(lines, "http"))) as client:
            client.sendall(b"GET /%1b[31m[bold] HTTP/1.0\r\nUser-Agent: \x9b31m\r\n\r\n")
            client.recv(1000)
        lab.terminate()
        out, _ = lab.communicate(timeout=20_000 * MS)
    assert "GET /%1b[31m[bold] -> 404" in re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert "\x9b" not in out
