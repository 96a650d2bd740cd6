"""Which proxy a URL goes through: the forms of one, the environment as curl reads it, what is reached without."""

import pytest

from netkit.errors import BadInput, Insecure
from netkit.http import parse_url
from netkit.http.proxy import Proxies, bypassed, from_environment, parse_bypass, parse_proxy
from netkit.net.route import Proxy


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("proxy.test", Proxy("http", "proxy.test", 1080)),
        ("proxy.test:80", Proxy("http", "proxy.test", 80)),
        ("http://proxy.test:3128/", Proxy("http", "proxy.test", 3128)),
        ("HTTPS://proxy.test", Proxy("https", "proxy.test", 443)),
        ("socks://127.0.0.1:9050", Proxy("socks4", "127.0.0.1", 9050)),
        ("socks5h://[::1]", Proxy("socks5h", "::1", 1080)),
        ("socks5h://[::1]:9050", Proxy("socks5h", "::1", 9050)),
        ("https://joe@proxy.test", Proxy("https", "proxy.test", 443, "joe")),
    ],
)
def test_forms(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text, "--proxy") == proxy


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no host"),
        ("http://", "no host"),
        ("ftp://proxy.test", "'ftp' is none of http, https"),
        ("http://proxy.test:0", "port 0 is outside"),
        ("http://proxy.test/path", "nothing behind it"),
        ("http://proxy.test?x", "nothing behind it"),
        ("http://pro xy", "a space"),
        ("http://[fe80::1%25lo]:1", "on a link of its own"),
        ("http://joe:secret@127.0.0.1", "seen by every user"),
        ("http://jo%0ae@127.0.0.1", "a control character"),
        ("http://a%3ab@127.0.0.1", "no ':'"),
        ("http://0177.1:80", "not an IPv4 address"),
    ],
)
def test_bad_ones(text: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_proxy(text, "--proxy")
    assert words in caught.value.message
    assert "secret" not in caught.value.message


def test_a_login_goes_to_a_proxy_of_this_machine_or_over_tls() -> None:
    assert parse_proxy("http://joe@localhost", "x", password="p").password == "p"
    assert parse_proxy("https://joe@proxy.test", "x", password="p").password == "p"
    assert "'p'" not in repr(parse_proxy("https://joe@proxy.test", "x", password="p"))
    for scheme in ("http", "socks5", "socks5h"):
        with pytest.raises(Insecure) as caught:
            parse_proxy(f"{scheme}://joe@proxy.test", "x", password="p")
        assert caught.value.kind == "plaintext_secret"


A, B = "http://127.0.0.1:1", "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("environ", "http", "https"),
    [
        ({}, None, None),
        ({"http_proxy": A}, A, None),
        ({"HTTP_PROXY": A}, None, None),  # httpoxy: what a CGI program finds there is the client's
        ({"https_proxy": A, "HTTPS_PROXY": B}, None, A),
        ({"HTTPS_PROXY": B}, None, B),
        ({"all_proxy": A}, A, A),
        ({"ALL_PROXY": A, "https_proxy": B}, A, B),
        ({"http_proxy": "", "all_proxy": B}, B, B),
        ({"http_proxy": A, "no_proxy": "*"}, None, None),
        ({"http_proxy": A, "no_proxy": "", "NO_PROXY": "*"}, None, None),
    ],
)
def test_the_environment(environ: dict[str, str], http: str | None, https: str | None) -> None:
    found = from_environment(environ)
    assert [one and str(one) for one in found[:2]] == [http, https]


def test_the_environment_may_have_the_password_and_a_mistake_names_the_variable() -> None:
    proxy = from_environment({"http_proxy": "http://joe:s%40cret@127.0.0.1"}).http
    assert isinstance(proxy, Proxy)
    assert (proxy.user, proxy.password, str(proxy)) == ("joe", "s@cret", "http://127.0.0.1:1080")
    with pytest.raises(BadInput, match="https_proxy 'nonsense://x'"):
        from_environment({"https_proxy": "nonsense://x"}).chosen(parse_url("https://h/"))
    with pytest.raises(BadInput, match="http_proxy 'http://h:x'") as caught:
        from_environment({"http_proxy": "http://joe:secret@h:x"}).chosen(parse_url("http://h/"))
    assert "secret" not in caught.value.message


def test_a_proxy_that_cannot_be_used_matters_to_those_who_would_use_it_alone() -> None:
    found = from_environment({"http_proxy": "http://joe:secret@far.test", "no_proxy": "localhost"})
    with pytest.raises(Insecure, match="the login would go over the network in clear text"):
        found.chosen(parse_url("http://near.test/"))
    assert found.chosen(parse_url("http://localhost/")) is None
    assert found.chosen(parse_url("https://near.test/")) is None


@pytest.mark.parametrize(
    ("host", "pattern", "without"),
    [
        ("example.com", "example.com", True),
        ("www.example.com", "example.com", True),
        ("www.example.com", ".example.com", True),
        ("example.com", ".example.com", True),
        ("example.com.", "example.com", True),
        ("badexample.com", "example.com", False),
        ("example.com", "www.example.com", False),
        ("anything", "*", True),
        ("a.test", "b.test, a.test", True),
        ("a.test", "b.test a.test", True),
        ("a.test", "", False),
        ("a.test", ".", False),
        ("192.0.2.7", "192.0.2.7", True),
        ("192.0.2.7", "192.0.2.0/24", True),
        ("192.0.3.7", "192.0.2.0/24", False),
        ("192.0.2.7", "2.7", False),  # an address has no domains
        ("192.0.2.7", "192.0.2.0/99", False),
        ("2001:db8::1", "2001:db8::1", True),
        ("2001:db8::1", "[2001:DB8::1]", True),
        ("2001:db8::1", "2001:db8:0::1", True),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db8::1", "192.0.2.0/24", False),
    ],
)
def test_what_is_reached_without(host: str, pattern: str, without: bool) -> None:
    assert bypassed(host, parse_bypass(pattern)) is without


def test_each_scheme_has_its_proxy() -> None:
    first, second = parse_proxy(A, "x"), parse_proxy(B, "x")
    proxies = Proxies(first, second, ("c.test",))
    chosen = [proxies.chosen(parse_url(url)) for url in ("http://a.test", "https://a.test", "https://c.test")]
    assert chosen == [first, second, None]
