"""Messages on their way into a file: every split gives the same, and what mboxrd quotes can be read back."""

import re

import pytest

from netkit.mail.filed import FromQuoter, LineFeeds

QUOTED = {
    b"From a\n": b">From a\n",
    b">>From a\n": b">>>From a\n",
    b"a\nFrom b\n\n>From c\nFrom": b"a\n>From b\n\n>>From c\nFrom",
    b"From\n From \nxFrom \n>x>From \nFromage\nFROM x\n": b"From\n From \nxFrom \n>x>From \nFromage\nFROM x\n",
    b"FrFrom \nF\nFr\nFro\nFrom \n>>": b"FrFrom \nF\nFr\nFro\n>From \n>>",
    b"\n\n>\n>From ": b"\n\n>\n>>From ",
    b"": b"",
}


@pytest.mark.parametrize(("text", "quoted"), QUOTED.items())
def test_every_split(text: bytes, quoted: bytes) -> None:
    for size in range(1, len(text) + 1):
        quoter = FromQuoter()
        pieces = [quoter.feed(text[at : at + size]) for at in range(0, len(text), size)]
        assert b"".join(pieces) + quoter.end() == quoted
    for cut in range(len(text) + 1):
        quoter = FromQuoter()
        assert quoter.feed(text[:cut]) + quoter.feed(text[cut:]) + quoter.end() == quoted
    assert re.sub(rb"^>(>*From )", rb"\1", quoted, flags=re.MULTILINE) == text


def test_an_endless_line_is_not_held() -> None:
    quoter = FromQuoter()
    assert sum(len(quoter.feed(b">" * 1000)) for _ in range(1000)) == 1_000_000
    assert quoter.feed(b"From x") == b">From x"
    assert sum(len(quoter.feed(b"From ")) for _ in range(1000)) == 5000


def test_line_ends() -> None:
    text, expected = b"a\r\nb\rc\nd\r\r\n\r\n\r", b"a\nb\rc\nd\r\n\n\r"
    for cut in range(len(text) + 1):
        lines = LineFeeds()
        assert lines.feed(text[:cut]) + lines.feed(text[cut:]) + lines.end() == expected
    lines = LineFeeds()
    assert b"".join(lines.feed(text[at : at + 1]) for at in range(len(text))) + lines.end() == expected
