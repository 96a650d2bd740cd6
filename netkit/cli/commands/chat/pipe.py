"""`chat join` where standard input or output is no terminal: lines in, lines out.

Standard input is read only when the server takes more, so nothing of it piles up here or is lost. At its end our side
is closed and what still comes is read until the server closes its own; with a count it stays open, for the lines that
are waited for. The flags of descriptor 0 are never touched: others may have it too.
"""

import os
import select
import stat
from collections.abc import Sequence
from contextlib import suppress

from netkit.chat.join.client import Client, State
from netkit.chat.join.received import Received
from netkit.cli.output.chat.join import Shown
from netkit.cli.output.sink import Output
from netkit.cli.output.stdout import ReaderGone
from netkit.errors import AuthRefused, BadInput, NetkitError, TimedOut
from netkit.net.loop import READ, Loop

SLICE = 64 * 1024  # bytes of standard input that are read at once; also the most of a line that is sent in one piece


class Pipe:
    """send: what to say instead of standard input. stdin: whether to read that. count: lines to wait for."""

    def __init__(
        self, loop: Loop, out: Output, *, send: Sequence[bytes] | None, stdin: bool, count: int | None, clock: bool
    ) -> None:
        self.client: Client
        self._loop, self._out = loop, out
        self._left = list(send or ())
        self._count = count
        self._clock = clock
        self._reads = send is None and stdin
        self._all_said = not self._left and not self._reads
        self._listens = send is None and not stdin
        self._rest = b""
        self._added = False
        self._slicing = False
        self._ended = False
        self._error: NetkitError | None = None

    def run(self, client: Client, timeout: float | None) -> None:
        """Until it ends. Raises what it ended with, TimedOut, ReaderGone."""
        self.client = client
        if timeout is not None:
            self._loop.later(timeout, lambda: self._late(timeout))
        self._watch_stdout()
        client.start()
        try:
            while not self._ended:
                self._loop.turn()
        finally:
            client.close()
            self._loop.close()
        if self._error is not None:
            raise self._error

    # What the client tells.

    def lines(self, found: Sequence[Received]) -> None:
        for one in found:
            if one.kind == "gap":
                self._out.note("netkit: connected again; lines may be missing")
            elif self._count is not None:
                if self._count == 0:
                    break
                self._count -= 1
            self._out.show(Shown(one, self._clock))
        self._enough()

    def state(self, state: State) -> None:
        if state.name == "away":
            self._out.note(f"netkit: {state.why}; the next try in {state.pause:.1f} s")
        elif state.name == "password":
            self.ended(
                AuthRefused(
                    f"{self.client.target} asks for a password",
                    hint="--password-cmd, --password-file, --password-fd or NETKIT_PASSWORD brings it",
                )
            )

    def room(self) -> None:
        """The client takes more."""
        while self._left and self.client.takes_more and self.client.say(self._left[0]):
            del self._left[0]
        if self._reads:
            self._read_on()
        elif not self._left and not self._all_said:
            self._said_all()
        self._enough()

    def ended(self, exc: NetkitError | None) -> None:
        self._ended = True
        self._error = self._error or exc

    # How it ends.

    def _enough(self) -> None:
        """Leave when the lines that are waited for have come, and what was to be said is."""
        if self._count != 0 or self.client.state.name != "open" or self._left:
            return
        if self._reads and not self._all_said and _readable(0):
            return  # it is said first; no more than that, or an endless input would never let us end
        self.client.leave()

    def _said_all(self) -> None:
        self._all_said = True
        if self._count is None:
            self.client.finish()
        self._enough()

    def _late(self, timeout: float) -> None:
        missing = f", {self._count} lines are missing" if self._count else ""
        self.ended(TimedOut(f"{self.client.target}: not done within {timeout:g} s{missing}"))

    def _watch_stdout(self) -> None:
        """See that its reader went away also while nothing comes."""
        with suppress(OSError, ValueError):  # epoll(7) refuses files
            mode = os.fstat(1).st_mode
            if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
                self._loop.add(1, self._reader_gone, 0)

    def _reader_gone(self, events: int) -> None:
        raise ReaderGone

    # Standard input.

    def _read_on(self) -> None:
        if self._all_said or self._slicing or not self.client.takes_more:
            return
        if self._added:
            self._loop.change(0, READ)
            return
        try:
            self._loop.add(0, lambda events: self._read(), READ)
            self._added = True
        except OSError:  # a regular file or the null device
            self._slicing = True
            self._loop.later(0, self._slice)

    def _slice(self) -> None:
        if self.client.takes_more and not self._all_said:
            self._read()
            self._loop.later(0, self._slice)
        else:
            self._slicing = False

    def _read(self) -> None:
        if not self.client.takes_more:
            if self._added:
                self._loop.change(0, 0)
            return
        try:
            data = os.read(0, SLICE)
        except BlockingIOError:
            return
        except OSError:  # EIO: the terminal has gone
            data = b""
        if not data:
            if self._added:
                self._loop.remove(0)
            if self._rest:
                self._say(self._rest)
            self._said_all()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._say(line)
        if len(self._rest) > SLICE:
            raise BadInput(f"a line of standard input is longer than {SLICE} bytes")
        self._enough_after_a_slice()

    def _say(self, line: bytes) -> None:
        self.client.say(line.removesuffix(b"\r"))

    def _enough_after_a_slice(self) -> None:
        if self._count == 0:
            self.client.leave()


def _readable(fd: int) -> bool:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
