"""Where a domain's mail goes, as the lab's DNS says."""

import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from netkit.errors import No, PeerError, Temporary, Unreachable
from netkit.lab import running
from netkit.mail.smtp.mx import Exchanger, addresses, exchangers, mail_servers
from netkit.mail.target import Tls
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
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
    hosts = ["nosuch.lab.test", "www.lab.test"]
    assert addresses(hosts, servers=dns, timeout=10_000 * MS) == {"www.lab.test": ["::1", "127.0.0.1"]}
    with pytest.raises(Unreachable, match=r"nosuch\.lab\.test: no address"):
        addresses(hosts[:1], servers=dns, timeout=10_000 * MS)


def servers_of(domain: str, dns: list[str], **options: Any) -> list[tuple[str, str | None]]:
    found = mail_servers(
        domain, 25, tls=Tls.auto, security=Security(), servers=dns, deadline=Deadline.after(10_000 * MS), **options
    )
    return [(one.target.name, one.security.server_name) for one in found]


def test_servers(dns: list[str]) -> None:
    assert servers_of("www.lab.test", dns) == [("[::1]:25", "www.lab.test"), ("127.0.0.1:25", "www.lab.test")]
    assert servers_of("www.lab.test", dns, family=socket.AF_INET) == [("127.0.0.1:25", "www.lab.test")]


@pytest.mark.parametrize(
    ("domain", "servers"),
    [("[192.0.2.1]", [("192.0.2.1:25", "192.0.2.1")]), ("[ipv6:2001:DB8::1]", [("[2001:db8::1]:25", "2001:db8::1")])],
)
def test_an_address_literal_is_the_server(domain: str, servers: list[tuple[str, str]]) -> None:
    assert servers_of(domain, []) == servers
    with pytest.raises(Unreachable, match=r"no IPv[46] address"):
        servers_of(domain, [], family=socket.AF_INET6 if domain == "[192.0.2.1]" else socket.AF_INET)


@pytest.mark.parametrize("host", ["192.0.2.1", r"a\032b.test", "x" * 64 + ".test", "a..b", "", "fe80::1"])
def test_what_is_no_name_is_not_asked_for(host: str) -> None:
    """There is no DNS server at this address."""
    with pytest.raises(PeerError, match="no name of a server"):
        addresses([host], servers=["127.0.0.1:1"], timeout=10_000 * MS)


def test_a_host_that_nobody_answers_for_does_not_hide_the_others() -> None:
    def serve() -> None:
        while True:
            query, client = server.recvfrom(512)
            if not query:
                return
            if (asked := b"\x04good\x04test\0\0\x01\0\x01") in query:  # A, IN
                record = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04" + bytes([192, 0, 2, 1])
                server.sendto(query[:2] + b"\x85\x80\0\x01\0\x01\0\0\0\0" + asked + record, client)

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        dns = [f"127.0.0.1:{server.getsockname()[1]}"]
        assert addresses(["silent.test", "good.test"], servers=dns, timeout=1000 * MS) == {"good.test": ["192.0.2.1"]}
        server.sendto(b"", server.getsockname())
        thread.join(10)
