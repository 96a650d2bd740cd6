"""br (RFC 7932): one stream, without a checksum, whose window of at most 16 MiB is the format's own limit.

Google's library says of bytes behind the end no more than that something failed, and gives nothing of that slice. So
the input is kept while it is short, and what failed is read once more, byte by byte, to tell a whole body with bytes
behind it from a broken one.
"""

from collections.abc import Generator, Iterator
from typing import Any

from netkit.errors import LocalFailure
from netkit.http.stage import PIECE, Stage

MAX_KEPT = 1024 * 1024  # of the input, to be read again; a longer body with bytes behind it counts as broken


class Unbrotli(Stage):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.library = _library()
        self.kept: list[bytes] | None = []  # the slices so far, None when they are too long
        self.size = 0
        self.given = 0  # bytes out of the decoder

    def begins(self, data: bytes) -> bool:
        return False

    def open(self, data: bytes) -> Any:
        return self.library.Decompressor()

    def decode(self, engine: Any, data: bytes) -> Generator[bytes, None, bytes | None]:
        self.size += len(data)
        if self.size > MAX_KEPT:
            self.kept = None
        try:
            for piece in _process(engine, data):
                self.given += len(piece)
                yield piece
        except self.library.error as exc:
            behind = yield from self._again(data)
            if behind is None:
                raise self.broken("") from exc
            return behind
        if self.kept is not None:
            self.kept.append(data)
        return b"" if engine.is_finished() else None

    def _again(self, last: bytes) -> Generator[bytes, None, bytes | None]:
        """The end of a body that ended within the slice, and what is behind it; None when it is broken."""
        engine, out = self.library.Decompressor(), 0
        if self.kept is None:
            return None
        for slice_ in self.kept:
            out += sum(map(len, _process(engine, slice_)))
        for place in range(len(last)):
            try:
                for piece in _process(engine, last[place : place + 1]):
                    out += len(piece)
                    if out > self.given:
                        yield piece[self.given - out :]
                        self.given = out
            except self.library.error:
                return None
            if engine.is_finished():
                return last[place + 1 :]
        return None


def _process(engine: Any, data: bytes) -> Iterator[bytes]:
    """The pieces up to the one after which there is nothing to be had: it may take more and still hold some back."""
    while True:
        piece = engine.process(data, output_buffer_limit=PIECE)
        if piece:
            yield piece
        if engine.is_finished() or (not piece and engine.can_accept_more_data()):
            return
        data = b""


def _library() -> Any:
    try:
        import brotli
    except ImportError as exc:
        raise LocalFailure(
            f"br cannot be decoded: {exc}", kind="missing", hint="pip install --force-reinstall brotli"
        ) from exc
    if not hasattr(brotli.Decompressor, "can_accept_more_data"):  # before 1.2 its output had no limit
        raise LocalFailure(
            f"brotli {brotli.__version__} is too old to decode br", kind="missing", hint="pip install 'brotli>=1.2'"
        )
    return brotli
