"""Servers as users write them."""

from pathlib import Path

import pytest

from netkit.dns.servers import Server, find, parse_server
from netkit.errors import BadInput
from netkit.net.deadline import Deadline


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", Server("192.0.2.1", 53)),
        ("192.0.2.1:5300", Server("192.0.2.1", 5300)),
        ("::1", Server("::1", 53)),
        ("[::1]:5300", Server("::1", 5300)),
        ("fe80::1%lo", Server("fe80::1%lo", 53)),
        ("udp://192.0.2.1", Server("192.0.2.1", 53)),
        ("tcp://192.0.2.1:5300", Server("192.0.2.1", 5300, "tcp")),
        ("tls://192.0.2.1", Server("192.0.2.1", 853, "tls")),
        ("TLS://[::1]:8853", Server("::1", 8853, "tls")),
        ("tls://dns.test#192.0.2.1", Server("192.0.2.1", 853, "tls", "dns.test")),
        ("tls://dns.test:8853#::1", Server("::1", 8853, "tls", "dns.test")),
        ("quic://dns.test#192.0.2.1", Server("192.0.2.1", 853, "quic", "dns.test")),
        ("https://192.0.2.1", Server("192.0.2.1", 443, "https", "", "/dns-query")),
        ("https://dns.test:8443/q#192.0.2.1", Server("192.0.2.1", 8443, "https", "dns.test", "/q")),
    ],
)
def test_find(text: str, server: Server) -> None:
    assert find([text], deadline=Deadline.after(1)) == (server,)


def test_find_system_and_others_in_order_once(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\nnameserver 192.0.2.2\n")
    found = find(["192.0.2.2", "system", "192.0.2.2"], deadline=Deadline.after(1), resolv_conf=str(path))
    assert found == (Server("192.0.2.2"), Server("192.0.2.1"))
    assert find([], deadline=Deadline.after(1), resolv_conf=str(path)) == (Server("192.0.2.1"), Server("192.0.2.2"))


@pytest.mark.parametrize(
    "text",
    [
        *("", "unix:/x", "fd:3", "http://192.0.2.1", "192.0.2.1:0", "192.0.2.1:65536", "1.2.3", "a..b", "fe80::1"),
        *("tls://", "tls://x/y", "tls://192.0.2.1#192.0.2.2", "tls://dns.test#", "tls://dns.test#other.test"),
        *("https://dns.test/a b", "https://x/\x1b", "https://dns.test:0/", "tls://a..b"),
    ],
)
def test_bad_servers(text: str) -> None:
    with pytest.raises(BadInput):
        parse_server(text)


def test_a_server_prints_as_it_is_written() -> None:
    assert [str(Server("::1")), str(Server("192.0.2.1", 5300))] == ["[::1]:53", "192.0.2.1:5300"]
