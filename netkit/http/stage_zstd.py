"""zstd (RFC 8878): frames and skippable frames, within the 8 MiB of window that HTTP allows (RFC 9659).

compression.zstd of Python 3.14, or its backport, binds the reference library, which checks the frames' checksums.
A frame that was made with a dictionary is refused: none was offered (RFC 9842 names those codings dcb and dcz).
"""

import sys
from collections.abc import Generator
from typing import Any, ClassVar

from netkit.errors import LocalFailure, PeerError
from netkit.http.stage import PIECE, Stage

WINDOW_LOG = 23  # 8 MiB of memory, the most that a sender may ask for (RFC 9659 3)

_FRAME = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"  # behind 0x50 to 0x5f


class Unzstd(Stage):
    needed: ClassVar[int] = 4

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.library = _library()

    def begins(self, data: bytes) -> bool:
        return data.startswith(_FRAME) or (data[0] & 0xF0 == 0x50 and data[1:4] == _SKIPPABLE)

    def open(self, data: bytes) -> Any:
        limit = self.library.DecompressionParameter.window_log_max
        return self.library.ZstdDecompressor(options={limit: WINDOW_LOG})

    def decode(self, engine: Any, data: bytes) -> Generator[bytes, None, bytes | None]:
        while True:
            try:
                piece = engine.decompress(data, PIECE)
            except self.library.ZstdError as exc:
                raise self._failure(str(exc)) from exc
            if piece:
                yield piece
            if engine.eof:
                return bytes(engine.unused_data)
            data = b""
            if engine.needs_input:
                return None

    def _failure(self, said: str) -> PeerError:
        """The library has words alone, no numbers: "Unable to decompress Zstandard data: Dictionary mismatch"."""
        reason = said.rpartition(": ")[2]
        if "too much memory" in reason:
            return PeerError(
                f"the zstd data wants a window of more than {1 << WINDOW_LOG - 20} MiB, the limit of RFC 9659",
                kind="window_too_large",
                hint="-H 'Accept-Encoding: gzip' asks for another coding",
            )
        if "ictionary" in reason:
            return PeerError("the zstd data needs a dictionary that was never agreed on", kind="undecodable")
        return self.broken(reason[:1].lower() + reason[1:])


def _library() -> Any:
    try:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd
    except ImportError as exc:
        raise LocalFailure(
            f"zstd cannot be decoded: {exc}", kind="missing", hint="pip install --force-reinstall backports.zstd"
        ) from exc
    return zstd
