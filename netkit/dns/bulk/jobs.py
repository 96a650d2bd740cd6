"""The same work in several processes: lines are dealt out in blocks, and what each process writes is put together.

A process is forked for each job, reads its lines from a pipe and writes whole lines to another; a third pipe brings
what it counted. It ignores SIGINT, which a terminal sends to all of them: whoever stops the run closes their fourth
pipe, and each then answers for the lines that it has been given. With `ordered`, a line that nobody can have in his
file stands behind each block, comes back with the results, and tells which of them belong to it.
"""

import os
import pickle
import selectors
import signal
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress

from netkit.dns.bulk.feed import CHUNK
from netkit.dns.bulk.tally import Tally
from netkit.errors import LocalFailure, NetkitError

BLOCK = 8192  # octets of lines that are dealt out at once: some hundred names
AHEAD = 64  # blocks that may come back before an earlier one, when the order is kept

Write = Callable[[bytes], None]
Work = Callable[[int, Write, int, bytes], Tally]  # (where the lines are, ..., readable when it is to stop, the marker)


class Worker:
    """One of the processes: the ends of its pipes that are ours."""

    def __init__(self, pid: int, lines: int, output: int, report: int, stop: int) -> None:
        self.pid, self.lines, self.output, self.report, self.stop = pid, lines, output, report, stop
        self.unsent = b""
        self.partial = b""
        self.blocks: deque[int] = deque()  # the numbers of those it has, with `ordered`


class Spread:
    """Iterate `parts()`; `stop()` ends early. lines, read: those dealt out so far; tally: at the end, of all."""

    def __init__(self, fd: int, jobs: int, work: Work, tally: Tally, *, ordered: bool) -> None:
        self.fd = fd
        self.tally = tally
        self.lines = self.read = 0
        self.rest = b""
        self.ended = self.stopped = False
        self.marker = b"\0" + os.urandom(16).hex().encode() if ordered else b""
        self.number = self.next = 0
        self.done: dict[int, bytes] = {}  # blocks that came before an earlier one
        self.workers: list[Worker] = []
        try:
            for _ in range(jobs):
                self.workers.append(self._forked(work))
        except OSError as exc:
            self._kill()
            raise LocalFailure(f"cannot start a process: {exc.strerror}", kind="processes") from exc

    def _forked(self, work: Work) -> Worker:
        (lines, our_lines), (our_output, output), (our_report, report), (stop, our_stop) = (os.pipe() for _ in range(4))
        pid = os.fork()
        if not pid:
            code = 1
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.set_wakeup_fd(-1)
                for fd in (our_lines, our_output, our_report, our_stop):
                    os.close(fd)
                for worker in self.workers:  # or its lines would never end
                    for fd in (worker.lines, worker.output, worker.report, worker.stop):
                        os.close(fd)
                _child(work, lines, output, report, stop, self.marker)
                code = 0
            finally:
                os._exit(code)
        for fd in (lines, output, report, stop):
            os.close(fd)
        os.set_blocking(our_lines, False)
        return Worker(pid, our_lines, our_output, our_report, our_stop)

    def parts(self, *, wake: int | None = None) -> Iterator[bytes]:
        """Results as they come, whole lines. wake: readable once stop() was called. Raises LocalFailure, and what
        ended one of the processes."""
        with selectors.DefaultSelector() as selector:
            self.selector = selector
            if wake is not None:
                selector.register(wake, selectors.EVENT_READ)
            for worker in self.workers:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            running = list(self.workers)
            try:
                while running:
                    self._deal(running)
                    idle = self.rest and not self.stopped and any(not one.unsent for one in running)
                    for key, _ in selector.select(0 if idle else None):
                        worker = key.data
                        if key.fd == self.fd:
                            selector.unregister(self.fd)
                            self._read()
                        elif worker is None:
                            if not self.stopped:
                                self.stop()
                            selector.unregister(key.fd)
                        elif key.fd == worker.lines:
                            self._send(worker)
                        elif data := os.read(worker.output, CHUNK):
                            yield from self._taken(worker, data)
                        else:
                            selector.unregister(worker.output)
                            running.remove(worker)
                            self._ended(worker)
            finally:
                self._kill()

    def stop(self) -> None:
        """End the run: nothing more is dealt out."""
        self.stopped = True

    def _deal(self, running: list[Worker]) -> None:
        """Give each process a block that has none to send; close the input of all at the end."""
        if self.stopped and not self.ended:
            self.ended, self.rest = True, b""
            for worker in running:
                os.close(worker.stop)
                worker.stop = -1
        for worker in running:
            if worker.lines < 0 or worker.unsent:
                continue
            if block := self._block():
                worker.unsent = block
                if self.marker:
                    worker.unsent += self.marker + b"\n"
                    worker.blocks.append(self.number)
                    self.number += 1
                self._send(worker)
            elif self.ended:
                os.close(worker.lines)
                worker.lines = -1
            else:
                return

    def _block(self) -> bytes:
        """Whole lines, nothing when there are none now."""
        if self.marker and self.number - self.next >= AHEAD:
            return b""
        end = self.rest.rfind(b"\n", 0, BLOCK) + 1 or self.rest.find(b"\n") + 1
        if not end and not self.ended:
            if self.fd not in self.selector.get_map():
                try:
                    self.selector.register(self.fd, selectors.EVENT_READ)
                except PermissionError:  # a file, which epoll(7) does not take
                    self._read()
                    return self._block()
            return b""
        block, self.rest = (self.rest[:end], self.rest[end:]) if end else (self.rest, b"")
        if block and not end:
            block += b"\n"
        self.lines += block.count(b"\n")
        return block

    def _read(self) -> None:
        try:
            chunk = os.read(self.fd, CHUNK)
        except OSError as exc:
            raise LocalFailure(f"cannot read the names: {exc.strerror}", kind="unreadable") from exc
        self.ended = not chunk
        self.read += len(chunk)
        self.rest += chunk

    def _send(self, worker: Worker) -> None:
        try:
            worker.unsent = worker.unsent[os.write(worker.lines, worker.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:  # it is gone; _ended says why
            worker.unsent = b""
        waiting = worker.lines in self.selector.get_map()
        if worker.unsent and not waiting:
            self.selector.register(worker.lines, selectors.EVENT_WRITE, worker)
        elif waiting and not worker.unsent:
            self.selector.unregister(worker.lines)

    def _taken(self, worker: Worker, data: bytes) -> Iterator[bytes]:
        whole, newline, partial = data.rpartition(b"\n")
        if not newline:
            worker.partial += data
            return
        whole, worker.partial = worker.partial + whole + newline, partial
        if not self.marker:
            yield whole
            return
        mark = self.marker + b"\n"
        while mark in whole:
            piece, _, whole = whole.partition(mark)
            number = worker.blocks.popleft()
            self.done[number] = self.done.get(number, b"") + piece
            while self.next in self.done and self._is_whole(self.next):
                yield self.done.pop(self.next)
                self.next += 1
        if whole:
            number = worker.blocks[0]
            self.done[number] = self.done.get(number, b"") + whole

    def _is_whole(self, number: int) -> bool:
        return not any(number in worker.blocks for worker in self.workers)

    def _ended(self, worker: Worker) -> None:
        """Take what a process has to say at its end. Raises what ended it, LocalFailure if it does not say."""
        with open(worker.report, "rb", closefd=False) as report:
            data = report.read()
        said = pickle.loads(data) if data else None  # our own child wrote it
        if isinstance(said, NetkitError):
            raise said
        if not isinstance(said, Tally):
            raise LocalFailure(f"the process {worker.pid} of --jobs ended in the middle", kind="processes")
        self.tally.merge(said)

    def _kill(self) -> None:
        for worker in self.workers:
            for fd in (worker.lines, worker.output, worker.report, worker.stop):
                if fd >= 0:
                    os.close(fd)
            with suppress(ProcessLookupError):
                os.kill(worker.pid, signal.SIGTERM)
            with suppress(ChildProcessError):
                os.waitpid(worker.pid, 0)
        self.workers = []


def _child(work: Work, lines: int, output: int, report: int, stop: int, marker: bytes) -> None:
    def write(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(output, view) :]

    said: Tally | NetkitError
    try:
        said = work(lines, write, stop, marker)
    except NetkitError as exc:
        said = exc
    except BrokenPipeError:  # nobody wants the rest
        return
    with open(report, "wb") as to:
        pickle.dump(said, to)
