"""Starts `netkit ARGS` as a process of its own without the cost of a start: forks one that has loaded everything.

Starting Python, its imports and what measures coverage take 150 ms of CPU a process, and the tests want hundreds of
them. `Process(*ARGS, **options)` is a subprocess.Popen in all else: pipes, terminals, signals, exit codes, its own
descriptors, folder and environment. Its threads and exit functions end as always, what was loaded is not freed.

It is a cold start, `python -m netkit ARGS`, where an option is none of PLAIN, where what Python or a library reads
while it starts is not as it was for the first (READ_AT_START), and on systems without pidfd_open(2). What a start
loads, or forgets to load, does not show here: tests/test_startup.py looks at that, and tests/test_readme.py and the
tour start every command cold.
"""

import ast
import atexit
import fcntl
import gc
import importlib
import inspect
import io
import json
import os
import runpy
import select
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import coverage

ROOT = Path(__file__).resolve().parents[1]
COLD = [sys.executable, "-m", "netkit"]
READ_AT_START = ("PYTHON", "LC_", "LANG", "LD_", "TZ", "OPENSSL", "COVERAGE_", "TYPER", "_TYPER", "TERMINAL_WIDTH",
                 "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS")  # fmt: skip
PLAIN = {"args", "cwd", "env", "pass_fds", "start_new_session", "text", "stdin", "stdout", "stderr"}
MEASURED = "COVERAGE_PROCESS_CONFIG"  # what coverage hands to the processes that it measures
NUMBER = struct.Struct("i")
LARGEST = 100_000  # octets of an order, which is one message
MOST = 32  # descriptors with it
OUT_OF_THE_WAY = 512  # from this number on, descriptors stand for no other that a child wants


class Order(NamedTuple):
    """What a child is to be; `fds` are the numbers in it of the descriptors that come along."""

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    fds: list[int]
    session: bool


# In the process of the tests.


class Process(subprocess.Popen[Any]):
    """`netkit ARGUMENTS` with the options of Popen, three of whose own methods it overrides."""

    def __init__(self, *arguments: str, **options: Any) -> None:
        self.news = -1  # a warm one's exit code is read here
        self.plain = options.keys() <= PLAIN
        super().__init__([*COLD, *arguments], **options)

    def _execute_child(self, *given: Any) -> None:
        """Start it; its pipes are made."""
        start: Any = super()._execute_child  # type: ignore[misc]
        named = dict(zip(inspect.signature(start).parameters, given, strict=True))
        environment = {os.fsdecode(name): os.fsdecode(value) for name, value in (named["env"] or os.environ).items()}
        starter = warmed() if self.plain else None
        if not starter or of_start(environment) != starter.environment:
            start(*given)
            return
        own = [named["p2cread"], named["c2pwrite"], named["errwrite"]]
        own = [number if fd == -1 else fd for number, fd in enumerate(own)]
        folder = os.path.abspath(named["cwd"] or ".")
        wanted = [0, 1, 2, *named["pass_fds"]]
        order = Order(named["args"][len(COLD) :], environment, folder, wanted, named["start_new_session"])
        self.pid, self.news = starter.start(order, [*own, *named["pass_fds"]])
        self._child_created = True
        pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
        self._close_pipe_fds(*(named[one] for one in pipes))  # type: ignore[attr-defined]

    def _internal_poll(self, *given: Any, **named: Any) -> int | None:
        if self.news == -1:
            return super()._internal_poll(*given, **named)  # type: ignore[misc,no-any-return]
        with suppress(subprocess.TimeoutExpired):
            return self._wait(0)
        return None

    def _wait(self, timeout: float | None) -> int:
        if self.news == -1:
            return super()._wait(timeout)  # type: ignore[misc,no-any-return]
        if self.returncode is None:
            if not select.select([self.news], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            [self.returncode] = NUMBER.unpack(os.read(self.news, NUMBER.size))
            os.close(self.news)
        return self.returncode


def run(
    *arguments: str, input: str | bytes | None = None, timeout: float, **options: Any
) -> "subprocess.CompletedProcess[Any]":
    """What subprocess.run does, with its output captured."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    with Process(*arguments, **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}) as process:
        try:
            stdout, stderr = process.communicate(input, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.wait(), stdout, stderr)


class Starter:
    """The process that forks those of one process of tests; it ends with that."""

    def __init__(self) -> None:
        self.environment = of_start(os.environ)
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        environment = {name: value for name, value in os.environ.items() if name != MEASURED}
        measured = ["measured"] * (MEASURED in os.environ)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(theirs.fileno()), *measured],
            cwd=ROOT, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        atexit.register(self.close)

    def start(self, order: Order, fds: Sequence[int]) -> tuple[int, int]:
        """(the process id, the descriptor that its exit code comes from)."""
        read, write = os.pipe()
        try:
            socket.send_fds(self.socket, [json.dumps(order).encode()], [write, *fds])
        finally:
            os.close(write)
        [pid] = NUMBER.unpack(os.read(read, NUMBER.size))
        return pid, read

    def close(self) -> None:
        self.socket.close()
        self.process.wait()


@cache
def warmed() -> Starter | None:
    return Starter() if hasattr(os, "pidfd_open") else None


def of_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_START)}


# In the process that forks.


def load() -> None:
    """Import whatever netkit imports anywhere, at once or late."""
    for path in sorted((ROOT / "netkit").rglob("*.py")):
        if path.name == "__main__.py":
            continue
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{one.name}" for one in node.names)]
            else:
                continue
            for name in names:
                with suppress(ImportError):  # it is no module, or one of another system
                    importlib.import_module(name)


def measuring(*, at_exit: bool) -> "coverage.Coverage":
    """Coverage as pyproject.toml wants it, begun."""
    import coverage

    measured = coverage.Coverage(
        config_file=str(ROOT / "pyproject.toml"),
        data_suffix=True,
        auto_data=at_exit,
        # Not by package: each process would look for the modules of it that it never came to, for 10 ms.
        source_pkgs=[],
        include=[str(ROOT / "netkit" / "*")],
    )
    measured.start()
    return measured


def serve(orders: socket.socket) -> tuple[Order, list[int]]:
    """Fork a child for each order until the tests are over. Returns in a child, with its order and descriptors."""
    poll = select.poll()
    poll.register(orders, select.POLLIN)
    children: dict[int, tuple[int, int]] = {}  # pidfd: (process id, where to tell of it)
    while True:
        for ready, _ in poll.poll():
            if ready != orders.fileno():
                pid, news = children.pop(ready)
                poll.unregister(ready)
                tell(news, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                os.close(news)
                os.close(ready)
                continue
            message, fds, _, _ = socket.recv_fds(orders, LARGEST, MOST)
            if not message:
                os._exit(0)  # of this process nothing is measured
            news, *fds = fds
            pid = os.fork()
            if not pid:
                return Order(*json.loads(message)), fds
            for fd in fds:
                os.close(fd)
            tell(news, pid)
            pidfd = os.pidfd_open(pid)
            children[pidfd] = pid, news
            poll.register(pidfd, select.POLLIN)


def tell(news: int, number: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(news, NUMBER.pack(number))


def become(order: Order, fds: Sequence[int]) -> None:
    """Run netkit as a process that was started so."""
    if order.session:
        os.setsid()
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY) for fd in fds]
    os.closerange(3, OUT_OF_THE_WAY)
    for fd, wanted in zip(moved, order.fds, strict=True):
        os.dup2(fd, wanted)
        os.close(fd)
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    sys.path[0] = order.folder
    sys.argv[1:] = order.arguments
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        opened = stream(fd, mode, getattr(sys, name))
        setattr(sys, name, opened)
        setattr(sys, f"__{name}__", opened)
    try:
        runpy.run_module("netkit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        exit_codes.append(end.code)
        raise


exit_codes: list[Any] = []


def leave() -> None:
    """Ends a child, whose threads and exit functions are done; freeing all that was loaded would take 20 ms more."""
    if exit_codes and isinstance(exit_codes[0], int):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            os._exit(exit_codes[0])


def stream(fd: int, mode: str, like: io.TextIOWrapper) -> io.TextIOWrapper:
    """A standard stream as Python opens it when it starts."""
    binary: Any = open(fd, f"{mode}b", closefd=False)  # noqa: SIM115
    return io.TextIOWrapper(binary, like.encoding, like.errors, "\n", line_buffering=fd == 2 or os.isatty(fd))


def main() -> None:
    atexit.register(leave)  # the first to be registered is the last to be called
    orders = socket.socket(fileno=int(sys.argv[1]))
    if sys.argv[2:]:
        measured = measuring(at_exit=False)
        load()
        measured.stop()
        measured.save()
        measuring(at_exit=True)  # in a child, of which this process has no more than the beginning
    else:
        load()
    gc.collect()
    gc.freeze()  # a child neither looks through what was loaded nor copies it
    order, fds = serve(orders)
    orders.detach()
    become(order, fds)


if __name__ == "__main__":
    main()
