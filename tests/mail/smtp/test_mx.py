"""Where a domain's mail goes, as the lab's DNS says."""

from collections.abc import Iterator

import pytest

from netkit.errors import No, Temporary, Unreachable
from netkit.lab import running
from netkit.mail.smtp.mx import Exchanger, addresses, exchangers
from tests.conftest import MS


@pytest.fixture(scope="module")
def dns() -> Iterator[list[str]]:
    with running(bind=["127.0.0.1"]) as lab:
        yield [lab.environment["NETKIT_LAB_DNS"]]


def test_in_their_order(dns: list[str]) -> None:
    found = exchangers("lab.test", servers=dns, timeout=10_000 * MS)
    assert found == [Exchanger(10, "mail.lab.test"), Exchanger(20, "mail2.lab.test")]


def test_without_any_the_domain_itself(dns: list[str]) -> None:
    assert exchangers("www.lab.test", servers=dns, timeout=10_000 * MS) == [Exchanger(None, "www.lab.test")]


@pytest.mark.parametrize(
    ("domain", "error", "kind"),
    [
        ("nullmx.lab.test", No, "null_mx"),
        ("nosuch.lab.test", No, "no_domain"),
        ("servfail.lab.test", Temporary, "dns"),
    ],
)
def test_domains_that_take_no_mail(dns: list[str], domain: str, error: type[Exception], kind: str) -> None:
    with pytest.raises(error) as caught:
        exchangers(domain, servers=dns, timeout=10_000 * MS)
    assert getattr(caught.value, "kind", None) == kind


def test_addresses(dns: list[str]) -> None:
    assert addresses("www.lab.test", servers=dns, timeout=10_000 * MS) == ["::1", "127.0.0.1"]
    with pytest.raises(Unreachable, match="has no address"):
        addresses("nosuch.lab.test", servers=dns, timeout=10_000 * MS)
