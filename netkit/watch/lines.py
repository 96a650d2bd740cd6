"""Cuts what comes in pieces into lines: whole ones at once, the rest of one after a while, no character in two."""

MAX_LINE = 16 * 1024  # bytes; a longer line is given in pieces


class Lines:
    """The pieces of one direction of one endpoint."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[tuple[bytes, bool]]:
        """(line with its end, False), or (piece, True) of what is longer than MAX_LINE."""
        found = []
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            found += [(line[at : at + MAX_LINE], True) for at in range(0, len(line) - MAX_LINE, MAX_LINE)]
            found.append((line[(len(line) - 1) // MAX_LINE * MAX_LINE if line else 0 :] + b"\n", False))
        while len(self._rest) > MAX_LINE:
            cut = MAX_LINE - incomplete(self._rest[:MAX_LINE])
            found.append((self._rest[:cut], True))
            self._rest = self._rest[cut:]
        return found

    @property
    def waiting(self) -> bool:
        """Whether there is a piece to give."""
        return len(self._rest) > incomplete(self._rest)

    def flush(self, *, end: bool = False) -> bytes:
        """What has no line end yet; the beginning of a character stays back until `end`."""
        cut = len(self._rest) if end else len(self._rest) - incomplete(self._rest)
        piece, self._rest = self._rest[:cut], self._rest[cut:]
        return piece


def incomplete(data: bytes) -> int:
    """How many bytes at the end are the beginning of a UTF-8 character (RFC 3629): 0 to 3."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte & 0xC0 == 0x80:
            continue
        wanted = 2 if byte & 0xE0 == 0xC0 else 3 if byte & 0xF0 == 0xE0 else 4 if byte & 0xF8 == 0xF0 else 1
        return back if back < wanted else 0
    return 0
