"""Messages made elsewhere: kept to the byte but for line ends, whatever the pieces they are read in."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.mail.dots import Newlines
from netkit.mail.message import raw as module
from netkit.mail.message.content import BareNewline
from netkit.mail.message.raw import MAX_HEADER, Raw


def source(data: bytes) -> module.Source:
    @contextmanager
    def opened() -> Iterator[io.BytesIO]:
        yield io.BytesIO(data)

    return opened


def sent(data: bytes, **options: object) -> bytes:
    raw = Raw(source(data), **options)  # type: ignore[arg-type]
    message = raw.message(utf8=False)
    out = b"".join(message.chunks())
    assert len(out) == message.content.size
    assert out == b"".join(message.chunks())
    assert message.content.eight_bit is not out.isascii()
    return out


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"A: b\r\n\r\nbody\r\n", b"A: b\r\n\r\nbody\r\n"),
        (b"A: b\n\nbody", b"A: b\r\n\r\nbody\r\n"),
        (b"A: b\r\rx\ry", b"A: b\r\n\r\nx\r\ny\r\n"),
        (b"A: b\n\n.\n..\n", b"A: b\r\n\r\n.\r\n..\r\n"),
        (b"\n", b"\r\n"),
        (b"\r\nbody\n", b"\r\nbody\r\n"),
        (b"A: b", b"A: b\r\n"),
        (b"A: b\r\n", b"A: b\r\n"),
        (b"From x Fri Jan 2\nA: b\n\nFrom y\n", b"A: b\r\n\r\nFrom y\r\n"),
        (b"A: caf\xe9\n\n\xff\n", b"A: caf\xe9\r\n\r\n\xff\r\n"),
        (b"A: b\n\nx\r", b"A: b\r\n\r\nx\r\n"),
        (b"A: b\n\nx\n\r\n\r", b"A: b\r\n\r\nx\r\n\r\n\r\n"),
    ],
)
def test_line_ends_are_made_whole(data: bytes, wanted: bytes) -> None:
    assert sent(data) == wanted


@settings(max_examples=150)
@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"B: c", b".", b"\xff", b" "]), min_size=1, max_size=12),
    st.integers(1, 7),
)
def test_as_one_piece_would_be(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    lines = Newlines()
    wanted = lines.feed(data) + lines.end()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", size)
        assert sent(data) == (wanted if wanted.endswith(b"\r\n") else wanted + b"\r\n")


def test_nothing_is_no_message() -> None:
    with pytest.raises(BadInput, match="the message is empty"):
        sent(b"")


def test_lone_newlines_can_be_refused_or_sent() -> None:
    with pytest.raises(BadInput, match="line 3 of the message has a lone LF"):
        sent(b"A: b\r\n\r\nx\ny\r\n", bare=BareNewline.reject)
    with pytest.raises(BadInput, match="line 1 of the message has a lone CR"):
        sent(b"A: b\rC: d\r\n\r\n", bare=BareNewline.reject)
    assert sent(b"A: b\r\n\r\nx\r\n", bare=BareNewline.reject) == b"A: b\r\n\r\nx\r\n"
    assert sent(b"A: b\r\n\r\nx\n.\ny\r\n", bare=BareNewline.send) == b"A: b\r\n\r\nx\n.\ny\r\n"


@pytest.mark.parametrize("size", [7, 64 * 1024])
def test_long_lines(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PIECE", size)
    fits = b"A: b\r\n\r\n" + b"x" * 998 + b"\r\n"
    assert sent(fits) == fits
    for length in (999, 2000, 100_000):
        long = b"A: b\r\n\r\n" + b"x" * length + b"\r\nend\r\n"
        with pytest.raises(BadInput, match="line 3 of the message has"):
            sent(long)
        assert sent(long, long_lines=True) == long


def test_recipients_from_the_header() -> None:
    data = (
        b"From: Ann <ann@x.test>\nTo: b@x.test,\n c@x.test\nCC: Dan <d@x.test>\nTo: e@x.test\n"
        b"bcc:\n f@x.test\nSubject: x\n\nBcc: body\n"
    )
    raw = Raw(source(data), without=(b"bcc",))
    assert raw.mailboxes(b"to") == ["b@x.test", "c@x.test", "e@x.test"]
    assert raw.mailboxes(b"cc") == ["d@x.test"]
    assert raw.mailboxes(b"bcc") == ["f@x.test"]
    assert b"".join(raw.chunks()) == data.replace(b"bcc:\n f@x.test\n", b"").replace(b"\n", b"\r\n")


def test_nobody_in_a_long_list_is_left_out() -> None:
    everybody = [f"u{number}@x.test" for number in range(1500)]
    data = ("To: " + ",\n ".join(everybody) + "\n\n").encode()
    assert Raw(source(data)).mailboxes(b"to") == everybody


def test_an_address_in_the_header_is_checked() -> None:
    with pytest.raises(BadInput, match="To of the message"):
        Raw(source(b"To: not-an-address\n\n")).mailboxes(b"to")


def test_a_header_has_a_limit() -> None:
    with pytest.raises(BadInput, match="no empty line within"):
        Raw(source(b"a: b\n" * (MAX_HEADER // 5 + 1)))
