"""URLs as users write them and servers send them."""

import pytest

from netkit.errors import BadInput
from netkit.http.url import Unsupported, join, parse_url


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("example.com", "https://example.com/"),
        ("example.com/p?q=1#frag", "https://example.com/p?q=1"),
        ("localhost", "http://localhost/"),
        ("a.localhost:81/x", "http://a.localhost:81/x"),
        ("127.0.0.1:8080/p", "http://127.0.0.1:8080/p"),
        (":8080/p", "http://127.0.0.1:8080/p"),
        ("[::1]:8080", "http://[::1]:8080/"),
        ("HTTP://EXAMPLE.com:80/A", "http://example.com/A"),
        ("https://example.com:443", "https://example.com/"),
        ("https://example.com:8443?x", "https://example.com:8443/?x"),
        ("https://user:pw@example.com/", "https://example.com/"),
        ("https://bücher.example/ü?k=ö", "https://xn--bcher-kva.example/%C3%BC?k=%C3%B6"),
        ("http://h/a/../b/./c/..", "http://h/b/"),
        ("http://h/../../x", "http://h/x"),
        ("http://h/%7euser/100%", "http://h/%7euser/100%25"),
        ("http://h/a%2e%2e/b", "http://h/a%2e%2e/b"),
        ('http://h/"<>|^`{}', "http://h/%22%3C%3E%7C%5E%60%7B%7D"),
    ],
)
def test_forms(text: str, shown: str) -> None:
    assert str(parse_url(text)) == shown


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the URL is empty"),
        ("ftp://example.com/", "scheme 'ftp' is not http or https"),
        ("file:///etc/passwd", "scheme 'file' is not http or https"),
        ("http:///x", "no host"),
        ("http:/x", "'//' is missing"),
        ("http://", "no host"),
        ("http://h:0/", "port 0 is outside 1 to 65535"),
        ("http://h:65536/", "port 65536 is outside"),
        ("http://h:99999999999999/", "is outside 1 to 65535"),
        ("http://h:x/", "port 'x' is not a number"),
        ("http://joe:se/cret@h/", "the URL's port is not a number"),
        ("http://h/a b", "a space at character 11"),
        ("http://h/a\r\nX: y", "CR at character 11"),
        ("http://h/\n", "LF at character 10"),
        ("http://h/\0", "NUL at character 10"),
        ("http://[::1", "'[' is never closed"),
        ("http://[fe80::1]/", "fe80::1 is on every link: it needs an interface"),
        ("http://[FEbf::1]/", "it needs an interface"),
        ("http://[v6]/", "only an IPv6 address stands in brackets"),
        ("http://[::zz]/", "not an IPv6 address"),
        ("http://::1/", "more than one ':'"),
        (f"http://{'a' * 64}.example/", "label 1 is 64 octets long"),
        ("http://a..b/", "label 2 is empty"),
        ("http://0177.1/", "octal, hexadecimal, short"),
        ("http://0x7f000001/", "octal, hexadecimal, short"),
        ("http://h%41/", "'%' is not allowed in a host name"),
        ("http://good.example\\@evil.example/", "a backslash"),
        ("http://h/" + "a" * 70_000, "the limit is 65536"),
    ],
)
def test_bad_input(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_url(text)
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_userinfo_is_decoded_and_never_shown() -> None:
    url = parse_url("https://us%40er:p%3Aw@h/x")
    assert (url.user, url.password) == ("us@er", "p:w")
    assert "p:w" not in repr(url) + str(url) + url.wire
    with pytest.raises(BadInput) as caught:
        parse_url("http://user:secret@h:0/")
    assert "secret" not in caught.value.message


def test_query_pairs_are_appended_encoded() -> None:
    url = parse_url("http://h/?a=1", query=[("k&=", "v +é"), ("flag", None)])
    assert url.query == "a=1&k%26%3D=v%20%2B%C3%A9&flag"


def test_a_zone_goes_out_encoded() -> None:
    url = parse_url("http://[fe80::1%lo]:8080/")
    assert (url.wire, url.address) == ("http://[fe80::1%25lo]:8080/", "[fe80::1]:8080")


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("/x", "http://h/x"),
        ("x", "http://h/a/x"),
        ("../x", "http://h/x"),
        ("?q", "http://h/a/b?q"),
        ("", "http://h/a/b?old"),
        ("//other/x", "http://other/x"),
        ("https://other:444/x", "https://other:444/x"),
        ("/with space", "http://h/with%20space"),
        ("/caf\xc3\xa9", "http://h/caf%C3%A9"),
        ("/caf\xe9", "http://h/caf%E9"),
    ],
)
def test_join(reference: str, target: str) -> None:
    assert str(join(parse_url("http://h/a/b?old"), reference)) == target


@pytest.mark.parametrize("reference", ["file:///etc/passwd", "ftp://h/", "javascript:alert(1)", "data:,x"])
def test_join_opens_no_other_scheme(reference: str) -> None:
    with pytest.raises(Unsupported):
        join(parse_url("http://h/"), reference)


@pytest.mark.parametrize("reference", ["http://[bad/", "http:x", "/a\x00b", "/a\x1b[31m", "http://h:0/"])
def test_join_refuses_what_is_no_url(reference: str) -> None:
    with pytest.raises(BadInput):
        join(parse_url("http://h/"), reference)
