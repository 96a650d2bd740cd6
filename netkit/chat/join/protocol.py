"""A server's bytes to lines, without a socket: `\\n` ends one, at any split; a limit bounds what has no end.

Telnet commands are not looked for: a chat sends none to a client that sent none.
"""

from netkit.errors import PeerError

MAX_LINE = 64 * 1024  # bytes; netkit's server sends 4096 of text, four times that when every byte is written out


class Lines:
    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._rest = bytearray()
        self._over = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that the bytes complete, each with its end, up to one that is too long; see `check`."""
        *whole, rest = data.split(b"\n")
        found = []
        if whole:
            found = [bytes(self._rest) + whole[0] + b"\n", *(line + b"\n" for line in whole[1:])]
            self._rest = bytearray()
        self._rest += rest
        for at, line in enumerate(found):
            if len(line) > self._max_line + 2:
                self._over = True
                return found[:at]
        self._over = len(self._rest) > self._max_line
        return found

    def check(self) -> None:
        """Raises PeerError when a line over the limit came."""
        if self._over:
            raise PeerError(
                f"a line of more than {self._max_line} bytes came", kind="line_too_long", hint="--max-line allows more"
            )

    def end(self) -> list[bytes]:
        """The server has closed: what had no end is its last line."""
        rest, self._rest = bytes(self._rest), bytearray()
        return [rest] if rest else []
