"""Undoes Content-Encoding (RFC 9110 8.4) piece by piece, and says when what came is not whole.

A body that is cut short or fails its checksum is an error, also where the length on the wire was right; bytes behind
the end are a warning. What comes out is bounded by what went in, so a small body cannot fill memory or disk: by
MAX_RATIO beyond `free` bytes, and by MAX_CODINGS. The codings themselves are in `stage` and beside it.
"""

from collections.abc import Iterator, Sequence

from netkit.errors import PeerError
from netkit.http.codings import supported
from netkit.http.stage import Stage
from netkit.net.hop import Warn

MAX_CODINGS = 5  # applied one over the other; more is an attack
MAX_RATIO = 100  # out/in; the most that gzip does to real text is near 20, to zeros 1030, br and zstd 10,000 and more
RATIO_FREE = 10 * 1024 * 1024  # bytes out before the ratio counts: small bodies may be very regular


class Decoder:
    """Takes the body's pieces with `feed`, gives back what they decode to; `finish` says whether it was whole."""

    def __init__(self, names: Sequence[str], *, max_ratio: int = MAX_RATIO, free: int = RATIO_FREE) -> None:
        """Raises PeerError for too many codings or an unknown one, LocalFailure when its library cannot be loaded."""
        if len(names) > MAX_CODINGS:
            raise PeerError(f"{len(names)} content codings, the limit is {MAX_CODINGS}", kind="too_many_encodings")
        if unknown := next((name for name in names if not supported([name])), None):
            raise PeerError(
                f"Content-Encoding {unknown[:40]!r} was not asked for and cannot be decoded", kind="unknown_encoding"
            )
        self.stages = [_stage(name) for name in reversed(names)]
        self.max_ratio = max_ratio
        self.free = max(free, RATIO_FREE)
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
            if stage.bytes_out > self.free and stage.bytes_out > self.max_ratio * self.bytes_in:
                raise PeerError(
                    f"the body expands {stage.bytes_out // self.bytes_in} times, the limit is {self.max_ratio}",
                    kind="expands_too_much",
                    hint="--max-body SIZE allows so much; -H 'Accept-Encoding: identity' asks for it uncompressed",
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


def _stage(name: str) -> Stage:
    if name == "br":
        from netkit.http.stage_br import Unbrotli

        return Unbrotli(name)
    if name == "zstd":
        from netkit.http.stage_zstd import Unzstd

        return Unzstd(name)
    from netkit.http.stage_zlib import Inflate

    return Inflate(name)
