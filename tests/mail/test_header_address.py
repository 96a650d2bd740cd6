"""Address lists as they come; the standard library's word on those that are well formed."""

from email.utils import getaddresses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.mail.header_address import MAX_MAILBOXES, addresses

GOOD: list[tuple[bytes, list[tuple[str, str]]]] = [
    (b" a@b.test", [("", "a@b.test")]),
    (b" a@b.test\r\n", [("", "a@b.test")]),
    (b"<a@b.test>", [("", "a@b.test")]),
    (b"Ann <a@b.test>", [("Ann", "a@b.test")]),
    (b"Ann B. Cee <a@b.test>", [("Ann B. Cee", "a@b.test")]),
    (b'"Doe, John" <j@b.test>, a@b.test', [("Doe, John", "j@b.test"), ("", "a@b.test")]),
    (b'"A \\"B\\" C" <a@b.test>', [('A "B" C', "a@b.test")]),
    (b"a@b.test (Ann)", [("Ann", "a@b.test")]),
    (b"a@b.test (Ann (the first), no <x>)", [("Ann (the first), no <x>", "a@b.test")]),
    (
        b"Ann <a@b.test>,\r\n Bob <b@b.test>,\r\n\tc@b.test",
        [("Ann", "a@b.test"), ("Bob", "b@b.test"), ("", "c@b.test")],
    ),
    (b'"a b"@b.test', [("", '"a b"@b.test')]),
    (b"a@[IPv6:::1]", [("", "a@[IPv6:::1]")]),
    (b"Friends: a@b.test, Bob <b@b.test>;", [("", "a@b.test"), ("Bob", "b@b.test")]),
    (b"Undisclosed recipients:;", []),
    (b"", []),
]
LENIENT: list[tuple[bytes, list[tuple[str, str]]]] = [
    # Encoded words: decoded last
    (b"=?utf-8?Q?Doe=2C_J=C3=BCrgen?= <j@b.test>", [("Doe, Jürgen", "j@b.test")]),
    (b"=?utf-8?Q?Doe,_J(<:;>)?= <j@b.test>", [("Doe, J(<:;>)", "j@b.test")]),
    (b"=?utf-8?B?PGFAZXZpbD4s?= <j@b.test>", [("<a@evil>,", "j@b.test")]),
    (b'"=?utf-8?B?4pyT?=" <a@b.test>', [("✓", "a@b.test")]),
    (b"a@b.test (=?utf-8?B?4pyT?=)", [("✓", "a@b.test")]),
    (b"=?utf-8?Q?J=C3?=\r\n =?utf-8?Q?=BC?= <a@b.test>", [("Jü", "a@b.test")]),
    (b"<=?utf-8?Q?a=40c.test?=@b.test>", [("", "=?utf-8?Q?a=40c.test?=@b.test")]),
    # Raw bytes
    ("Jü <jü@exämple.test>".encode(), [("Jü", "jü@exämple.test")]),
    (b"Caf\xe9 <caf\xe9@b.test>", [("Café", "café@b.test")]),
    # Odd forms
    (b"a@b.test; c@b.test", [("", "a@b.test"), ("", "c@b.test")]),
    (b"Ann a@b.test", [("Ann", "a@b.test")]),
    (b"<a@b.test> Ann", [("Ann", "a@b.test")]),
    (b"Ann (x) <a(y)@b.test>", [("Ann", "a@b.test")]),
    (b"(x) <a@b.test>", [("x", "a@b.test")]),
    (b"a @ b.test", [("", "a@b.test")]),
    (b"< a@b.test >", [("", "a@b.test")]),
    (b"<@x.test,@y.test:a@b.test>", [("", "a@b.test")]),
    (b"a@b.test <a@b.test>", [("a@b.test", "a@b.test")]),
    (b"a@c.test <a@b.test>", [("a@c.test", "a@b.test")]),
    (b"Ann <x> <a@b.test>", [("Ann", "a@b.test")]),
    (b"Ann <a@b.test> <old@b.test>", [("Ann", "a@b.test")]),
    (b'Ann <"a > b"@b.test>', [("Ann", '"a > b"@b.test')]),
    (b"mailto:a@b.test", [("", "a@b.test")]),
    (b"a@b.test:25", [("", "a@b.test:25")]),
    (b"a@b@c.test", [("", "a@b@c.test")]),
    (b"Ann <a@b.test>>", [("Ann", "a@b.test")]),
    (b",, ;,", []),
    (b"<>", []),
    (b"MAILER-DAEMON <>", [("MAILER-DAEMON", "")]),
    (b"Somebody, root", [("Somebody", ""), ("root", "")]),
    (b"@", [("", "@")]),
    # What never ends
    (b'"Ann <a@b.test>, c@b.test', [("Ann", "a@b.test"), ("", "c@b.test")]),
    (b'Ann (x <a@b.test>, "B" <b@b.test>', [("Ann x", "a@b.test"), ("B", "b@b.test")]),
    (b"Ann <a@b.test, Bob <b@b.test>", [("Ann", "a@b.test"), ("Bob", "b@b.test")]),
    (b"Ann <a@b.test", [("Ann", "a@b.test")]),
    (b"a@[::1", [("", "a@[::1")]),
    (b"a@b.test\\", [("", "a@b.test\\")]),
    (b'Ann <"a@b.test>', [("Ann a@b.test", "")]),
]


@pytest.mark.parametrize(("raw", "expected"), GOOD + LENIENT)
def test_addresses(raw: bytes, expected: list[tuple[str, str]]) -> None:
    assert list(addresses(raw)) == expected


# email.utils of Python 3.11 takes "IPv6:" for a group, and drops the inner parentheses of a comment.
@pytest.mark.parametrize(("raw", "expected"), [row for row in GOOD if b"[" not in row[0] and b"(Ann (" not in row[0]])
def test_second_opinion(raw: bytes, expected: list[tuple[str, str]]) -> None:
    theirs = getaddresses([raw.decode().replace("\r\n", "").strip()])
    assert [pair for pair in theirs if pair != ("", "")] == expected


@pytest.mark.parametrize(("raw", "expected"), GOOD + LENIENT)
def test_every_truncation(raw: bytes, expected: list[tuple[str, str]]) -> None:
    for place in range(len(raw) + 1):
        for piece in (raw[:place], raw[place:]):
            for name, address in addresses(piece):
                assert (name + address).encode()


def test_no_more_than_the_limit() -> None:
    assert len(addresses(b"a@b.test," * MAX_MAILBOXES)) == MAX_MAILBOXES
    assert len(addresses(b"a@b.test," * (MAX_MAILBOXES + 1))) == MAX_MAILBOXES
    assert addresses(b"," * 5000 + b"a@b.test") == (("", "a@b.test"),)


_pieces = st.sampled_from([*(b"%c" % byte for byte in b'"\\()<>@,;:[] '), b"a", b"\r\n ", b"=?utf-8?Q?=2C?=", b"\xe9"])


@settings(deadline=None)
@given(st.lists(_pieces).map(b"".join) | st.binary())
def test_any_bytes(raw: bytes) -> None:
    for name, address in addresses(raw):
        assert name or address
        assert (name + address).encode()


_words = st.text(st.characters(categories=["L", "N", "Zs", "P", "S"]), min_size=1).map(
    lambda text: " ".join(text.split())
)


@settings(deadline=None)
@given(st.lists(_words.filter(lambda word: "=?" not in word), min_size=1, max_size=5))
def test_quoted_names_come_back(names: list[str]) -> None:
    quoted = [name.replace("\\", "\\\\").replace('"', '\\"') for name in names]
    raw = ", ".join(f'"{name}" <a{number}@b.test>' for number, name in enumerate(quoted))
    assert list(addresses(raw.encode())) == [(name, f"a{number}@b.test") for number, name in enumerate(names)]
