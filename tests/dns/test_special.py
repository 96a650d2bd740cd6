"""Special-use names, RFC 6761 and 7686."""

import pytest

from netkit.dns.special import data_of, name_of


@pytest.mark.parametrize(
    ("name", "rdtype", "data"),
    [
        ("localhost", "A", ("127.0.0.1",)),
        ("LOCALHOST", "AAAA", ("::1",)),
        ("a.b.localhost", "A", ("127.0.0.1",)),
        ("localhost", "MX", ()),
        ("localhost.test", "A", None),
        ("notlocalhost", "A", None),
        ("test", "A", None),
        ("example", "A", None),
        ("invalid.test", "A", None),
        ("onion.test", "A", None),
        ("", "A", None),
    ],
)
def test_data_of(name: str, rdtype: str, data: tuple[str, ...] | None) -> None:
    assert data_of(name, rdtype) == data


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("invalid", "no name exists under invalid (RFC 6761)"),
        ("x.INVALID", "no name exists under invalid (RFC 6761)"),
        ("hidden.Onion", "names under onion are Tor's, and DNS is not asked for them (RFC 7686)"),
    ],
)
def test_names_that_do_not_exist(name: str, reason: str) -> None:
    with pytest.raises(LookupError) as caught:
        data_of(name, "A")
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("address", "name"),
    [("127.0.0.1", "localhost"), ("::1", "localhost"), ("0:0::1", "localhost"), ("127.0.0.2", None), ("::2", None)],
)
def test_name_of(address: str, name: str | None) -> None:
    assert name_of(address) == name
