"""`netkit sockopt` as a process: the words on stdout and stderr, the exit codes, JSON and the terminal's form."""

import ast
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from netkit.net.tcp_info import FIELDS
from tests.conftest import MS
from tests.warm import Process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the options of Linux")

Netkit = Callable[..., subprocess.CompletedProcess[str]]
NETKIT = [sys.executable, "-m", "netkit"]
WHO = [
    "target", "pid", "fd", "command", "uid", "inode", "kind", "family", "type", "protocol", "local", "peer", "state",
]  # fmt: skip
OPTION = [
    "name", "level", "number", "value", "unit", "default", "changed", "access", "capability", "reason", "note",
    "meaning",
]  # fmt: skip
CHANGE = [
    "name", "level", "number", "asked", "before", "effective", "connected", "unit", "ok", "why", "error",
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def test_list(netkit: Netkit) -> None:
    done = netkit("sockopt", "list", "nodelay")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "TCP_NODELAY\t6:1\tbool\t-\t-\trw\t-\tsend small writes at once (no Nagle)\n"
    rows = [line.split("\t") for line in netkit("sockopt", "list").stdout.splitlines()]
    assert {len(row) for row in rows} == {8}
    ranges = {row[0]: row[4] for row in rows}
    assert ranges["TCP_KEEPIDLE"] == "1..32767"
    assert ranges["IP_MTU_DISCOVER"] == "dont|want|do|probe|interface|omit"
    assert ranges["TCP_USER_TIMEOUT"] == "0.."
    done = netkit("sockopt", "list", "xyzzy")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "netkit: no option has 'xyzzy' in its name or its meaning\nhint: netkit sockopt list shows all\n"
    )


def test_list_json(netkit: Netkit) -> None:
    rows = [json.loads(line) for line in netkit("sockopt", "list", "--json").stdout.splitlines()]
    assert len(rows) > 200
    found = {row["name"]: row for row in rows}
    assert found["TCP_KEEPIDLE"] == {
        "name": "TCP_KEEPIDLE",
        "level": "tcp",
        "level_number": 6,
        "number": 4,
        "type": "int",
        "unit": "s",
        "access": "rw",
        "low": 1,
        "high": 32767,
        "values": None,
        "capability": None,
        "sockets": None,
        "never": None,
        "meaning": "idle for so long, then keepalive probes",
    }
    assert found["SO_ERROR"]["never"] == "reading it clears the error its owner waits for"
    assert found["IP_MTU_DISCOVER"]["values"]["do"] == 2


def test_show_in_a_pipe(netkit: Netkit) -> None:
    done = netkit("sockopt", "show", "new:tcp4")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {len(row) for row in rows} == {6}
    assert ["new:tcp4", "tcp", "TCP_KEEPIDLE", "7200", "s", "7200"] in rows
    assert ["new:tcp4", "tcp", "TCP_ULP", '""', "-", '""'] in rows
    assert ["new:tcp4", "tcp_info", "state", "closed", "-", "-"] in rows
    assert ["new:tcp4", "queues", "receive", "0", "bytes", "-"] in rows
    assert all(cell for row in rows for cell in row)
    assert netkit("sockopt", "show", "new:tcp4", "--changed").stdout == ""


def test_show_json_has_every_key(netkit: Netkit, server: socket.socket) -> None:
    pid, fd = os.getpid(), server.fileno()
    (line,) = netkit("sockopt", "show", f"{pid}/{fd}", "--json").stdout.splitlines()
    found = json.loads(line)
    assert list(found) == ["time", *WHO, "partial", "options", "tcp_info", "queues", "memory"]
    assert (found["pid"], found["fd"], found["state"], found["protocol"]) == (pid, fd, "listen", "tcp")
    assert {tuple(one) for one in found["options"]} == {tuple(OPTION)}
    assert set(found["tcp_info"]) > {field.name for field in FIELDS}
    assert list(found["queues"]) == ["receive_bytes", "send_bytes", "unsent_bytes", "accept", "backlog"]
    (reuse,) = [one for one in found["options"] if one["name"] == "SO_REUSEADDR"]
    assert (reuse["value"], reuse["default"], reuse["changed"]) == (True, False, True)


def test_get(netkit: Netkit, server: socket.socket) -> None:
    target = f"{os.getpid()}/{server.fileno()}"
    done = netkit("sockopt", "get", target, "reuseaddr", "TCP_NODELAY", "6:1:4")
    assert done.stdout == (
        f"{target}\tsocket\tSO_REUSEADDR\ton\t-\toff\n"
        f"{target}\ttcp\tTCP_NODELAY\toff\t-\toff\n"
        f"{target}\ttcp\t6:1:4\t0\t-\t-\n"
    )
    done = netkit("sockopt", "get", target, "reuseaddr", "nodelay", "--short")
    assert done.stdout == "on\noff\n"
    done = netkit("sockopt", "get", "new:udp4", "nodelay")
    assert (done.returncode, done.stdout) == (1, "new:udp4\ttcp\tTCP_NODELAY\t-\t-\t-\n")
    assert done.stderr == "netkit: new:udp4: TCP_NODELAY: a udp4 socket has no such option\n"


def test_an_inherited_descriptor(netkit: Netkit, server: socket.socket) -> None:
    fd = server.fileno()
    done = netkit("sockopt", "set", f"fd:{fd}", "rcvbuf=70000", pass_fds=[fd])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"fd:{fd}\tSO_RCVBUF\t131072\t70000\t140000\tbytes\tok\t"
        "doubled by the kernel, for its own bookkeeping (socket(7))\n"
    )
    assert server.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == 140_000
    assert os.get_blocking(fd)


def test_set_says_what_is_not_effective(netkit: Netkit) -> None:
    done = netkit("sockopt", "set", "new:tcp4", "linger2=500")
    assert done.returncode == 1
    assert done.stdout == "new:tcp4\tTCP_LINGER2\t60\t500\t120\ts\tno\tclamped by the kernel: 120 s at most\n"
    assert done.stderr == ("netkit: new:tcp4: TCP_LINGER2=500 is not effective: clamped by the kernel: 120 s at most\n")


def test_set_json(netkit: Netkit) -> None:
    done = netkit("sockopt", "set", "new:tcp4", "nodelay=on", "congestion=nosuch", "--json")
    assert (done.returncode, done.stderr) == (8, "")
    found = json.loads(done.stdout)
    assert list(found) == ["time", *WHO, "changes", "exit_code"]
    assert {tuple(one) for one in found["changes"]} == {tuple(CHANGE)}
    assert (found["changes"][0]["ok"], found["changes"][0]["effective"]) == (True, True)
    assert found["exit_code"] == 8
    error = found["changes"][1]["error"]
    assert (error["kind"], error["message"]) == (
        "refused",
        "TCP_CONGESTION=nosuch: this kernel has no such algorithm",
    )


def test_trace(netkit: Netkit, server: socket.socket) -> None:
    target = f"{os.getpid()}/{server.fileno()}"
    done = netkit("sockopt", "set", target, "nodelay=on", "--trace")
    steps = [line.split(None, 1)[1].rstrip() for line in done.stderr.splitlines()]
    assert [" ".join(step.split()) for step in steps] == [
        f"socket pidfd_getfd {target}",
        "setsockopt TCP_NODELAY=on",
        f"close pidfd_getfd {target}",
    ]


def test_diff(netkit: Netkit, server: socket.socket) -> None:
    target = f"{os.getpid()}/{server.fileno()}"
    done = netkit("sockopt", "diff", target, "new:tcp4")
    assert (done.returncode, done.stdout, done.stderr) == (1, "SO_REUSEADDR\ton\toff\t-\n", "")
    done = netkit("sockopt", "diff", "new:udp4", "new:udp4")
    assert (done.returncode, done.stdout) == (0, "")
    found = json.loads(netkit("sockopt", "diff", target, "new:tcp4", "--json").stdout)
    assert list(found) == ["time", "a", "b", "same", "compared", "only_a", "only_b", "partial", "differences"]
    assert list(found["a"]) == WHO
    assert [list(one) for one in found["differences"]] == [["name", "level", "number", "unit", "a", "b", "meaning"]]


def test_try(netkit: Netkit, server: socket.socket) -> None:
    port = server.getsockname()[1]
    done = netkit("sockopt", "try", f":{port}", "nodelay=on", "keepidle=30")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"127.0.0.1:{port}\tTCP_NODELAY\toff\ton\ton\ton\t-\tok\t-\n"
        f"127.0.0.1:{port}\tTCP_KEEPIDLE\t7200\t30\t30\t30\ts\tok\t-\n"
    )
    found = json.loads(netkit("sockopt", "try", f":{port}", "nodelay=on", "--json").stdout)
    assert list(found) == ["time", "endpoint", "address", "local", "changes", "tcp_info", "exit_code"]
    assert found["changes"][0]["connected"] is True
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        done = netkit("sockopt", "try", f":{free.getsockname()[1]}", "nodelay=on")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.endswith(" refused\n")


def test_watch_in_a_pipe(netkit: Netkit, server: socket.socket) -> None:
    target = f"{os.getpid()}/{server.fileno()}"
    done = netkit("sockopt", "show", target, "--watch", "--count", "2", "--interval", "1ms")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [(len(row), row[1:3], row[6:8]) for row in rows] == [(15, [target, "listen"], ["0", "128"])] * 2
    done = netkit("sockopt", "show", target, "-w", "-n", "1", "--json")
    found = json.loads(done.stdout)
    assert list(found) == ["time", "sample", *WHO, "partial", "tcp_info", "queues", "memory"]


@pytest.mark.parametrize(
    ("argv", "code", "stderr"),
    [
        (
            ["show", "xyz"],
            2,
            "netkit: 'xyz' names no socket: PID/FD, PID, :PORT, inode:N, fd:N or new:tcp4|tcp6|udp4|udp6|unix\n",
        ),
        (["show", "fd:0"], 2, "netkit: fd:0 is not a socket\n"),
        (["show", "fd:99"], 3, "netkit: fd:99: descriptor 99 is not open\n"),
        (["show", "inode:1"], 3, "netkit: no socket has the inode 1\n"),
        (["show", "new:tcp4", "--count", "2"], 2, "netkit: --count goes with --watch\n"),
        (["show", "new:tcp4", "-w", "--changed"], 2, "netkit: --changed is about options, --watch about queues"),
        (
            ["set", "new:tcp4", "rcvbuff=1"],
            2,
            "netkit: 'rcvbuff' is no socket option\nhint: did you mean SO_RCVBUF, SO_RCVBUFFORCE?\n",
        ),
        (["set", "new:tcp4", "keepidle=0"], 2, "netkit: TCP_KEEPIDLE=0: it takes 1 to 32767 s\n"),
        (["set", "new:tcp4", "nodelay"], 2, "netkit: 'nodelay' is not NAME=VALUE\nhint: TCP_NODELAY=..., it takes on"),
        (
            ["get", "new:tcp4", "so_error"],
            2,
            "netkit: SO_ERROR is never read: reading it clears the error its owner waits for\n",
        ),
        (["try", "fd:3", "nodelay=on"], 2, "netkit: fd:3 is an open descriptor\nhint: netkit sockopt set fd:3 "),
        (["try", "127.0.0.1", "nodelay=on"], 2, "netkit: '127.0.0.1' has no port\n"),
    ],
)
def test_errors(netkit: Netkit, argv: list[str], code: int, stderr: str) -> None:
    done = netkit("sockopt", *argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(stderr)


def test_closed_standard_streams() -> None:
    done = subprocess.run(
        ["sh", "-c", f'{sys.executable} -m netkit sockopt show fd:0 <&- 2>&1; echo "$?"'],
        capture_output=True, text=True, timeout=60_000 * MS, check=True,
    )  # fmt: skip
    assert done.stdout == "netkit: fd:0 is not a socket\n2\n"


def test_a_reader_that_goes_away() -> None:
    shell = f'{sys.executable} -m netkit sockopt show new:tcp4 --watch --interval 1ms; echo "$?" >&2'
    done = subprocess.run(
        ["bash", "-c", f"{{ {shell}; }} | head -1"], capture_output=True, text=True, timeout=60_000 * MS, check=True
    )
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "141\n")


def test_ctrl_c_ends_a_watch(server: socket.socket) -> None:
    argv = ["sockopt", "show", f"{os.getpid()}/{server.fileno()}", "--watch", "--interval", "1h"]
    with Process(*argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        _, stderr = watching.communicate(timeout=60_000 * MS)
    assert (watching.returncode, stderr) == (130, "")


def human(netkit: Netkit, *argv: str) -> str:
    done = netkit("sockopt", *argv, "--color", "always", env={"COLUMNS": "200"})
    assert done.returncode in (0, 1, 8), done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def test_show_for_people(netkit: Netkit, server: socket.socket) -> None:
    text = human(netkit, "show", f"{os.getpid()}/{server.fileno()}")
    port = server.getsockname()[1]
    assert f"tcp4  127.0.0.1:{port}  listen" in text
    assert re.search(r"SO_REUSEADDR +on +off +bind although old connections", text)
    assert re.search(r"TCP_KEEPIDLE +7200 s +7200 s +idle for so long, then keepalive probes", text)
    assert "0 of 128 connections wait for accept()" in text
    fewer = human(netkit, "show", f"{os.getpid()}/{server.fileno()}", "--changed")
    assert "TCP_KEEPIDLE" not in fewer
    assert re.search(r"\d+ more are as in a fresh socket", fewer)


def test_set_diff_try_and_list_for_people(netkit: Netkit, server: socket.socket) -> None:
    port = server.getsockname()[1]
    text = human(netkit, "set", "new:tcp4", "rcvbuf=70000", "congestion=nosuch")
    assert re.search(r"SO_RCVBUF +128K +70000 +140000 B +✓ doubled by the kernel", text)
    assert "✗ this kernel has no such algorithm" in text
    assert "hint: it has: " in text
    assert "the same in all" not in human(netkit, "diff", "new:tcp4", "new:udp4")
    text = human(netkit, "diff", f"{os.getpid()}/{server.fileno()}", "new:tcp4")
    assert re.search(r"SO_REUSEADDR +on +off +bind although", text)
    text = human(netkit, "try", f":{port}", "nodelay=on")
    assert re.search(r"TCP_NODELAY +off +on +on +on +✓", text)
    assert re.search(r"SO_LINGER +1:13 +off, seconds +rw", human(netkit, "list", "linger"))


def terminal(*argv: str) -> str:
    """What the command writes to a terminal that is its stdin, stdout and stderr."""
    pid, master = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [*NETKIT, *argv], {**os.environ, "TERM": "xterm-256color", "COLUMNS": "160"})
    seen = b""
    while True:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        seen += chunk
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen.decode())


def test_a_watch_on_a_terminal_is_one_table(server: socket.socket) -> None:
    target = f"{os.getpid()}/{server.fileno()}"
    text = terminal("sockopt", "show", target, "--watch", "--count", "2", "--interval", "1ms")
    assert re.search(rf"{target} +127\.0\.0\.1:\d+ +listen +0/128", text)
    assert "rtt ms" in text


RUN = """
import sys
from netkit.__main__ import main
sys.argv = ["netkit", *{argv!r}]
try:
    main()
finally:
    sys.stdout.flush()
    print(sorted(sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "argv",
    [
        ["show", "new:tcp4"],
        ["show", "new:tcp4", "--json"],
        ["show", "new:tcp4", "--watch", "-n", "1"],
        ["list"],
        ["set", "new:tcp4", "nodelay=on"],
        ["diff", "new:tcp4", "new:udp4"],
        ["try", "127.0.0.1:1", "nodelay=on"],
    ],
)
def test_what_a_piped_leaf_never_loads(argv: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN.format(argv=["sockopt", *argv])], capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    names = set(ast.literal_eval(done.stderr.strip().splitlines()[-1]))
    roots = {name.partition(".")[0] for name in names}
    assert not roots & {"rich", "pydantic", "asyncio", "ssl", "ctypes", "pycurl", "dns", "cryptography"}
    assert not {name for name in names if name.startswith(("netkit.dns", "netkit.http", "netkit.echo", "netkit.lab"))}
