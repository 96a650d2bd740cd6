"""gzip (RFC 1952) and deflate, as zlib (RFC 1950) or raw (RFC 1951): servers send both under the one name.

zlib.decompressobj does the work: libcurl's own decoders and urllib3's let truncated gzip pass, and the gzip module
cannot be fed.
"""

import zlib
from collections.abc import Generator
from typing import Any, ClassVar

from netkit.http.stage import PIECE, Stage


class Inflate(Stage):
    needed: ClassVar[int] = 2

    def begins(self, data: bytes) -> bool:
        return self.name == "gzip" and data.startswith(b"\x1f\x8b")

    def open(self, data: bytes) -> Any:
        if self.name == "gzip":
            return zlib.decompressobj(31)
        is_zlib = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # RFC 1950 2.2
        return zlib.decompressobj(15 if is_zlib else -15)

    def decode(self, engine: Any, data: bytes) -> Generator[bytes, None, bytes | None]:
        while True:
            try:
                piece = engine.decompress(data, PIECE)
            except zlib.error as exc:
                raise self.broken(_reason(exc)) from exc
            if piece:
                yield piece
            if engine.eof:
                return bytes(engine.unused_data)
            data = engine.unconsumed_tail
            if not data and len(piece) < PIECE:
                return None


def _reason(exc: zlib.error) -> str:
    """zlib's words without its number: "incorrect header check", "incorrect data check" (the checksum)."""
    return str(exc).rpartition(": ")[2]
