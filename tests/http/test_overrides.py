"""`--resolve` and `--connect-to`: their forms, and which URL they are for."""

import pytest

from netkit.errors import BadInput
from netkit.http import parse_url
from netkit.http.overrides import Addresses, Detour, Overrides, parse_connect_to, parse_resolve


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("example.com:443:192.0.2.1", Addresses("example.com", 443, ("192.0.2.1",))),
        ("example.com:192.0.2.1", Addresses("example.com", None, ("192.0.2.1",))),
        ("Bücher.test:80:192.0.2.1,[2001:DB8:0::1]", Addresses("xn--bcher-kva.test", 80, ("192.0.2.1", "2001:db8::1"))),
        ("example.com:[::1]", Addresses("example.com", None, ("::1",))),
        ("*:80:127.0.0.1", Addresses("", 80, ("127.0.0.1",))),
        ("[::1]:80:127.0.0.1", Addresses("::1", 80, ("127.0.0.1",))),
    ],
)
def test_resolve(text: str, parsed: Addresses) -> None:
    assert parse_resolve(text) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "a", "a:80", "a:80:", ":80:127.0.0.1", "a:0:127.0.0.1", "a:80:b", "a:80:::1", "a:80:[::1", "a:80:127.1"],
)  # fmt: skip
def test_resolve_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_resolve(text)


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("a.test:80:b.test:81", Detour("a.test", 80, "b.test", 81)),
        ("::b.test:", Detour("", None, "b.test", None)),
        ("a.test:::81", Detour("a.test", None, "", 81)),
        ("[::1]:80:[::2]:81", Detour("::1", 80, "::2", 81)),
    ],
)
def test_connect_to(text: str, parsed: Detour) -> None:
    assert parse_connect_to(text) == parsed


@pytest.mark.parametrize("text", ["", "a:80:b", "a:80:b:81:82", "a:x:b:81", "a:80:b:99999", "::1:80:b:81"])
def test_connect_to_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_connect_to(text)


def test_the_first_that_fits_holds() -> None:
    overrides = Overrides(
        tuple(map(parse_resolve, ("a.test:80:127.0.0.1", "a.test:127.0.0.2", "*:443:127.0.0.3"))),
        tuple(map(parse_connect_to, ("a.test:81:b.test:", "::c.test:90"))),
    )
    hosts = [("a.test", 80), ("a.test", 443), ("z.test", 443), ("z.test", 80)]
    assert [overrides.resolved(*one) for one in hosts] == [("127.0.0.1",), ("127.0.0.2",), ("127.0.0.3",), ()]
    assert overrides.detour(parse_url("http://a.test:81/")) == ("b.test", 81)
    assert overrides.detour(parse_url("http://a.test/")) == ("c.test", 90)
    assert Overrides().detour(parse_url("http://a.test/")) is None
