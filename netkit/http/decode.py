"""Undoes Content-Encoding (RFC 9110 8.4) piece by piece, and says when what came is not whole.

A body that is cut short or fails its checksum is an error, also where the length on the wire was right; bytes behind
the end are a warning. gzip may have several members, deflate may be zlib (RFC 1950) or raw (RFC 1951), as servers
send both. What comes out is bounded by what went in, so a small body cannot fill memory or disk.

zlib.decompressobj does the work: libcurl's own decoders and urllib3's let truncated gzip pass, and the gzip module
cannot be fed. br and zstd are not decoded yet, so they are not asked for.
"""

import zlib
from collections.abc import Generator, Iterator, Sequence

from netkit.errors import PeerError
from netkit.net.hop import Warn

ACCEPTED = ("gzip", "deflate")
MAX_CODINGS = 5  # applied one over the other; more is an attack
MAX_RATIO = 100  # out/in; the most that gzip does to real text is near 20, to zeros 1030
RATIO_FREE = 10 * 1024 * 1024  # bytes out before the ratio counts: small bodies may be very regular
PIECE = 256 * 1024  # bytes out at a time, so that memory does not follow the ratio
SLICE = 16 * 1024  # bytes in at a time: what is behind a gzip member is copied once a member

_NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


def codings(values: Sequence[str]) -> list[str]:
    """The codings of the Content-Encoding fields in the order they were applied, identity left out."""
    names = (word.strip().lower() for value in values for word in value.split(","))
    return [_NAMES.get(name, name) for name in names if name and name != "identity"]


def supported(names: Sequence[str]) -> bool:
    return all(name in ACCEPTED for name in names)


class Decoder:
    """Takes the body's pieces with `feed`, gives back what they decode to; `finish` says whether it was whole."""

    def __init__(self, names: Sequence[str], *, max_ratio: int = MAX_RATIO) -> None:
        if len(names) > MAX_CODINGS:
            raise PeerError(f"{len(names)} content codings, the limit is {MAX_CODINGS}", kind="too_many_encodings")
        if not supported(names):
            unknown = next(name for name in names if name not in ACCEPTED)
            raise PeerError(
                f"Content-Encoding {unknown[:40]!r} was not asked for and cannot be decoded", kind="unknown_encoding"
            )
        self.stages = [_Inflate(name) for name in reversed(names)]
        self.max_ratio = max_ratio
        self.bytes_in = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Raises PeerError when it cannot be decoded or expands too much."""
        self.bytes_in += len(data)
        yield from self._through(data, 0)

    def _through(self, data: bytes, number: int) -> Iterator[bytes]:
        """The output of the stages from `number` on; each may expand so much, also what the next makes nothing of."""
        if number == len(self.stages):
            yield data
            return
        stage = self.stages[number]
        for piece in stage.feed(data):
            stage.bytes_out += len(piece)
            if stage.bytes_out > RATIO_FREE and stage.bytes_out > self.max_ratio * self.bytes_in:
                raise PeerError(
                    f"the body expands {stage.bytes_out // self.bytes_in} times, the limit is {self.max_ratio}",
                    kind="expands_too_much",
                    hint="-H 'Accept-Encoding: identity' asks for it uncompressed",
                )
            yield from self._through(piece, number + 1)

    def finish(self) -> list[Warn]:
        """The warnings. Raises PeerError when the body ends in the middle; an empty body is whole."""
        if self.bytes_in:
            for stage in self.stages:
                stage.finish()
        junk = [stage for stage in self.stages if stage.junk]
        return [
            Warn("trailing_garbage", f"{stage.junk} bytes behind the end of the {stage.name} data") for stage in junk
        ]


class _Inflate:
    """One coding."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine: zlib._Decompress | None = None
        self.begun = b""  # the first bytes, until there are enough to choose by
        self.ended = False  # a member is complete
        self.bytes_out = 0
        self.junk = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), SLICE):
            yield from self._feed(data[at : at + SLICE])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self.junk:
                self.junk += len(data)
                return
            if self.engine is None:
                self.begun += data
                if len(self.begun) < 2:
                    return
                data, self.begun = self.begun, b""
                if self.ended and not (self.name == "gzip" and data.startswith(b"\x1f\x8b")):
                    self.junk = len(data)
                    return
                self.engine, self.ended = zlib.decompressobj(self._window(data)), False
            data = yield from self._inflate(self.engine, data)

    def _inflate(self, engine: "zlib._Decompress", data: bytes) -> Generator[bytes, None, bytes]:
        """What one member gives; returns what is left behind its end."""
        while True:
            try:
                piece = engine.decompress(data, PIECE)
            except zlib.error as exc:
                raise PeerError(
                    f"the body is not {self.name} as Content-Encoding says: {_reason(exc)}", kind="undecodable"
                ) from exc
            if piece:
                yield piece
            if engine.eof:
                self.engine, self.ended = None, True
                return engine.unused_data
            data = engine.unconsumed_tail
            if not data and len(piece) < PIECE:
                return b""

    def _window(self, data: bytes) -> int:
        if self.name == "gzip":
            return 31
        is_zlib = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # RFC 1950 2.2
        return 15 if is_zlib else -15

    def finish(self) -> None:
        if self.ended and self.engine is None:
            self.junk += len(self.begun)
            self.begun = b""
        elif not self.ended:
            raise PeerError(
                f"the {self.name} data ends in the middle: the body is cut short", kind="truncated_encoding"
            )


def _reason(exc: zlib.error) -> str:
    """zlib's words without its number: "incorrect header check", "incorrect data check" (the checksum)."""
    return str(exc).rpartition(": ")[2]
