"""The command as a process: closed streams, a closed pipe, a full disk, Ctrl-C, a bug."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import MS
from tests.ports import find_free_port

REFUSED = [
    ["resolve", "localhost"],
    ["resolve", "--json", "localhost"],
    ["--help"],
    ["--version"],
    ["--show-completion=bash"],
    ["resolve", "--color", "always", "localhost"],
]
NETKIT = [sys.executable, "-m", "netkit"]
BROKEN = """
import sys
import tomllib
from netkit.cli.lazy import Entry
from netkit.cli.app import Commands
import netkit.cli.lazy
netkit.cli.lazy.COMMANDS = "__main__".rpartition(".")[0] or "sys"
Commands.table = {"fail": Entry("Fail.", "Names", "modules:broken")}
import types
module = types.ModuleType("broken")
def broken(trace: str = "") -> None:
    "Fail."
    raise KeyError("inside \\x1b]0;title\\x07")
module.broken = broken
sys.modules["sys.modules"] = module
from netkit.cli.run import main
from tests.ports import find_free_port
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_closed_at_start_is_no_traceback(closed: int) -> None:
    command = " ".join([*NETKIT, "resolve", "localhost"]) + f" {closed}{'<' if closed == 0 else '>'}&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout == (
        "" if closed == 1 else "localhost.\t-\tA\t127.0.0.1\tspecial\nlocalhost.\t-\tAAAA\t::1\tspecial\n"
    )


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
@pytest.mark.parametrize("argv", REFUSED)
def test_a_full_disk_behind_stdout_is_told(argv: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run([*NETKIT, *argv], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    command = "\x1b[1;31mnetkit:\x1b[0m" if "always" in argv else "netkit:"
    assert (done.returncode, done.stderr) == (11, f"{command} cannot write standard output: No space left on device\n")


@pytest.mark.parametrize("argv", REFUSED)
def test_a_closed_pipe_ends_it_quietly(argv: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stdout:
        done = subprocess.run(
            [*NETKIT, *argv], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("argv", REFUSED)
def test_a_stdout_that_is_open_for_reading_alone_is_told(argv: list[str]) -> None:
    with open(os.devnull) as readable:
        done = subprocess.run(
            [*NETKIT, *argv], stdout=readable, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    command = "\x1b[1;31mnetkit:\x1b[0m" if "always" in argv else "netkit:"
    assert (done.returncode, done.stderr) == (11, f"{command} cannot write standard output: Bad file descriptor\n")


def full_pipe() -> tuple[int, int, int]:
    """A pipe whose writing end never blocks and takes no more: (read, write, octets in it)."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    size = 0
    with suppress(BlockingIOError):
        while True:
            size += os.write(write, b"x" * 4096)
    return read, write, size


@pytest.mark.parametrize("argv", [argv for argv in REFUSED if argv != ["--version"]])
def test_what_a_full_pipe_does_not_take_waits_for_its_reader(argv: list[str]) -> None:
    wanted = subprocess.run([*NETKIT, *argv], capture_output=True, timeout=60, check=True).stdout
    read, write, size = full_pipe()
    process = subprocess.Popen([*NETKIT, *argv], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    with os.fdopen(read, "rb") as reader:
        out = reader.read()[size:]
    assert (process.wait(60), process.communicate()[1]) == (0, b"")
    assert re.sub(rb"time\W+[0-9TZ.:-]+", b"", out) == re.sub(rb"time\W+[0-9TZ.:-]+", b"", wanted)


@pytest.mark.parametrize("blocking", [True, False])
def test_ctrl_c_ends_the_wait_for_a_reader(blocking: bool) -> None:
    read, write, _ = full_pipe()
    os.set_blocking(write, blocking)
    argv = [*NETKIT, "resolve", "--trace", "@127.0.0.1:1", "localhost"]
    process = subprocess.Popen([*argv, "--json"], stdout=write, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    while "close" not in process.stderr.readline():  # of the trace: the result is next
        pass
    for _ in range(20):  # one that comes while Python runs a finalizer is swallowed there (sys.unraisablehook)
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3000 * MS)
            break
    assert process.returncode == 130
    process.stderr.close()
    os.close(read)
    os.close(write)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("blocking", [True, False])
def test_a_signal_that_is_handled_ends_the_wait_for_a_reader_too(number: signal.Signals, blocking: bool) -> None:
    """As in a server: asyncio's handlers return, and a system call would go on behind them."""
    code = f"""
import signal, sys
signal.signal({int(number)}, lambda *_: None)
from netkit.cli.run import main
sys.stderr.write("ready\\n")
sys.exit(main(["tour", "--list"]))
"""
    read, write, _ = full_pipe()
    os.set_blocking(write, blocking)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(300 * MS)
    for _ in range(20):  # if it did not wait yet; a second signal while Python ends would kill it
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(3000 * MS)
            break
    assert (process.returncode, process.stderr.read()) == (128 + number, "")
    process.stderr.close()
    os.close(read)
    os.close(write)


def test_json_has_the_error_that_ends_a_command(netkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    argv = ["pop3", "stat", "127.0.0.1:1", "--user", "ann"]
    done = netkit(*argv, "--json", env={"NETKIT_PASSWORD": "x"})
    document = json.loads(done.stdout)
    assert (list(document), document["error"]["kind"], done.returncode) == (["time", "error"], "refused", 3)
    assert done.stderr == f"netkit: {document['error']['message']}\n"
    assert netkit(*argv, env={"NETKIT_PASSWORD": "x"}).stdout == ""


@pytest.mark.parametrize(
    ("argv", "path", "message", "hint"),
    [
        (["resolve", "--nope", "a.test"], "netkit resolve", "no such option: --nope", "did you mean --"),
        (["fqdn", "--timeout", "soon"], "netkit fqdn", "invalid value for '--timeout': 'soon' is", "netkit fqdn"),
        (
            ["echo-server", "--workers", "65"],
            "netkit echo-server",
            "invalid value for '--workers': 65 is outside 1 to 64",
            "netkit echo",
        ),
        (["sockopt", "get"], "netkit sockopt get", "missing argument 'TARGET'", "netkit sockopt get --help"),
        (
            ["http", "get", "--color", "x", "h"],
            "netkit http get",
            "invalid value for '--color': 'x'",
            "netkit http",
        ),
        (["pop3", "stat", "--nope"], "netkit pop3 stat", "no such option: --nope", "did you mean --apop?"),
        (["lab", "seed", "--nope"], "netkit lab seed", "no such option: --nope", "did you mean --to?"),
        (["sockopt", "shw"], "netkit sockopt", "no such command 'shw'", "did you mean 'show'?"),
        (["nosuch"], "netkit", "no such command 'nosuch'", "netkit --help"),
        (
            ["echo-server", "--port", "x"],
            "netkit",
            "port 'x' is no service name",
            "",
        ),  # by the command, before it makes its Output
        (["resolve", "a.test", "--trace=x"], "netkit", "--trace=x: the forms are", ""),
    ],
)
def test_json_has_the_mistakes_in_a_command_line_too(
    netkit: Callable[..., subprocess.CompletedProcess[str]], argv: list[str], path: str, message: str, hint: str
) -> None:
    done = netkit(*argv, "--json")
    document = json.loads(done.stdout)
    error = document["error"]
    assert (list(document), list(error), error["kind"]) == (["time", "error"], ["kind", "message", "hint"], "bad_input")
    assert error["message"].startswith(message)
    assert (error["hint"] or "").startswith(hint)
    last = f"hint: {error['hint']}\n" if error["hint"] else ""
    assert (done.returncode, done.stderr) == (2, f"{path}: {error['message']}\n{last}")
    plain = netkit(*argv)
    assert (plain.returncode, plain.stdout, plain.stderr) == (2, "", done.stderr)


@pytest.mark.parametrize(
    "argv",
    [
        ["http", "get", "--nope", "--", "--json"],  # a URL there
        ["lab", "--nope", "--", "true", "--json"],  # of another program
        ["smtp", "send", "127.0.0.1:1", "--from", "a@x.test", "--to", "b", "--text", "x", "--subject", "--json"],
    ],
)
def test_json_that_is_no_option(netkit: Callable[..., subprocess.CompletedProcess[str]], argv: list[str]) -> None:
    done = netkit(*argv)
    assert (done.returncode, done.stdout) == (2, "")


def test_ctrl_c_is_130_without_a_word() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        process = subprocess.Popen(
            [*NETKIT, "resolve", f"@127.0.0.1:{silent.getsockname()[1]}", "--timeout", "60s", "a.test"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        silent.recv(512)  # the query: it is waiting now
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == ("", "")
        assert process.returncode == 130


def test_a_bug_is_70_and_says_so(tmp_path: Path) -> None:
    def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", BROKEN, "fail", *argv],
            env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    done = run()
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.splitlines()[0] == "netkit: bug: KeyError: 'inside \\x1b]0;title\\x07'"
    assert "Traceback" not in done.stderr
    for traced in (run("--trace"), run("--trace=json"), run(NETKIT_TRACE="1")):
        assert "Traceback" in traced.stderr
        assert "\x1b" not in traced.stderr
    assert "Traceback" not in run(NETKIT_TRACE="0").stderr


def test_a_clean_up_that_ctrl_c_interrupts_is_no_bug() -> None:
    code = BROKEN.replace(
        '    raise KeyError("inside \\x1b]0;title\\x07")',
        "    try:\n        raise KeyboardInterrupt\n    finally:\n        {}['half done']",
    )
    assert code != BROKEN
    argv = [sys.executable, "-c", code, "fail", "--trace"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_while_modules_load_is_no_traceback() -> None:
    code = """
import sys
import tomllib
class Interrupt:
    def find_spec(name, path=None, target=None):
        if name == "typer":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt)
from netkit.__main__ import main
sys.argv = ["netkit", "--help"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_closed_stderr_changes_nothing() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as stderr:
        server = f"@127.0.0.1:{find_free_port()}"
        done = subprocess.run(
            [*NETKIT, "resolve", "--json", "--trace=hex", server, "-t", "A", "a.test"],
            stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["kind"] == "unreachable"


def test_versions_of_all_that_is_used(netkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    import pycurl

    from netkit import __version__

    done = netkit("--versions")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == f"netkit {__version__}"
    assert f"{pycurl.version.split()[1]} " in lines[3]  # libcurl/8.23.0
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    extras = pyproject["optional-dependencies"]
    used = [*pyproject["dependencies"], *(text for name in ("dkim", "chat", "cluster", "doq") for text in extras[name])]
    assert [line.split()[0] for line in lines[4:]] == [re.split(r"[>;\[]", text)[0] for text in used]


def test_version(netkit: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    from netkit import __version__

    for argv in (["--version"], ["--version", "--"]):
        done = netkit(*argv)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"netkit {__version__}\n", "")
