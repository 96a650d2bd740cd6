"""A body that comes bit by bit and may have no end, shown on a terminal while it comes: events, and lines of JSON.

Both are UTF-8. It is escaped as every other body, and not kept; what follows it is shown behind its end.
"""

from codecs import getincrementaldecoder
from io import IncrementalNewlineDecoder

from rich.console import Console
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.http.body_rich import LINES_OF_JSON, coloured
from netkit.cli.output.http.response_rich import headers
from netkit.cli.output.http.waterfall import size
from netkit.cli.output.json_text import lines
from netkit.net.hop import Head

LONGEST = 64 * 1024  # characters of a line whose end is waited for


def comes_bit_by_bit(head: Head) -> bool:
    """Whether it is of a kind that servers send as it happens: server-sent events (HTML, 9.2), or lines of JSON."""
    media = (head.get("content-type") or "").partition(";")[0].strip().lower()
    return 200 <= head.status < 300 and (media == "text/event-stream" or any(name in media for name in LINES_OF_JSON))


class LiveBody:
    """`write` takes the pieces, and `end` shows what is left. raw: without colours. limit: bytes that are shown."""

    def __init__(self, console: Console, head: Head, *, raw: bool, limit: int) -> None:
        self.console, self.head, self.limit = console, head, limit
        self.is_json = not raw and "json" in (head.get("content-type") or "").lower()
        self.decoder = IncrementalNewlineDecoder(getincrementaldecoder("utf-8")("surrogateescape"), translate=True)
        self.waiting = ""  # a line that has not come to its end
        self.came = 0  # bytes

    def begin(self, *, with_headers: bool) -> None:
        """The status and the headers: what the connection was is known at the end alone."""
        if with_headers:
            line = Text(f"HTTP/{self.head.http_version} ", "dim").append(str(self.head.status), "bold green")
            line.append(f" {visible(self.head.reason)}", "green")
            self.console.print(line, soft_wrap=True)
            self.console.print(headers(self.head.headers), soft_wrap=True)
            self.console.print()
        self.console.file.flush()

    def write(self, data: bytes) -> None:
        self.waiting += self.decoder.decode(data[: max(0, self.limit - self.came)])
        self.came += len(data)
        whole, newline, rest = self.waiting.rpartition("\n")
        if newline:
            self._show(whole)
        if len(rest) > LONGEST:
            self.console.file.write(visible(rest, lines=True))
            rest = ""
        self.waiting = rest
        self.console.file.flush()

    def end(self) -> None:
        if rest := self.waiting + self.decoder.decode(b"", final=True):
            self._show(rest)
        if self.came > self.limit:
            self.console.print(Text(f"… {size(self.came)} in all, --max-body shows more", "dim italic"))

    def _show(self, text: str) -> None:
        shown = coloured(lines(text)) if self.is_json else visible(text, lines=True)
        if isinstance(shown, str):
            self.console.file.write(f"{shown}\n")
        else:
            self.console.print(shown, soft_wrap=True)
