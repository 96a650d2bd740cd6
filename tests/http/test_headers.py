"""Headers as users write them, and credentials."""

import pytest

from netkit.errors import BadInput
from netkit.http.headers import Credentials, Header, build, credentials, parse_header, wire
from netkit.http.url import parse_url


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("A: b", Header("A", "b")),
        ("a:b:c", Header("a", "b:c")),
        ("A:", Header("A", None)),
        ("A: ", Header("A", None)),
        ("A;", Header("A", "")),
        ("A:\tb\tc ", Header("A", "b\tc")),
    ],
)
def test_header_forms(text: str, header: Header) -> None:
    assert parse_header(text) == header


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nocolon", "has no ':'"),
        ("A: b\r\nX: y", "CR in the value"),
        ("A: b\nX: y", "LF in the value"),
        ("A: b\0", "NUL in the value"),
        ("A: \x1b[31m", "control character"),
        ("A b: c", "is not a token"),
        (": c", "is not a token"),
        ("A\r\nB: c", "is not a token"),
        ("A: " + "x" * 70_000, "the limit is 65536"),
    ],
)
def test_bad_headers(text: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        parse_header(text)


def test_defaults_give_way_to_what_is_given_or_left_out() -> None:
    built = build([Header("user-agent", "x"), Header("Accept", None)], None)
    assert [name for name, _ in built] == ["Accept-Encoding", "user-agent", "Accept"]
    assert dict(built)["Accept-Encoding"] == "gzip, deflate, br, zstd"


def test_identity_is_asked_for_a_file() -> None:
    assert dict(build([], None, identity=True))["Accept-Encoding"] == "identity"


def test_letters_beyond_ascii_go_out_as_utf8() -> None:
    assert wire([Header("A", "é")]) == (("A", "\xc3\xa9"),)


def test_basic_and_bearer() -> None:
    assert Credentials("Aladdin", "open sesame").header().value == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="  # RFC 7617
    assert Credentials(bearer="t").header().value == "Bearer t"
    assert "sesame" not in repr(Credentials("Aladdin", "open sesame"))
    assert "Basic" not in repr(Credentials("Aladdin", "open sesame").header())


@pytest.mark.parametrize(
    ("auth", "bearer"), [(("u:v", "p"), None), (("u", "p\n"), None), (None, "a b"), (None, ""), (("u", "p"), "t")]
)
def test_bad_credentials(auth: tuple[str, str] | None, bearer: str | None) -> None:
    with pytest.raises(BadInput):
        credentials(parse_url("https://h/"), auth, bearer)
