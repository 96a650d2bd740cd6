"""One client of the bench: what it reads is compared with what everybody gets; what differs is looked at by line."""

import socket
from collections import deque

from netkit.chat.bench.tally import Tally
from netkit.net.loop import READ, WRITE
from netkit.net.reasons import would_block

READ_SIZE = 64 * 1024
MAX_PENDING = 1024 * 1024  # bytes that wait until somebody else has shown in which order they come
TAIL = 200  # bytes that are kept of what came before the run: the number of a probe may be cut


class Client:
    """place: up to where it has what everybody gets; None while it is out of step. own: places in the order of its own
    lines, ahead of it, which it does not get. under_way: its own lines that are not in the order yet."""

    __slots__ = (
        "_missing", "_next", "_rest", "_strays", "_tally", "fd", "number", "own", "pending", "place", "socket",
        "under_way", "unsent",
    )  # fmt: skip

    def __init__(self, tally: Tally, number: int, sock: socket.socket) -> None:
        self._tally = tally
        self.number = number
        self.socket = sock
        self.fd = sock.fileno()
        self.place: int | None = 0
        self.own: deque[int] | None = None
        self.under_way = 0
        self.unsent = b""
        self.pending = b""
        self._rest = b""  # out of step: an unfinished line
        self._next = 0  # out of step: the place in the order of what it should get
        self._missing: set[int] | None = None  # places that it has passed without getting them
        self._strays: set[int] | None = None  # places that it has not passed, and has got what stands there
        tally.loop.add(self.fd, self.ready)

    def send(self, data: bytes) -> None:
        """Say it, at once or as soon as its socket takes it."""
        if self.unsent:
            self.unsent += data
            return
        try:
            sent = self.socket.send(data)
        except OSError as exc:
            if not would_block(exc):
                self._tally.closed(self, exc)
                return
            sent = 0
        if sent < len(data):
            self.unsent = data[sent:]
            self._tally.loop.change(self.fd, READ | WRITE)

    def ready(self, events: int) -> None:
        if events & WRITE and self.unsent:
            data, self.unsent = self.unsent, b""
            self.send(data)
            if self.fd >= 0 and not self.unsent:
                self._tally.loop.change(self.fd, READ)
        if self.fd < 0 or events == WRITE:
            return
        try:
            data = self.socket.recv(READ_SIZE)
        except OSError as exc:
            if not would_block(exc):
                self._tally.closed(self, exc)
            return
        tally = self._tally
        if not data:
            tally.closed(self, None)
            return
        tally.reads += 1
        if tally.probing:
            self._probe(data)
        else:
            self.got(data)

    def got(self, data: bytes) -> None:
        """Take what it read: by one comparison where it is what stands at its place."""
        tally = self._tally
        if self.place is not None and not self.own and not self.pending and tally.order.same(self.place, data):
            place = self.place
            self.place = place + len(data)
            tally.note(place, self.place)
        else:
            self.take(data)

    def take(self, data: bytes = b"") -> None:
        """What it read, behind what is pending."""
        data, self.pending = self.pending + data, b""
        while data:
            data = self._step(data) if self.place is None else self._go(self.place, data)

    def _go(self, place: int, data: bytes) -> bytes:
        """In step: up to its next own line, or the end of what is known. What is left to be taken."""
        order, own = self._tally.order, self.own
        if own and order.begins[own[0]] <= place:
            self.place = order.ends[own.popleft()]
            return data
        part = data[: (order.begins[own[0]] if own else order.end) - place]
        if not part:
            return self._add(place, data)
        if not order.same(place, part):
            self.fall_out()
            return data
        self.place = place + len(part)
        self._tally.note(place, self.place)
        return data[len(part) :]

    def _add(self, place: int, data: bytes) -> bytes:
        """It has everything that is known, and here is more: a line of that becomes known."""
        order = self._tally.order
        cut = data.find(b"\n") + 1
        if cut and self._known(data[:cut]):
            self.fall_out()
            return data
        if len(data) < MAX_PENDING and (not cut or (self.under_way and not self._tally.ending)):
            return self._wait(data)
        if not cut:
            self.fall_out()
            return data
        order.add(data[:cut])
        self.place = order.end
        self._tally.note(place, self.place)
        return data[cut:]

    def _known(self, line: bytes) -> bool:
        """Whether it is a line that should not come here: another had it before this one got here, or it is its own."""
        tally = self._tally
        number = tally.order.lines.number_of(line)
        if number is None or number >= tally.sent:
            return False
        return tally.place_of(number) is not None or (tally.sender_of(number) == self.number and not tally.echoes)

    def fall_out(self) -> None:
        """From here on by the numbers of lines, until it is in step again."""
        assert self.place is not None
        order = self._tally.order
        self._next = order.upto(self.place)
        self._rest = order.begun(self.place)
        self.place = None
        self._tally.out_of_step += 1

    def skip(self, place: int) -> None:
        """A line of its own stands there, which it will not get."""
        self.own = self.own or deque()
        self.own.append(place)

    def begin(self) -> None:
        """The run begins here."""
        self._rest = b""
        self.place = 0

    @property
    def tail(self) -> str:
        """What it got last before the run."""
        return self._rest.decode("utf-8", "replace").strip()

    def _step(self, data: bytes) -> bytes:
        """Out of step: one line, by its number. Behind one that it should get it is in step again."""
        order, tally = self._tally.order, self._tally
        cut = data.find(b"\n") + 1
        if not cut:
            self._rest = (self._rest + data)[-MAX_PENDING:]
            return b""
        line, data, self._rest = self._rest + data[:cut], data[cut:], b""
        number = order.lines.number_of(line)
        if number is None or number >= tally.sent:
            return data
        if tally.sender_of(number) == self.number and not tally.echoes:
            tally.returned += 1
            return data
        place = tally.place_of(number)
        if place is None:
            if not tally.ending and (self.under_way or self.behind) and len(data) < MAX_PENDING:
                return self._wait(line + data)
            place = tally.add_astray(line) if self.behind else tally.add(line)
        if place in tally.astray and place >= self._next:
            if self._strays is None:
                self._strays = set()
            if place in self._strays:
                tally.doubled += 1
            else:
                self._strays.add(place)
                tally.delivered(place, 1)
            return data
        if place < self._next:
            if self._missing and place in self._missing:
                self._missing.discard(place)
                tally.reordered += 1
                tally.delivered(place, 1)
            else:
                tally.doubled += 1
            return data
        if place > self._next:
            self._missing = self._missing or set()
            had = self._strays or ()
            self._missing.update(
                one
                for one in range(self._next, place)
                if one not in had and tally.sender_of(order.numbers[one]) != self.number
            )
        self._arrive(place)
        return data

    def _arrive(self, place: int) -> None:
        """In step again, behind the line that stands there."""
        self._tally.delivered(place, 1)
        self._next = place + 1
        self.place = self._tally.order.ends[place]
        self._tally.out_of_step -= 1
        while self.own and self.own[0] <= place:
            self.own.popleft()

    @property
    def behind(self) -> bool:
        """Out of step: whether others have more than it."""
        return self.place is None and self._next < self._tally.firm

    def front(self) -> tuple[bytes, int | None] | None:
        """The line that it waits with, and who said it."""
        order = self._tally.order
        cut = self.pending.find(b"\n") + 1
        if not cut or (self.place is not None and self.place != order.end):
            return None
        line = self.pending[:cut]
        number = order.lines.number_of(line)
        return line, None if number is None or number >= self._tally.sent else self._tally.sender_of(number)

    def add_front(self) -> None:
        """That line is next for everybody."""
        order, place = self._tally.order, self.place
        cut = self.pending.find(b"\n") + 1
        line, data, self.pending = self.pending[:cut], self.pending[cut:], b""
        order.add(line)
        if place is None:
            self._arrive(len(order) - 1)
        else:
            self.place = order.end
            self._tally.note(place, order.end)
        self.take(data)

    def _wait(self, data: bytes) -> bytes:
        self.pending = data
        self._tally.waiting.add(self)
        return b""

    def _probe(self, data: bytes) -> None:
        """Before the run: which is the last probe that it has got?"""
        text = self._rest + data
        self._rest = text[-TAIL:]
        self._tally.heard(self.number, self._tally.probes.numbers(text))
