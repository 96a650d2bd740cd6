"""Several processes behind one port: each has sockets of its own with SO_REUSEPORT, and the kernel spreads the clients.

The parent opens all sockets, so that nothing is left half bound, forks, and then only collects: the workers' events
come through a pipe each, their counts through shared memory. A worker that dies is told and ends the whole. What they
trace goes to standard error from each, as it happens; `--count` is one count for all.
"""

import json
import mmap
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import Any

from netkit.echo.server.counters import Snapshot, total
from netkit.echo.server.echo import EchoServer
from netkit.echo.server.event import Event, OnLog, event
from netkit.errors import LocalFailure
from netkit.events import OnEvent
from netkit.net.listen import Listening
from netkit.net.loop import Loop

MOST = 64
PUBLISH_SECONDS = 0.2  # how old the counts of a worker may be
ROOM = 4096  # bytes of shared memory for a worker's counts as JSON
LINE = 1024 * 1024  # no event is so long; a worker that sends more without a newline is broken

Make = Callable[[Sequence[Listening], OnLog | None, OnEvent | None], EchoServer]


class Workers:
    """Used like an EchoServer: `announce`, `addresses`, `run`, `drain`. sets: the sockets of each worker.

    make: makes the server in the worker; it gets its sockets, where to log and where to trace. keep: descriptors that a
    worker needs besides its sockets. ending: whether they end by themselves (`--count`, `--duration`), so that one may
    be the first; otherwise one that ends is the end of all.
    """

    def __init__(
        self,
        sets: Sequence[Sequence[Listening]],
        make: Make,
        on_log: OnLog | None,
        on_event: OnEvent | None = None,
        keep: Sequence[int] = (),
        *,
        ending: bool = False,
    ) -> None:
        self.loop = Loop()
        self._sets = sets
        self._make = make
        self._on_log = on_log
        self._on_event = on_event
        self._keep = keep
        self._ending = ending
        self._memory = [mmap.mmap(-1, ROOM) for _ in sets]
        self._workers: dict[int, int] = {}  # pid: its pipe
        self._partial: dict[int, bytes] = {}
        self._labels: list[str] = []
        self._failure: LocalFailure | None = None
        self._draining = False
        self._start()

    @property
    def addresses(self) -> list[str]:
        return self._labels

    def announce(self) -> None:
        for line in self._labels:
            transport, _, address = line.partition(" ")
            self.log(event("listening", transport=transport, address=address))

    def run(self) -> None:
        """Until every worker has ended. Raises LocalFailure when one ended by itself."""
        try:
            self.loop.run()
        finally:
            for pid in list(self._workers):
                self._signal(pid, signal.SIGKILL)
                self._reap(pid)
            self.log(event("end", snapshot=self.snapshot()))
            self.loop.close()
        if self._failure:
            raise self._failure

    def drain(self) -> None:
        """Have all workers drain; called twice, have them stop at once."""
        self._draining = True
        for pid in self._workers:
            self._signal(pid, signal.SIGTERM)

    def snapshot(self) -> Snapshot:
        return total(_read(memory) for memory in self._memory)

    def _start(self) -> None:
        for number, listening in enumerate(self._sets):
            read, write = os.pipe()
            pid = os.fork()
            if pid == 0:
                code = 70
                try:
                    os.close(read)
                    self._work(number, listening, write)
                    code = 0
                except BaseException as exc:
                    reason = ascii(f"netkit: worker {os.getpid()}: {type(exc).__name__}: {exc}")[1:-1]
                    os.write(2, reason.encode() + b"\n")
                finally:
                    os._exit(code)  # nothing of the parent's is to be flushed or cleaned up twice
            os.close(write)
            os.set_blocking(read, False)
            self._workers[pid] = read
            self._partial[pid] = b""
            self.loop.add(read, lambda events, pid=pid: self._read_events(pid))  # type: ignore[misc]
        probe = self._make(self._sets[0], None, None)
        self._labels = probe.addresses
        probe.abandon()
        for listening in self._sets:
            for each in listening:
                each.socket.close()  # the workers have them; a datagram to a copy nobody reads would be lost

    def _work(self, number: int, listening: Sequence[Listening], write: int) -> None:
        """In the child: serve, with events into the pipe and counts into the memory."""
        from netkit.net.serve import draining

        self.loop.close()
        # Everything else is the parent's: pipes, metrics, and above all --ready-fd, whose end a script awaits.
        keep = sorted({2, write, *self._keep, *(each.socket.fileno() for each in listening)})
        for low, high in pairwise([*keep, os.sysconf("SC_OPEN_MAX")]):
            if low + 1 < high:  # closerange(n, n) closes everything from n on where n is 0 (3.11)
                os.closerange(low + 1, high)

        def on_log(entry: Event) -> None:
            if entry.event not in ("end", "listening"):
                line = json.dumps([entry.time.isoformat(), *entry[1:-1]]).encode() + b"\n"
                while line:
                    line = line[os.write(write, line) :]

        server = self._make(listening, on_log if self._on_log else None, self._tracing())

        def publish() -> None:
            _write(self._memory[number], server.snapshot())
            if os.getppid() != parent:  # nobody is left to tell anything
                server.stop()
            server.loop.later(PUBLISH_SECONDS, publish)

        parent = os.getppid()
        publish()
        with draining(server):
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends Ctrl-C to all; the parent tells us
            server.run()
        _write(self._memory[number], server.snapshot())

    def _tracing(self) -> OnEvent | None:
        """In the child: steps that say whose they are."""
        if (on_event := self._on_event) is None:
            return None
        pid = os.getpid()
        return lambda step: on_event(step._replace(detail=f"{step.detail} (worker {pid})".lstrip()))

    def _read_events(self, pid: int) -> None:
        fd = self._workers[pid]
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self._ended(pid)
            return
        *lines, rest = (self._partial[pid] + data).split(b"\n")
        self._partial[pid] = rest[:LINE]
        for line in lines:
            self.log(_event(json.loads(line), pid))

    def _ended(self, pid: int) -> None:
        code = self._reap(pid)
        if code and self._failure is None and not (self._draining and code == -signal.SIGTERM):
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._failure = LocalFailure(f"worker {pid} ended unexpectedly ({how})", kind="worker")
        if not self._draining and (code or not self._ending):
            self.drain()
        if not self._workers:
            self.loop.stop()

    def _reap(self, pid: int) -> int:
        fd = self._workers.pop(pid)
        self.loop.remove(fd)
        os.close(fd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @staticmethod
    def _signal(pid: int, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)

    def log(self, entry: Event) -> None:
        if self._on_log:
            self._on_log(entry)


def _event(fields: list[Any], pid: int) -> Event:
    """An event from a worker; its connections are numbered for themselves, so the number gets the process with it."""
    entry = Event(datetime.fromisoformat(fields[0]), *fields[1:])
    return entry._replace(detail=f"worker {pid}" if not entry.detail else f"{entry.detail}, worker {pid}")


def _write(memory: mmap.mmap, snapshot: Snapshot) -> None:
    """Length first set to zero, so that a reader in between sees nothing rather than half."""
    text = json.dumps(snapshot).encode()[: ROOM - 4]
    memory[:4] = bytes(4)
    memory[4 : 4 + len(text)] = text
    memory[:4] = len(text).to_bytes(4, "big")


def _read(memory: mmap.mmap) -> Snapshot:
    size = int.from_bytes(memory[:4], "big")
    with suppress(ValueError):
        return Snapshot(*json.loads(memory[4 : 4 + size]))
    return Snapshot()
