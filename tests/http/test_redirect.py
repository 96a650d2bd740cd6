"""Redirect decisions, without a network."""

import pytest

from netkit.errors import Insecure, NetkitError, No, PeerError
from netkit.http.headers import Header
from netkit.http.redirect import decide, is_redirect, kept
from netkit.http.url import parse_url
from netkit.net.hop import Head


def head(location: str | None, status: int = 302) -> Head:
    return Head(status, "", "1.1", (("Location", location),) if location is not None else ())


@pytest.mark.parametrize(
    ("status", "location", "is_one"),
    [(code, "/x", True) for code in (301, 302, 303, 307, 308)]
    + [(code, "/x", False) for code in (200, 201, 300, 304, 305, 404)]
    + [(302, None, False), (302, "", False)],
)
def test_which_are_followed(status: int, location: str | None, is_one: bool) -> None:
    assert is_redirect(head(location, status)) is is_one


@pytest.mark.parametrize(
    ("start", "location", "target", "same"),
    [
        ("http://h/a", "/b", "http://h/b", True),
        ("http://h/", "http://h:80/b", "http://h/b", True),
        ("http://h/", "http://h:81/", "http://h:81/", False),
        ("http://h/", "https://h/", "https://h/", False),
        ("http://h/", "http://g/", "http://g/", False),
        ("https://h/", "//g/x", "https://g/x", False),
    ],
)
def test_targets_and_origins(start: str, location: str, target: str, same: bool) -> None:
    found = decide(head(location), [parse_url(start)], limit=10)
    assert (str(found.url), found.same_origin, found.warnings) == (target, same, ())


@pytest.mark.parametrize(
    ("start", "location", "error", "kind"),
    [
        ("http://h/", "file:///etc/passwd", No, "redirect_scheme"),
        ("http://h/", "ftp://h/", No, "redirect_scheme"),
        ("http://h/", "http://[bad/", PeerError, "redirect_target"),
        ("http://h/", "http:///x", PeerError, "redirect_target"),
        ("https://h/", "http://h/", Insecure, "downgrade"),
    ],
)
def test_refused(start: str, location: str, error: type[NetkitError], kind: str) -> None:
    with pytest.raises(error) as caught:
        decide(head(location), [parse_url(start)], limit=10)
    assert caught.value.kind == kind


def test_a_downgrade_may_be_allowed() -> None:
    found = decide(head("http://h/"), [parse_url("https://h/")], limit=10, allow_downgrade=True)
    assert (str(found.url), found.same_origin) == ("http://h/", False)


def test_the_limit_and_the_loop_are_told_apart() -> None:
    chain = [parse_url(f"http://h/{number}") for number in range(3)]
    with pytest.raises(PeerError) as caught:
        decide(head("/9"), chain, limit=2)
    assert caught.value.kind == "too_many_redirects"
    with pytest.raises(PeerError) as caught:
        decide(head("/1"), chain, limit=2)
    assert caught.value.kind == "redirect_loop"
    assert "http://h/2 → http://h/1" in caught.value.message


def test_credentials_in_a_location_are_dropped_with_a_warning() -> None:
    found = decide(head("http://u:p@g/x"), [parse_url("http://h/")], limit=10)
    assert (str(found.url), found.url.user) == ("http://g/x", None)
    assert [warning.code for warning in found.warnings] == ["redirect_userinfo"]


def test_what_stays_behind_on_another_origin() -> None:
    secret = ["Authorization", "cookie", "Proxy-Authorization", "X-Api-Key", "X-Auth-Token", "Private-Token", "Host"]
    headers = [Header(name, "x") for name in [*secret, "Accept-Language", "X-Trace"]]
    assert [header.name for header in kept(headers)] == ["Accept-Language", "X-Trace"]
