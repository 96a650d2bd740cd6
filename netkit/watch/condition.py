"""What `--until` waits for: all-up, any-data, all-closed, a count of lines, or a line that matches."""

import re
from typing import NamedTuple

from netkit.errors import BadInput

WORDS = ("all-up", "any-data", "all-closed")


class Condition(NamedTuple):
    """word: one of WORDS, "count" or "match"; lines: how many; pattern: for bytes."""

    word: str
    lines: int = 0
    pattern: re.Pattern[bytes] | None = None

    def __str__(self) -> str:
        if self.pattern is not None:
            return f"a line with {self.pattern.pattern.decode(errors='backslashreplace')!r}"
        return f"{self.lines} line{'s' * (self.lines != 1)}" if self.word == "count" else self.word


def parse(text: str) -> Condition:
    """`all-up`, `any-data`, `all-closed`, `5`, `count:5`, else an expression (also `re:...`). Raises BadInput."""
    if text in WORDS:
        return Condition(text)
    number = text.removeprefix("count:")
    if number.isascii() and number.isdecimal():
        if not 0 < int(number) < 10**9:
            raise BadInput(f"--until {text}: the count is from 1 to 999999999")
        return Condition("count", int(number))
    try:
        return Condition("match", pattern=re.compile(text.removeprefix("re:").encode()))
    except re.error as exc:
        words = ", ".join(WORDS)
        raise BadInput(
            f"--until {text}: no regular expression: {exc}", hint=f"{words}, a number of lines, or an expression"
        ) from exc
