"""Messages taken apart: each kind of breakage gives the best there is, and no message takes long."""

import time

import pytest

from netkit.mail.parts import MAX_DEPTH, MAX_FIELDS, MAX_PARTS, content, header_fields, parameters, parts, text


def texts(data: bytes) -> list[tuple[str, str]]:
    return [(part.kind, text(data, part)) for part in parts(data).parts]


def test_a_plain_message() -> None:
    assert texts(b"Subject: x\r\n\r\nhello\r\n") == [("text/plain", "hello\n")]
    assert texts(b"\r\nhello") == [("text/plain", "hello")]
    assert texts(b"\nhello") == [("text/plain", "hello")]
    assert texts(b"Subject: x\n\nhello") == [("text/plain", "hello")]
    assert texts(b"Subject: x") == [("text/plain", "")]
    assert texts(b"") == [("text/plain", "")]


MIXED = (
    b'Content-Type: multipart/mixed; boundary="b b"\r\n\r\npreamble\r\n--b b\r\n\r\none\r\n--b b \t\r\n'
    b"Content-Type: TEXT/HTML; charset=iso-8859-1\r\n\r\n<p>caf\xe9\r\n\r\n--b bb\r\n--b b--\r\nepilogue\r\n"
)


def test_a_multipart() -> None:
    assert texts(MIXED) == [("text/plain", "one"), ("text/html", "<p>café\n\n--b bb")]
    assert texts(MIXED.replace(b"\r\n", b"\n")) == texts(MIXED)


def test_every_truncation_and_every_lost_byte_is_read() -> None:
    for cut in range(len(MIXED)):
        for data in (MIXED[:cut], MIXED[cut:], MIXED[:cut] + MIXED[cut + 1 :]):
            found = parts(data).parts
            assert found
            for part in found:
                assert 0 <= part.start <= part.end <= len(data)
                text(data, part)
            list(header_fields(data))


def test_nesting_and_numbers_have_limits() -> None:
    deep = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(100))
    (part,) = parts(deep).parts
    assert (part.kind, deep[: part.start].count(b"multipart")) == ("multipart/mixed", MAX_DEPTH + 1)
    many = parts(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 10_000)
    assert (len(many.parts), many.cut) == (MAX_PARTS, True)
    assert len(list(header_fields(b"a: b\r\n" * 5000))) == MAX_FIELDS


@pytest.mark.parametrize(
    ("raw", "value", "found"),
    [
        (b"text/plain", "text/plain", {}),
        (b' Text/Plain ; Charset = "utf-8" ; x', "text/plain", {"charset": "utf-8"}),
        (b'a/b; name="x\\"y;z"; name=second', "a/b", {"name": 'x"y;z'}),
        (b'a/b; name="open', "a/b", {"name": '"open'}),
        (b"a/b; name=two\r\n words", "a/b", {"name": "two words"}),
        (b"a/b; name*=utf-8'de'%C3%A9%zz", "a/b", {"name": "é%zz"}),
        (b"a/b; name*0*=utf-8''%C3; name*1*=%A9; name*2=\"%41\"; name*4=x", "a/b", {"name": "é%41"}),
        (b"a/b; name*1=x", "a/b", {"name": ""}),
        (b"a/b; name*=x-unknown''%E9", "a/b", {"name": "é"}),
        (b"a/b; name==?utf-8?Q?=C3=A9?=", "a/b", {"name": "é"}),
        (b"", "", {}),
    ],
)
def test_parameters(raw: bytes, value: str, found: dict[str, str]) -> None:
    assert parameters(raw) == (value, found)


@pytest.mark.parametrize(
    ("encoding", "raw", "plain"),
    [
        (b"base64", b"aGVs\r\nbG8=", b"hello"),
        (b"BASE64 ", b"aGVs*bG8", b"hello"),
        (b"base64", b"aGVsb", b"hel"),
        (b"base64", b"====", b""),
        (b"quoted-printable", b"a=\r\nb=3D=ZZ", b"ab==ZZ"),
        (b"8bit", b"\xff", b"\xff"),
        (b"x-other", b"=3D", b"=3D"),
    ],
)
def test_encodings(encoding: bytes, raw: bytes, plain: bytes) -> None:
    data = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + raw
    assert content(data, parts(data).parts[0]) == plain


def test_digests_hold_messages() -> None:
    data = b"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\n--b--"
    assert [part.kind for part in parts(data).parts] == ["message/rfc822"]


SIZE = 400_000
HEAD = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"--b" * (SIZE // 3),
        HEAD + b"\n--b" * (SIZE // 4),
        HEAD + b"\n--b" + b" " * SIZE,
        HEAD + (b"\n--b" + b" " * 300) * (SIZE // 300),
        HEAD + b"--b\r\nA: \r\n" + b" x\r\n" * (SIZE // 4),
        b"Content-Type: a/b" + b'; x="' * (SIZE // 5),
        b"Content-Type: a/b; x=" + b"\\" * SIZE,
        b": \n" * (SIZE // 3),
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(7000)),
    ],
    ids=range(9),
)
def test_no_message_takes_long(data: bytes) -> None:
    began = time.process_time()
    for part in parts(data).parts:
        text(data, part)
    list(header_fields(data))
    assert time.process_time() - began < 2  # what is not linear takes minutes
