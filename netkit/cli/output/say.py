"""A diagnostic: what failed and what to do, in one or two lines on standard error."""

import sys
from contextlib import suppress

from netkit.cli.output.escape import visible

MAX_LINE = 2000  # characters of it; a URL that a server redirects to may have 64 Ki, and be in it five times


def say(line: str, hint: str | None = None) -> None:
    """A diagnostic on standard error; what a peer or user put into it cannot reach the terminal raw."""
    with suppress(OSError, ValueError):  # a closed standard error changes nothing about the exit code
        sys.stderr.write(visible(_short(line)) + "\n")
        if hint:
            sys.stderr.write(f"hint: {visible(_short(hint))}\n")
        sys.stderr.flush()


def _short(text: str) -> str:
    """Cut in its middle where it is too long to be read: at the end stands why."""
    half = MAX_LINE // 2
    return text if len(text) <= MAX_LINE else f"{text[:half]}… {len(text) - 2 * half} more …{text[-half:]}"
