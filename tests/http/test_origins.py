"""Secrets and origins, over every kind of redirect to every kind of other origin; names on certificates that lie."""

from collections.abc import Callable
from typing import Any

import pytest

from netkit.http import Request, Response, fetch, parse_url
from netkit.http.headers import parse_header
from netkit.http.report import document
from netkit.net.route import Route

Serve = Callable[..., Any]
SECRETS: list[dict[str, Any]] = [
    {"auth": ("joe", "sesame")},
    {"bearer": "sesame"},
    {"auth": ("joe", "sesame"), "digest_auth": True},
    {"cookie": "c=sesame"},
    *(
        {"headers": (parse_header(f"{name}: sesame"),)}
        for name in ("Authorization", "Cookie", "X-Api-Key", "Api-Token")
    ),
]
HERE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhere"


def redirect(status: int, target: str) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("secret", SECRETS, ids=str)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_another_port_or_host_sees_no_secret(serve: Serve, status: int, secret: dict[str, Any], host: str) -> None:
    other = serve(HERE)
    server = serve(redirect(status, f"http://{host}:{other.port}/"))
    response = fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/"), **secret))
    assert response.body.content == b"here"
    first, second = server.requests[0], other.requests[0]
    assert not any(word in second for word in (b"sesame", b"Authorization", b"Cookie:", b"Api", b"joe"))
    assert (b"sesame" in first) is ("auth" not in secret)  # there it is in base64, or not yet
    assert second.startswith(b"GET / HTTP/1.1")
    assert "sesame" not in str(document(response))


def test_a_path_of_the_same_origin_gets_them_and_a_way_back_does_not(serve: Serve) -> None:
    answers = [redirect(302, "/two"), b"", HERE]
    server = serve(lambda connection, _: connection.sendall(answers.pop(0)))
    other = serve(redirect(302, f"http://127.0.0.1:{server.port}/three"))
    answers[1] = redirect(302, f"http://127.0.0.1:{other.port}/")
    fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/one"), auth=("joe", "sesame")))
    assert [b"Authorization" in one for one in server.requests] == [True, True, False]


def test_https_to_http_on_the_same_host_is_another_origin(serve: Serve, authority: Any) -> None:
    plain = serve(HERE)
    server = serve(redirect(302, f"http://localhost:{plain.port}/"), authority.context("localhost"))
    request = Request(
        parse_url(f"https://localhost:{server.port}/"),
        auth=("joe", "sesame"),
        allow_downgrade=True,
        route=Route(cacert=authority.ca),
    )
    assert fetch(request).body.content == b"here"
    assert b"Authorization" not in plain.requests[0]


def test_credentials_in_a_location_are_not_used(serve: Serve) -> None:
    other = serve(HERE)
    server = serve(redirect(302, f"http://evil:sesame@127.0.0.1:{other.port}/"))
    response = fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/")))
    assert [one.code for one in response.warnings] == ["redirect_userinfo"]
    assert b"Authorization" not in other.requests[0]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:1/", "javascript:1"])
def test_nothing_but_http_is_opened(serve: Serve, target: str) -> None:
    response = fetch(Request(parse_url(f"http://127.0.0.1:{serve(redirect(302, target)).port}/")))
    assert response.error is not None
    assert (int(response.exit_code), response.error.kind, len(response.hops)) == (1, "redirect_scheme", 1)


def test_a_redirect_cannot_add_a_header(serve: Serve) -> None:
    """CR LF does not get into a Location that is one line, and what is encoded stays so."""
    answers = [redirect(302, "/a%0d%0aX-Evil:%201"), HERE]
    server = serve(lambda connection, _: connection.sendall(answers.pop(0)))
    fetch(Request(parse_url(f"http://127.0.0.1:{server.port}/")))
    assert server.requests[1].lower().startswith(b"get /a%0d%0ax-evil:%201 http/1.1\r\nhost: ")
    assert b"\r\nX-Evil" not in server.requests[1]


# --- names on certificates that lie


def https(server: Any, authority: Any) -> Response:
    return fetch(Request(parse_url(f"https://localhost:{server.port}/"), route=Route(cacert=authority.ca)))


@pytest.mark.parametrize("place", ["CN", "SAN"])
def test_nul_in_a_name_does_not_end_it(serve: Serve, authority: Any, place: str) -> None:
    lie = "localhost\0.evil.test"
    context = authority.context("other.test", common=lie) if place == "CN" else authority.context(lie)
    server = serve(HERE, context)
    response = https(server, authority)
    assert response.error is not None
    assert int(response.exit_code) == 6
    assert response.error.kind in ("cert_wrong_host", "cert_invalid")
    assert server.requests == []


def test_expiry_is_told_with_its_dates_and_issuer(serve: Serve, authority: Any) -> None:
    response = https(serve(HERE, authority.context("localhost", days=(-10, -3))), authority)
    assert response.error is not None
    chain = document(response)["hops"][0]["tls"]["chain"]
    begin, end = chain[0]["not_before"][:10], chain[0]["not_after"][:10]
    assert f"expired 3 days ago (valid {begin} to {end}), issued by netkit test CA" in response.error.message
