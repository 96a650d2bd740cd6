"""What goes out with each hop: secrets to their own origin, and in clear text to this machine alone."""

from typing import Any

import pytest

from netkit.errors import BadInput, Insecure
from netkit.http import Request, parse_url
from netkit.http.headers import parse_header
from netkit.http.overrides import Overrides, parse_connect_to, parse_resolve
from netkit.http.proxy import Proxies, parse_proxy
from netkit.http.sender import Sender
from netkit.net.deadline import Deadline
from netkit.net.hop import Head, Hop
from netkit.net.route import Identity, Route

BASIC = ("Authorization", "Basic dTpw")
LOCAL, FAR = parse_proxy("http://127.0.0.1:3128", "x"), parse_proxy("proxy.test:3128", "x")


def sender(url: str, **more: Any) -> Sender:
    return Sender(Request(parse_url(url), **{"auth": ("u", "p"), **more}))


def fields(hop: Hop) -> dict[str, str | None]:
    return dict(hop.headers)


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://localhost/", {}),
        ("http://127.8.0.1/", {}),
        ("http://[::1]/", {}),
        ("https://example.com/", {}),
        ("https://example.com/", {"proxies": Proxies(FAR, FAR)}),  # CONNECT: it sees the name alone
        ("http://localhost/", {"proxies": Proxies(LOCAL, LOCAL)}),
        ("http://localhost/", {"proxies": Proxies(FAR, FAR, ("localhost",))}),
        ("http://example.com/", {"route": Route(unix_socket="/run/app")}),
        ("http://example.com/", {"overrides": Overrides((parse_resolve("example.com:127.0.0.1"),))}),
        ("http://example.com/", {"overrides": Overrides((), (parse_connect_to("::localhost:80"),))}),
    ],
)
def test_credentials_go_out(url: str, more: dict[str, Any]) -> None:
    assert BASIC in sender(url, **more).hop(parse_url(url)).headers


@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://example.com/", {}),
        ("http://localhost.example.com/", {}),
        ("http://example.com/", {"bearer": "t", "auth": None}),
        ("http://u:p@example.com/", {"auth": None}),
        ("http://localhost/", {"proxies": Proxies(FAR, FAR)}),  # whose localhost it is
        ("http://example.com/", {"proxies": Proxies(LOCAL, LOCAL)}),
        ("http://localhost/", {"overrides": Overrides((parse_resolve("localhost:192.0.2.1"),))}),
        ("http://localhost/", {"overrides": Overrides((parse_resolve("localhost:127.0.0.1,192.0.2.1"),))}),
        ("http://localhost/", {"overrides": Overrides((), (parse_connect_to("localhost::192.0.2.1:"),))}),
    ],
)
def test_credentials_in_clear_text_are_refused(url: str, more: dict[str, Any]) -> None:
    with pytest.raises(Insecure) as caught:
        sender(url, **more)
    assert caught.value.kind == "plaintext_secret"


def test_digest_may_go_in_clear_since_it_does_not_show_the_password() -> None:
    one = sender("http://example.com/", digest_auth=True)
    assert "Authorization" not in fields(one.hop(parse_url("http://example.com/")))
    with pytest.raises(BadInput, match="needs a user"):
        sender("http://example.com/", digest_auth=True, auth=None)


OTHERS = ["https://a.test:444/", "http://a.test/", "https://b.test/", "https://www.a.test/", "https://a.test.b.test/"]


@pytest.mark.parametrize("other", OTHERS)
def test_nothing_secret_reaches_another_origin(other: str) -> None:
    here = parse_url("https://a.test/")
    headers = ("Authorization: x", "Cookie: c=1", "X-Api-Key: k", "X-Auth-Token: t", "Host: mine", "Accept: a", "X: 1")
    request = Request(
        here,
        headers=tuple(map(parse_header, headers)),
        auth=("u", "p"),
        cookie="d=2",
        route=Route(identity=Identity(__file__)),
    )
    one = Sender(request)
    first = one.hop(here)
    assert (first.cookie, first.route.identity) == ("d=2; c=1", Identity(__file__))
    assert {"Authorization", "X-Api-Key", "X-Auth-Token", "Host"} <= fields(first).keys()
    assert one.leave(parse_url(other)) == ()
    second = one.hop(parse_url(other))
    assert (second.cookie, second.route.identity) == (None, None)
    assert fields(second).keys() == {"User-Agent", "Accept-Encoding", "Accept", "X"}
    assert fields(one.hop(here)).keys() == fields(second).keys()  # not even back where it began


def test_trusted_redirects_take_the_secrets_along_but_not_in_clear_text() -> None:
    request = Request(
        parse_url("https://a.test/"), headers=(parse_header("X-Api-Key: k"),), auth=("u", "p"), cookie="c=1",
        trust_redirects=True,
    )  # fmt: skip
    one = Sender(request)
    assert one.leave(parse_url("https://b.test/")) == ()
    hop = one.hop(parse_url("https://b.test/"))
    assert (hop.cookie, BASIC in hop.headers, fields(hop)["X-Api-Key"]) == ("c=1", True, "k")
    (warning,) = one.leave(parse_url("http://c.test/"))
    assert warning.code == "redirect_in_clear"
    hop = one.hop(parse_url("http://c.test/"))
    assert (hop.cookie, BASIC in hop.headers, "X-Api-Key" in fields(hop)) == (None, False, False)


def test_what_is_looked_up_by_the_users_servers() -> None:
    deadline = Deadline.after(1)

    def asked(url: str, **more: Any) -> str | None:
        one = sender(url, auth=None, dns_servers=("192.0.2.53",), **more)
        step = one.lookup(parse_url(url), deadline)
        return step.host if step else None

    assert asked("http://a.test/") == "a.test"
    assert asked("http://a.test/", overrides=Overrides((), (parse_connect_to("a.test:80:b.test:81"),))) == "b.test"
    assert asked("http://a.test/", proxies=Proxies(parse_proxy("socks5://127.0.0.1", "x"))) == "a.test"
    for url in ("http://localhost/", "http://x.localhost/", "http://127.0.0.1/", "http://[::1]/"):
        assert asked(url) is None
    assert asked("http://a.test/", overrides=Overrides((parse_resolve("a.test:127.0.0.1"),))) is None
    assert asked("http://a.test/", proxies=Proxies(parse_proxy("socks5h://127.0.0.1", "x"))) is None
    assert sender("http://a.test/", auth=None).lookup(parse_url("http://a.test/"), deadline) is None


def challenge(*values: str) -> Head:
    return Head(401, "", "1.1", tuple(("WWW-Authenticate", value) for value in values))


def test_a_challenge_is_answered_once_and_again_when_its_nonce_is_stale() -> None:
    url = parse_url("http://localhost/p?q")
    one = sender("http://localhost/p?q", digest_auth=True)
    assert not one.challenged(challenge('Basic realm="r"'))
    assert not one.challenged(Head(200, "", "1.1", challenge('Digest realm="r", nonce="n"').headers))
    first = challenge('Digest realm="r", nonce="n", qop="auth"')
    assert one.challenged(first)
    one.take(first)
    value = fields(one.hop(url))["Authorization"] or ""
    assert 'uri="/p?q"' in value
    assert "nc=00000001" in value
    assert "nc=00000002" in (fields(one.hop(url))["Authorization"] or "")
    assert not one.challenged(first)
    assert one.challenged(challenge('Digest realm="r", nonce="m", stale=true'))
    one.leave(parse_url("http://localhost:81/"))
    assert "Authorization" not in fields(one.hop(parse_url("http://localhost:81/")))
