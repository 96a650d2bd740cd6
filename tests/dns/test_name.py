"""Names as users write them, to the wire and back, and the rule that a bad one breaks."""

import dns.name
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.dns.name import canonical_ip, is_ip, label_text, parse_name, reverse_name, suggestion, to_text, to_wire
from netkit.errors import BadInput


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        (".", b"\0"),
        ("www.test", b"\3www\4test\0"),
        ("WWW.Test.", b"\3www\4test\0"),
        ("faß.example", b"\x0dxn--fa-hia\x07example\0".replace(b"\x0d", b"\x0a")),
        (r"a\.b.test", b"\3a.b\4test\0"),
        (r"a\.b.test.", b"\3a.b\4test\0"),
        (r"\000\255\065.test", b"\3\0\xffA\4test\0"),
        (r"\\.\@", b"\1\\\1@\0"),
        ("_sip._tcp.test", b"\4_sip\4_tcp\4test\0"),
        ("*.test", b"\1*\4test\0"),
        ("x" * 63, b"\x3f" + b"x" * 63 + b"\0"),
    ],
)
def test_parse_name(text: str, wire: bytes) -> None:
    assert parse_name(text) == wire


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the name is empty"),
        ("..", "'..': label 1 is empty (two dots in a row, or a dot in front)"),
        ("a..b", "'a..b': label 2 is empty (two dots in a row, or a dot in front)"),
        ("x" * 64, f"'{'x' * 60}…': label 1 is 64 octets long, the limit is 63"),
        (".".join(["x" * 63] * 4), f"'{'x' * 60}…': the name is 255 octets long, the limit is 253"),
        ("1.2.3", None),
        ("010.0.0.1", None),
        ("1.2.3.4.5", "'1.2.3.4.5': the last label of a name is never a number (RFC 3696 section 2)"),
        ("a b", "'a b': ' ' is not allowed in a name"),
        ("a\x1b[31m", r"'a\x1b[31m': '\x1b' is not allowed in a name"),
        (r"a\.b..c", r"'a\\.b..c': label 2 is empty"),
        (r".a\.b", r"'.a\\.b': label 1 is empty"),
        (r"a\256", r"'a\\256': \256 is more than an octet holds"),
        (r"a\25", r"'a\\25': a backslash needs a character or three digits behind it"),
        ("a\\", r"'a\\': a backslash needs a character or three digits behind it"),
        ("\\a b", r"'\\a b': ' ' is not allowed in a name with escapes"),
        (r"\." + "x" * 63, None),
        (r"\x" + ".y" * 127, "the name is 257 octets long on the wire, the limit is 255"),
    ],
)
def test_bad_names(text: str, message: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        parse_name(text)
    if message is not None:
        assert caught.value.message == message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("http://x.test/y?z", "did you mean x.test?"),
        ("https://user@x.test:8443", "did you mean x.test?"),
        ("x.test:53", "did you mean x.test?"),
        ("x.test:domain", "did you mean x.test?"),
        ("me@x.test", "did you mean x.test, or -t MX x.test?"),
        ("[2001:db8::1]", "did you mean 2001:db8::1?"),
        ("[::1]:53", "did you mean ::1?"),
        ("192.0.2.0/24", "is it a network? -i asks for each of its addresses"),
        ("2001:db8::/64", "is it a network? -i asks for each of its addresses"),
        ("1.2.3/24", None),
        ("x.test/24", None),
        (" x.test\t", "did you mean x.test?"),
        (" ", None),
        ("a b", None),
    ],
)
def test_what_may_have_been_meant(text: str, hint: str | None) -> None:
    assert suggestion(text) == hint
    with pytest.raises(BadInput) as caught:
        parse_name(text)
    assert caught.value.hint == hint


def test_the_longest_name() -> None:
    labels = [b"x" * 63, b"x" * 63, b"x" * 63]
    assert len(to_wire([*labels, b"y" * 61])) == 255
    with pytest.raises(BadInput, match="256 octets long on the wire"):
        to_wire([*labels, b"y" * 62])


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3))
def test_text_and_back(labels: list[bytes]) -> None:
    wire = to_wire(labels)
    text = to_text(wire)
    assert text.isprintable()
    assert " " not in text
    assert dns.name.from_text(text).to_wire() == wire
    assert parse_name("\\" + f"{labels[0][0]:03d}" + text[len(label_text(labels[0][:1])) :]) == wire


def test_text_of_the_root() -> None:
    assert to_text(b"\0") == "."


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("192.0.2.1", "1.2.0.192.in-addr.arpa."),
        ("::1", "1" + ".0" * 31 + ".ip6.arpa."),
        ("fe80::1%lo", "1" + ".0" * 28 + ".8.e.f.ip6.arpa."),
    ],
)
def test_reverse_names(address: str, name: str) -> None:
    assert is_ip(address)
    assert reverse_name(address) == name


@pytest.mark.parametrize(
    ("address", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("fe80::1%lo", "fe80::1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),  # as inet_ntop(3), so that it equals the data of an AAAA record
        ("::ffff:c000:201", "::ffff:192.0.2.1"),
    ],
)
def test_canonical_addresses(address: str, canonical: str) -> None:
    assert canonical_ip(address) == canonical


@pytest.mark.parametrize(
    "text", ["", "1.2.3", "1.2.3.4.", "1.2.3.256", "::g", "a:b", "x", "01.2.3.4", "1:2", "[::1]", "::1%\udcff"]
)
def test_what_is_no_address(text: str) -> None:
    assert not is_ip(text)
