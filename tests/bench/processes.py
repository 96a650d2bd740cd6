"""Servers and load generators as processes: netkit, the C programs of reference/, ncat, socat; and what they cost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

REFERENCE = Path(__file__).parent / "reference"
CFLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra"]
TICKS = os.sysconf("SC_CLK_TCK")
LISTEN = "0A"  # TCP_LISTEN as /proc/net/tcp writes it (net/tcp_states.h)


class Server(NamedTuple):
    """A server that listens; port: its TCP and UDP port, metrics: that of its counters, 0 for none."""

    process: subprocess.Popen[str]
    port: int
    metrics: int = 0

    def cpu(self) -> float:
        """Seconds of CPU so far, with its children's, also those that still run (proc_pid_stat(5))."""
        spent, parents = {}, {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                try:
                    fields = (folder / "stat").read_text().rpartition(")")[2].split()
                except (FileNotFoundError, ProcessLookupError):
                    continue
                spent[int(folder.name)] = sum(map(int, fields[11:15])) / TICKS  # utime, stime, cutime, cstime
                parents[int(folder.name)] = int(fields[1])
        family = [self.process.pid]
        for member in family:
            family += [pid for pid, parent in parents.items() if parent == member]
        return sum(spent.get(pid, 0.0) for pid in family)

    def memory(self, name: str = "Rss") -> float:
        """MiB of the server itself: Rss, or Pss (what it shares with other processes is divided among them)."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(f"{name}:")).split()[1]) / 1024


def build(folder: Path) -> None:
    """Compile every reference program into the folder. Raises CalledProcessError."""
    for source in REFERENCE.glob("*.c"):
        subprocess.run(["cc", *CFLAGS, "-o", str(folder / source.stem), str(source)], check=True)


@contextmanager
def _running(argv: list[str], **more: object) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(argv, text=True, stdin=subprocess.DEVNULL, **more)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


@contextmanager
def reference(program: Path, *options: str) -> Iterator[Server]:
    """A server of reference/, which prints its port when it listens."""
    with _running([str(program), "0", *options], stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield Server(process, int(process.stdout.readline()))


@contextmanager
def netkit(*options: str) -> Iterator[Server]:
    """netkit's echo-server as people run it, its event log thrown away, its counters served."""
    with command("echo-server", *options) as server:
        yield server


@contextmanager
def command(*words: str) -> Iterator[Server]:
    """A server of netkit's on a free port of loopback."""
    read, write = os.pipe()
    argv = [sys.executable, "-m", "netkit", *words, "--bind", "127.0.0.1", "--port", "0", "--metrics", "0"]
    argv += ["--ready-fd", str(write)]
    with _running(argv, stdout=subprocess.DEVNULL, pass_fds=[write]) as process, open(read) as ready:
        os.close(write)
        ports = {line.split()[0]: int(line.rpartition(":")[2]) for line in ready}
        yield Server(process, ports["tls" if "tls" in ports else "tcp"], ports["metrics"])


@contextmanager
def other(*argv: str, config: Path | None = None) -> Iterator[Server]:
    """A server that cannot tell its port: PORT in its arguments and its config is replaced by one that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    filled = [argument.replace("PORT", str(port)) for argument in argv]
    if config is not None:
        config.write_text(config.read_text().replace("PORT", str(port)))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with _running([shutil.which(filled[0]) or filled[0], *filled[1:]], **quiet) as process:
        while not _listens(port):
            if process.poll() is not None:
                raise RuntimeError(f"{filled[0]} ended with {process.returncode}: {' '.join(filled)}")
            os.sched_yield()
        yield Server(process, port)


def _listens(port: int) -> bool:
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == LISTEN for line in lines)


class Load(NamedTuple):
    """What a load generator measured: echoes or bytes, in seconds, and the server's CPU seconds meanwhile."""

    number: int
    seconds: float
    cpu: float


def load(program: Path, server: Server, *arguments: object) -> Load:
    """Let a load generator of reference/ run against the server. Raises CalledProcessError."""
    before = server.cpu()
    argv = [str(program), str(server.port), *map(str, arguments)]
    words = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return Load(int(words[0]), float(words[1]), server.cpu() - before)
