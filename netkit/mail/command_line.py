"""A command of SMTP or POP3 as it goes on the wire: words, spaces between, CRLF behind."""

from collections.abc import Sequence

from netkit.errors import BadInput


def command_line(words: Sequence[str], most: int, protocol: str) -> bytes:
    """most: bytes of a line. Raises BadInput for what a line cannot hold: a control character, or too many bytes.

    What was no UTF-8 on the command line goes as the bytes that it was.
    """
    line = " ".join(words)
    for place, character in enumerate(line):
        if ord(character) < 32 or ord(character) == 127:
            raise BadInput(
                f"{words[0]}: a control character (U+{ord(character):04X}) at position {place - len(words[0])}"
            )
    data = line.encode("utf-8", "surrogateescape") + b"\r\n"
    if len(data) > most:
        raise BadInput(f"{words[0]}: {len(data)} bytes are more than {protocol} command holds ({most})")
    return data
