"""The results of many URLs in the order of the URLs, or as they come; their bodies whole, one behind the other.

The body whose turn it is goes out piece by piece. Those of URLs behind it wait: up to WAITING bytes of one in memory,
more in an unnamed file of the system's folder for such (TMPDIR). What is over and waits for its turn is bounded: at
HELD bytes no further URL is begun until the one that all wait for is through, at the latest with its deadline. And at
MOST bytes of bodies, over or not, those that are not over are left with their servers until their turn (`waits`).
"""

from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

from netkit.errors import LocalFailure
from netkit.http.many import Sink
from netkit.http.result import Response

HELD = 64 * 1024 * 1024  # bytes of results that are over and wait; those under way come on top
EACH = 8 * 1024  # bytes that a result takes besides its body
MOST = (
    256 * 1024 * 1024
)  # bytes of all bodies that wait, of which a server could send without end: then they are paused
NOBODY = -1
WAITING = 256 * 1024  # bytes of a waiting body in memory
PIECE = 256 * 1024  # bytes of a file that go out at a time


class Results:
    """Takes each result with `put` and gives back those whose turn has come.

    write: where the bodies go, piece by piece; without it they stay in their responses. files: so many bodies may
    wait in a file of their own. Where not `ordered`, it is nobody's turn until too much waits: then one body goes out
    as it comes, and what ends meanwhile waits for it.
    """

    def __init__(self, write: Sink | None = None, *, ordered: bool = True, files: int = 256) -> None:
        self.write, self.ordered, self.files = write, ordered, files
        self.turn = 0 if ordered else NOBODY
        self.held = 0  # bytes of what is over
        self.waiting = 0  # bytes of bodies, over or not
        self._over: dict[int, _Over] = {}
        self._bodies: dict[int, _Waiting] = {}

    def full(self) -> bool:
        """Whether no more may be begun: too much waits."""
        return self.held >= HELD or sum(body.file is not None for body in self._bodies.values()) >= self.files

    def waits(self, number: int) -> bool:
        """Whether no more of a body is to come until its turn: MOST bytes wait already."""
        return number != self.turn and self.waiting >= MOST

    def sink(self, number: int) -> Sink:
        """What takes the body of a number."""
        assert self.write
        write = self.write

        def take(data: bytes) -> None:
            if number == self.turn:
                write(data)
                return
            body = self._bodies.get(number)
            if body is None:
                body = self._bodies[number] = _Waiting()
            body.add(data)
            self.waiting += len(data)
            if self.waiting >= MOST and self.turn == NOBODY:
                self.turn = number
                self._write(number)

        return take

    def put(self, number: int, response: Response) -> Iterator[Response]:
        """The result of a number is there. Raises what `write` raises."""
        if self.turn == NOBODY:
            self._write(number)
            yield response
            return
        size = EACH + len(response.body.content or b"")
        if number in self._bodies:
            size += self._bodies[number].size
        self._over[number] = _Over(response, size)
        self.held += size
        while (over := self._over.pop(self.turn, None)) is not None:
            self.held -= over.size
            yield over.response
            self.turn = self.turn + 1 if self.ordered else self._next()
            self._write(self.turn)

    def _next(self) -> int:
        """Whose turn it is where there is no order: what is over, or one of those that all wait."""
        waiting = self._over or (self._bodies if self.waiting >= MOST else ())
        return next(iter(waiting), NOBODY)

    def close(self) -> None:
        """Forget what waits."""
        for body in self._bodies.values():
            body.close()
        self._bodies.clear()
        self._over.clear()

    def _write(self, number: int) -> None:
        """What came of a body until its turn."""
        if (body := self._bodies.pop(number, None)) is not None:
            assert self.write
            self.waiting -= body.size
            try:
                body.give(self.write)
            finally:
                body.close()


class _Over(NamedTuple):
    response: Response
    size: int


class _Waiting:
    """The body of one URL until its turn."""

    def __init__(self) -> None:
        self.size = 0
        self.begun = bytearray()
        self.file: IO[bytes] | None = None

    def add(self, data: bytes) -> None:
        self.size += len(data)
        if self.file is None and self.size <= WAITING:
            self.begun += data
            return
        try:
            if self.file is None:
                from tempfile import TemporaryFile  # 5 ms of CPU, seldom needed

                self.file = TemporaryFile(prefix="netkit-", buffering=0)  # noqa: SIM115
            view = memoryview(data)
            while view:
                view = view[self.file.write(view) :]
        except OSError as exc:
            raise LocalFailure(
                f"cannot keep a body until its turn: {exc.strerror}", kind="write", hint="--parallel 1 keeps none"
            ) from exc

    def give(self, write: Callable[[bytes], object]) -> None:
        write(bytes(self.begun))
        if self.file is not None:
            self.file.seek(0)
            while piece := self.file.read(PIECE):
                write(piece)

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
