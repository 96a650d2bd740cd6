"""resolv.conf(5) with its odd lines, and the variables that stand over it."""

import socket
from pathlib import Path

import pytest

from netkit.dns.resolv_conf import (
    Configuration,
    parse_configuration,
    read_configuration,
    resolv_conf_path,
    search_domains,
)
from netkit.dns.servers import Server, system_servers
from netkit.errors import LocalFailure
from netkit.net.address import Endpoint


def udp(host: str, port: int = 0) -> Endpoint:
    address, _, zone = host.partition("%")
    return Endpoint("udp", address, port, zone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Configuration()),
        ("nameserver 192.0.2.1\nnameserver 2001:db8::1\n", Configuration((udp("192.0.2.1"), udp("2001:db8::1")))),
        ("nameserver\t192.0.2.1 trailing words\r\n", Configuration((udp("192.0.2.1"),))),
        ("nameserver fe80::1%lo", Configuration((udp("fe80::1%lo"),))),
        (
            "nameserver 192.0.2.1:5300\nnameserver [::1]:54",
            Configuration((udp("192.0.2.1", 5300), udp("::1", 54))),
        ),
        (
            "nameserver [192.0.2.1]:5300\nnameserver [192.0.2.2]\nnameserver [::1]",  # OpenBSD
            Configuration((udp("192.0.2.1", 5300), udp("192.0.2.2"), udp("::1"))),
        ),
        ("nameserver fe80::1%2\nnameserver fe80::2", Configuration((udp("fe80::1%2"), udp("fe80::2")))),
        ("nameserver [192.0.2.1:5300\nnameserver [192.0.2.1]x\nnameserver []:53\nnameserver [h]", Configuration()),
        ("nameserver\nnameserver ns.test\nnameserver 1.2.3\nnameserver unix:/x", Configuration()),
        ("NAMESERVER 192.0.2.1\nnameservers 192.0.2.1", Configuration()),
        ("#nameserver 192.0.2.1\n;nameserver 192.0.2.1\n# x\x0cnameserver 192.0.2.1", Configuration()),
        (
            "\n".join(f"nameserver 192.0.2.{n}" for n in range(5)),
            Configuration(tuple(udp(f"192.0.2.{n}") for n in (0, 1, 2))),
        ),
        ("search a.test b.test.\n", Configuration(search=("a.test", "b.test"))),
        ("search a.test\nsearch b.test\n", Configuration(search=("b.test",))),
        ("search a.test\ndomain b.test\n", Configuration(search=("b.test",))),
        ("search .\n", Configuration()),
        ("domain .\n", Configuration()),
        ("search\n", Configuration()),
        ("options ndots:2 rotate timeout:1\n", Configuration(ndots=2, rotate=True, timeout=1)),
        ("options ndots:99\n", Configuration(ndots=15)),
        ("options ndots: ndots:x ndots:-1 ndots:² edns0\n", Configuration()),
        ("options ndots:0\noptions rotate\n", Configuration(ndots=0, rotate=True)),
        ("options timeout:0 attempts:0\n", Configuration(timeout=1, attempts=1)),
        (
            "options timeout:99 attempts:99 use-vc trust-ad\n",
            Configuration(timeout=30, attempts=5, tcp=True, trust_ad=True),
        ),
        ("options timeout: attempts:x rotate:1 use-vc: no-such:3\n", Configuration(tcp=True)),
        ("lookup file bind\nsortlist 192.0.2.0\n\x00\ufffd\n", Configuration()),
    ],
)
def test_parse_configuration(text: str, expected: Configuration) -> None:
    assert parse_configuration(text) == expected


def test_which_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolv_conf_path() == "/etc/resolv.conf"
    monkeypatch.setenv("NETKIT_RESOLV_CONF", "/other")
    assert resolv_conf_path() == "/other"
    assert resolv_conf_path("/third") == "/third"


def test_octets_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_bytes(b"\xff\xfe\nnameserver 192.0.2.1\nsearch \xff.test\n")
    assert read_configuration(str(path)).servers == (udp("192.0.2.1"),)


def test_a_server_without_a_port_is_asked_at_53(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\nnameserver [::1]:54\nnameserver fe80::1%lo\n")
    assert system_servers(str(path)) == (Server("192.0.2.1", 53), Server("::1", 54), Server("fe80::1%lo", 53))


def test_no_file_and_no_servers(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    assert read_configuration(path) == Configuration(path=path)
    with pytest.raises(LocalFailure) as caught:
        system_servers(path)
    assert caught.value.kind == "no_resolver_configuration"
    assert caught.value.message == f"no resolver configuration: {path} names no server"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure) as caught:
        read_configuration(str(tmp_path))
    assert caught.value.message == f"cannot read the resolver configuration {tmp_path}: Is a directory"


def test_the_environment_stands_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "resolv.conf"
    path.write_text("nameserver 192.0.2.1\nsearch a.test\noptions ndots:2 timeout:1")
    monkeypatch.setenv("RES_OPTIONS", "ndots:3 attempts:4")
    monkeypatch.setenv("LOCALDOMAIN", "b.test c.test.")
    expected = Configuration((udp("192.0.2.1"),), ("b.test", "c.test"), 3, path=str(path), timeout=1, attempts=4)
    assert read_configuration(str(path)) == expected
    assert read_configuration(str(tmp_path / "none"))[1:3] == (("b.test", "c.test"), 3)


@pytest.mark.parametrize(
    ("hostname", "search", "domains"),
    [
        ("vm", (), ()),
        ("vm.lab.test", (), ("lab.test",)),
        ("vm.lab.test", ("b.test",), ("b.test",)),
        ("vm.", (), ()),
    ],
)
def test_without_a_search_list_this_hosts_domain_is_it(
    hostname: str, search: tuple[str, ...], domains: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: hostname)
    assert search_domains(Configuration(search=search)) == domains


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    path.write_bytes(b"nameserver 192.0.2.1\n" * 50_000)
    with pytest.raises(LocalFailure, match="is larger than 1 MiB: it is no resolver configuration"):
        read_configuration(str(path))
