"""A diagnostic: what failed and what to do, in one or two lines on standard error.

On a terminal that has colours `netkit:` and `hint:` stand out; by hand, since Rich takes longer than most commands.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from netkit.cli.output.escape import visible

MAX_LINE = 2000  # characters of it; a URL that a server redirects to may have 64 Ki, and be in it five times
ERROR, NOTE, HINT, PLAIN = "\x1b[1;31m", "\x1b[1;33m", "\x1b[36m", "\x1b[0m"

_asked = ""  # always or never, when the command line says so


def told_color(words: Sequence[str]) -> None:
    """Take what --color says from the command line, which an error in reading it must know as well."""
    global _asked
    _asked = ""
    for word, following in zip(words, [*words[1:], ""], strict=False):
        if word == "--color" or word.startswith("--color="):
            _asked = following if word == "--color" else word.partition("=")[2]


def coloured() -> bool:
    if _asked in ("always", "never"):
        return _asked == "always"
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and sys.stderr.isatty()


def say(line: str, hint: str | None = None, *, mark: str = ERROR) -> None:
    """A diagnostic on standard error; what a peer or user put into it cannot reach the terminal raw.

    mark: how the command's name in front of it looks where there are colours.
    """
    with suppress(OSError, ValueError):  # a closed standard error changes nothing about the exit code
        color = coloured()
        sys.stderr.write(_marked(visible(_short(line)), mark, color) + "\n")
        if hint:
            sys.stderr.write(_marked(f"hint: {visible(_short(hint))}", mark, color) + "\n")
        sys.stderr.flush()


def _marked(line: str, mark: str, color: bool) -> str:
    head, colon, rest = line.partition(": ")
    styles = {"netkit": mark, "hint": HINT}
    style = styles.get(head.split(" ")[0]) if color and colon else None
    return f"{style}{head}:{PLAIN} {rest}" if style else line


def _short(text: str) -> str:
    """Cut in its middle where it is too long to be read: at the end stands why."""
    half = MAX_LINE // 2
    return text if len(text) <= MAX_LINE else f"{text[:half]}… {len(text) - 2 * half} more …{text[-half:]}"
