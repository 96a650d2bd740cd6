"""Lays out JSON for reading, token by token: every number, key and string stays letter for letter what it was.

`json.loads` and `dumps` would round numbers, drop duplicate keys and rewrite escapes, so the text is only cut into
tokens (RFC 8259) and given new white space. What is no JSON, or is nested too deep to be read, is not touched. JSON
Lines keep their lines, and their white space with them.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

MAX_DEPTH = 100  # levels; deeper needs more indentation than text

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
    |(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![0-9A-Za-z.+-])
    |(?P<word>true|false|null)(?![0-9A-Za-z])
    |(?P<mark>[][{},:])""",
    re.VERBOSE,
)
Token = tuple[str, str]  # ("string" | "number" | "word" | "mark", text)


def tokens(text: str, *, spaces: bool = False) -> list[Token] | None:
    """The tokens, by default without the white space; None when a character fits none."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        place = match.end()
        if match.lastgroup and (spaces or match.lastgroup != "space"):
            found.append((match.lastgroup, match[0]))
    return found


def lines(text: str) -> Iterator[Token]:
    """JSON Lines: the pieces of each line as it stands, a line that is no JSON as one."""
    for number, line in enumerate(text.removesuffix("\n").split("\n")):
        if number:
            yield "space", "\n"
        line = line.removesuffix("\r")
        found = tokens(line, spaces=True)
        sound = found and _sound([token for token in found if token[0] != "space"])
        yield from _keyed(found) if found and sound else [("text", line)]


def _keyed(found: list[Token]) -> Iterator[Token]:
    """With the strings named that are keys: those with a colon behind them."""
    marks = [place for place, (kind, _) in enumerate(found) if kind != "space"]
    following = dict(pairwise(marks))
    for place, (kind, text) in enumerate(found):
        is_key = kind == "string" and place in following and found[following[place]] == ("mark", ":")
        yield ("key" if is_key else kind), text


def layout(text: str, *, indent: int = 2) -> Iterator[Token] | None:
    """Pieces to print, `("key", ...)` and `("space", ...)` among them; None when it is not JSON. Several values
    one after the other (JSON Lines) stand on lines of their own."""
    found = tokens(text)
    if not found or not _sound(found):
        return None
    return _pieces(found, indent)


def _sound(found: list[Token]) -> bool:
    """Whether the tokens make values by the grammar, no deeper than MAX_DEPTH."""
    stack: list[str] = []
    expect = "value"  # what may come: value, key, colon, after (a comma or a closing)
    first = False  # directly behind an opening: a closing may come, too
    for kind, text in found:
        closes = text in ("}", "]") and kind == "mark"
        if closes:
            if not stack or {"{": "}", "[": "]"}[stack[-1]] != text or not (first or expect == "after"):
                return False
            stack.pop()
        elif expect == "value":
            if kind == "mark" and text not in ("{", "["):
                return False
            if kind == "mark":
                stack.append(text)
                if len(stack) > MAX_DEPTH:
                    return False
                expect, first = ("key" if text == "{" else "value"), True
                continue
        elif expect == "key":
            if kind != "string":
                return False
            expect, first = "colon", False
            continue
        elif text != (":" if expect == "colon" else ","):
            return False
        else:
            expect = "value" if expect == "colon" or stack[-1] == "[" else "key"
            first = False
            continue
        expect, first = ("after" if stack else "value"), False
    return not stack and expect == "value" and not first


def _pieces(found: list[Token], indent: int) -> Iterator[Token]:
    depth = 0
    begun = False
    for place, (kind, text) in enumerate(found):
        following = found[place + 1] if place + 1 < len(found) else None
        previous = found[place - 1] if place else None
        if kind == "mark" and text in "}]":
            depth -= 1
            if previous and previous[1] not in ("{", "["):
                yield "space", "\n" + " " * indent * depth
        elif depth == 0 and begun:
            yield "space", "\n"
        begun = True
        if kind == "string" and following == ("mark", ":"):
            yield "key", text
        else:
            yield kind, text
        if kind == "mark":
            if text == ":":
                yield "space", " "
            elif text == ",":
                yield "space", "\n" + " " * indent * depth
            elif text in "{[":
                depth += 1
                if following and following[1] not in ("}", "]"):
                    yield "space", "\n" + " " * indent * depth
