"""Cuts HTML and XML into tags, comments and text, to be coloured; every character stays and none is interpreted.

A scan that goes forward alone, since what is cut comes from a server: regular expressions for HTML, and the lexers
made of them, can be made to take minutes. So quotes within tags are not looked at, and scripts are text.
"""

from collections.abc import Iterator


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """("tag" | "comment" | "text", characters)."""
    place = 0
    while place < len(text):
        start = text.find("<", place)
        if start < 0 or start + 1 == len(text):
            break
        kind, close = ("comment", "-->") if text.startswith("<!--", start) else ("tag", ">")
        named = kind == "comment" or text[start + 1].isalpha() or text[start + 1] in "/!?"
        end = text.find(close, start + 1) if named else start
        if end < 0:  # it never ends, and neither does one behind it
            break
        if start > place:
            yield "text", text[place:start]
        end = end + len(close) if named else start + 1
        yield kind if named else "text", text[start:end]
        place = end
    if place < len(text):
        yield "text", text[place:]
