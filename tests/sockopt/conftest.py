"""Processes that hold sockets, and netkit run as another user."""

import os
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

import netkit.sockopt

NOBODY = 65534
Run = Callable[..., subprocess.CompletedProcess[str]]

# Holds a listener, a connection to it (both ends), a UDP and a unix socket. `drop` gives up root, and with it the right
# of its own user to look inside; `open` gives that back. A line on stdin is answered with what the owner sees itself.
OWNER = """
import ctypes, os, socket, sys
if "v6" in sys.argv:
    server = socket.create_server(("::1", 0), family=socket.AF_INET6)
else:
    server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname()[:2])
accepted, _ = server.accept()
udp = socket.socket(type=socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
unix, other = socket.socketpair()
if "drop" in sys.argv:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
if "open" in sys.argv:
    ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE
held = {"server": server, "client": client, "accepted": accepted, "udp": udp, "unix": unix}
print(*(f"{name}={one.fileno()}" for name, one in held.items()), server.getsockname()[1], udp.getsockname()[1],
      flush=True)
for line in sys.stdin:
    command, name, *rest = line.split()
    one = held[name]
    if command == "get":
        print(one.getsockopt(int(rest[0]), int(rest[1])), one.getblocking(), os.get_blocking(one.fileno()), flush=True)
    elif command == "send":
        one.sendall(b"x" * int(rest[0]))
        print("sent", flush=True)
    elif command == "close":
        one.close()
        print("closed", flush=True)
"""

AS_NOBODY = """
import contextlib, importlib, io, os, sys
import base64, ctypes, difflib, encodings.idna, json, pwd
for name in {modules!r}:
    importlib.import_module(name)
from netkit.cli.run import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):  # what is loaded late
    main(["sockopt", "show", "new:tcp4", "--json"])
    main(["sockopt", "set", "new:tcp4", "nodelay=on"])
    main(["sockopt", "nosuch"])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.exit(main(sys.argv[1:]))
"""
MODULES = [
    *(f"netkit.sockopt.{found.name}" for found in pkgutil.iter_modules(netkit.sockopt.__path__)),
    *(f"netkit.cli.output.sockets.sockopt{end}" for end in ("", "_change", "_sample", "_sample_live", "_short")),
    "netkit.cli.commands.sockets.sockopt",
    "netkit.cli.app",
    "netkit.cli.run",
    "netkit.cli.output.json_text",
    "typer.main",
]


class Owner(NamedTuple):
    """A process and the numbers of its descriptors; port is the listener's, udp_port that of the UDP socket."""

    process: "subprocess.Popen[str]"
    fds: dict[str, int]
    port: int
    udp_port: int

    @property
    def pid(self) -> int:
        return self.process.pid

    def target(self, name: str) -> str:
        return f"{self.pid}/{self.fds[name]}"

    def ask(self, *words: object) -> str:
        assert self.process.stdin
        assert self.process.stdout
        print(*words, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@contextmanager
def owning(*words: str) -> Iterator[Owner]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        *fds, port, udp_port = process.stdout.readline().split()
        yield Owner(
            process, {one.partition("=")[0]: int(one.partition("=")[2]) for one in fds}, int(port), int(udp_port)
        )
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def owner() -> Iterator[Owner]:
    with owning() as found:
        yield found


@pytest.fixture
def as_nobody() -> Run:
    """Run `netkit ARGS` as nobody; what it needs is loaded first, since nobody may not read this checkout."""
    if os.getuid() != 0:
        pytest.skip("root alone can become somebody else")

    # Nobody may not write what was measured either.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", AS_NOBODY.format(modules=MODULES), *args],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
