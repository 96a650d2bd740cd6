"""A client's bytes to lines, without a socket: `\\n`, `\\r\\n`, a lone `\\r` and telnet's `\\r\\0` end one; any split.

Telnet commands (RFC 854, 1143) are taken out wherever they stand and refused: WILL with DONT, DO with WONT, so that
nothing is negotiated; DO TIMING-MARK gets its WONT (RFC 860), without which a telnet that sent ^C shows nothing more.
UTF-8 has no byte 255, so valid text is never taken for a command; a sub-negotiation that does not end is dropped, not
kept. A line has a limit: what is longer comes as several.
"""

from typing import NamedTuple

MAX_LINE = 4096  # bytes of a line without its end
IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240


class Line(NamedTuple):
    """text: without its end. end: as the client sent it, "\\r\\n" where that was no end to relay."""

    text: bytes
    end: bytes


class Lines:
    """Takes what a client sends. reply: what is due to it for its telnet commands; the caller sends and clears it."""

    __slots__ = ("_command", "_escaped", "_max_line", "_rest", "_skip_end", "reply")

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self.reply = b""
        self._max_line = max_line
        self._rest = b""  # an unfinished line
        self._command = b""  # an unfinished telnet command, its IAC first; of a sub-negotiation no more than IAC SB
        self._escaped = False  # in a sub-negotiation, behind an IAC
        self._skip_end = False  # a lone CR has ended a line; an LF or NUL behind it belongs to it

    @property
    def unfinished(self) -> bytes:
        """What came behind the last line."""
        return self._rest

    def save(self) -> "tuple[bytes, bytes, bool, bool]":
        """All that it keeps between two reads."""
        return self._rest, self._command, self._escaped, self._skip_end

    def resume(self, rest: bytes, command: bytes, escaped: bool, skip_end: bool) -> None:
        """Go on where another process was."""
        self._rest, self._command, self._escaped, self._skip_end = rest, command, escaped, skip_end

    def feed(self, data: bytes) -> list[Line]:
        """The lines that the bytes complete."""
        if self._command or 255 in data:
            data = self._without_commands(data)
        if self._skip_end and data:
            self._skip_end = False
            if data[:1] in (b"\n", b"\0"):
                data = data[1:]
        if not data:
            return []
        data = self._rest + data
        found = []
        if b"\r" not in data:  # what nc sends
            *whole, self._rest = data.split(b"\n")
            found = [Line(text, b"\n") for text in whole]
        else:
            found = self._split(data)
        if len(self._rest) > self._max_line or any(len(line.text) > self._max_line for line in found):
            found = self._cut(found)
        return found

    def end(self) -> list[Line]:
        """The client has closed its side: what was unfinished is its last line."""
        rest, self._rest = self._rest, b""
        return [Line(rest, b"\r\n")] if rest else []

    def _split(self, data: bytes) -> list[Line]:
        found = []
        start = 0
        while True:
            lf, cr = data.find(b"\n", start), data.find(b"\r", start)
            if lf < 0 and cr < 0:
                break
            if cr < 0 or 0 <= lf < cr:
                found.append(Line(data[start:lf], b"\n"))
                start = lf + 1
                continue
            behind = data[cr + 1 : cr + 2]
            found.append(Line(data[start:cr], b"\r\n"))
            start = cr + (2 if behind in (b"\n", b"\0") else 1)
            self._skip_end = not behind
        self._rest = data[start:]
        return found

    def _cut(self, lines: list[Line]) -> list[Line]:
        size = self._max_line
        found = []
        for text, end in lines:
            while len(text) > size:
                at = _character(text, size)
                found.append(Line(text[:at], b"\r\n"))
                text = text[at:]
            found.append(Line(text, end))
        while len(self._rest) > size:
            at = _character(self._rest, size)
            found.append(Line(self._rest[:at], b"\r\n"))
            self._rest = self._rest[at:]
        return found

    def _without_commands(self, data: bytes) -> bytes:
        out = bytearray()
        place = 0
        while place < len(data):
            if not self._command:
                iac = data.find(255, place)
                if iac < 0:
                    out += data[place:]
                    break
                out += data[place:iac]
                self._command = b"\xff"
                place = iac + 1
                continue
            if self._command == b"\xff\xfa" and not self._escaped:
                iac = data.find(255, place)  # a megabyte of it costs no more than one of text
                if iac < 0:
                    break
                self._escaped = True
                place = iac + 1
                continue
            byte = data[place]
            place += 1
            if self._escaped:
                if byte == SE:
                    self._command = b""
                self._escaped = False
            elif len(self._command) == 1:
                if byte == IAC:
                    out.append(IAC)  # a byte 255, escaped
                    self._command = b""
                elif byte in (DONT, DO, WONT, WILL, SB):
                    self._command += bytes([byte])
                else:
                    self._command = b""  # IP, AYT, NOP, ...: two bytes, nothing to do
            else:
                self._answer(self._command[1], byte)
                self._command = b""
        return bytes(out)

    def _answer(self, verb: int, option: int) -> None:
        """Refuse; what is refused already is not answered, or two such would never end."""
        if len(self.reply) < 1024 and verb in (DO, WILL):
            self.reply += bytes([IAC, WONT if verb == DO else DONT, option])


def _character(text: bytes, place: int) -> int:
    """The place, or up to three before it, so that no UTF-8 character is cut."""
    for back in range(4):
        if place > back and text[place - back] & 0xC0 != 0x80:
            return place - back
    return place
