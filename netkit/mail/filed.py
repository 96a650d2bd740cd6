"""How a message stands in a file of this machine: lines that end in LF, and in an mbox its From_ lines quoted.

Both work on pieces as they come and hold back no more than four bytes, so a message of any size passes in constant
memory. A lone CR or LF stays as it is.
"""

import re

FROM = b"From "
_AT_START = re.compile(rb"(?:\A|\n)>*(?=From )")
_LATER = re.compile(rb"\n>*(?=From )")


class LineFeeds:
    """Every CRLF becomes an LF."""

    def __init__(self) -> None:
        self._cr = False

    def feed(self, data: bytes) -> bytes:
        if self._cr:
            data = b"\r" + data
        self._cr = data.endswith(b"\r")
        return (data[:-1] if self._cr else data).replace(b"\r\n", b"\n")

    def end(self) -> bytes:
        return b"\r" if self._cr else b""


class FromQuoter:
    """mboxrd: a line of any number of `>` and `From ` gets one more `>`, so that it can be taken away again.

    It may stand anywhere among the others, so it is put behind them and their number is not bounded.
    """

    def __init__(self) -> None:
        self._held = b""
        self._open = True  # nothing but `>` has come of the line

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        cut = len(data)
        for size in range(min(len(FROM) - 1, cut), 0, -1):
            if data.endswith(FROM[:size]):
                cut -= size
                break
        self._held, data = data[cut:], data[:cut]
        out = (_AT_START if self._open else _LATER).sub(rb"\g<0>>", data)
        line = data.rpartition(b"\n")
        self._open = (self._open or bool(line[1])) and not line[2].strip(b">")
        return out

    def end(self) -> bytes:
        return self._held
