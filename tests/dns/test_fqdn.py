"""Full names: of this host by each source in turn, of a name by the search list, of an address there and back."""

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netkit.dns import fqdn
from netkit.dns.name_sources import SourceName, is_full
from netkit.dns.naming import MAX_NAMES, Fqdn
from netkit.errors import BadInput, Exit, LocalFailure
from tests.conftest import in_time
from tests.dns.conftest import SOA, Script, Scripted, asked_for, reply_to

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Serve = Callable[..., Scripted]
SECONDS = 20_000 * MS


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make this host `vm`, with what getaddrinfo(3) says of it, by default nothing; no packet is sent for it."""

    def be(name: str = "vm", canonical: str | None = None) -> None:
        def getaddrinfo(host: str, *args: Any, **options: Any) -> list[Any]:
            assert host == name
            if canonical is None:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, canonical, ("192.0.2.1", 0))]

        monkeypatch.setattr(socket, "gethostname", lambda: name)
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return be


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write the hosts file and resolv.conf that netkit reads."""

    def write(hosts: str = "", resolv_conf: str = "") -> None:
        for name, variable, text in (
            ("hosts", "NETKIT_HOSTS", hosts),
            ("resolv.conf", "NETKIT_RESOLV_CONF", resolv_conf),
        ):
            (tmp_path / name).write_text(text)
            monkeypatch.setenv(variable, str(tmp_path / name))

    return write


def silent(query: bytes, transport: str, number: int) -> list[bytes]:
    return []


def data(answers: dict[str, str]) -> Script:
    """A server that has one record for each "NAME TYPE"; other names do not exist, other types are no data."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, rdtype = asked_for(query)
        if found := answers.get(f"{name} {rdtype}"):
            return [reply_to(query, f"@ 60 IN {rdtype} {found}")]
        exists = any(key.split()[0] == name for key in answers)
        return [reply_to(query, authority=[SOA], rcode="NOERROR" if exists else "NXDOMAIN")]

    return script


def said(found: Fqdn) -> list[tuple[str, str | None, str | None]]:
    return [(one.source, one.name, one.detail) for one in found.sources]


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("a.b", True),
        ("a.b.", True),
        ("a", False),
        ("a.", False),
        ("", False),
        (None, False),
        ("localhost", False),
        ("localhost.localdomain", False),
        ("vm.localhost", False),
    ],
)
def test_is_full(name: str | None, full: bool) -> None:
    assert is_full(name) is full


def test_a_host_name_with_a_domain(host: Callable[..., None], files: Callable[..., None]) -> None:
    host("vm.example.com")
    files()
    found = fqdn()
    assert (found.name, found.source, found.exit, found.agree) == ("vm.example.com", "hostname", Exit.OK, None)
    assert said(found) == [("hostname", "vm.example.com", None)]


def test_the_hosts_file(host: Callable[..., None], files: Callable[..., None]) -> None:
    host()
    files("127.0.0.1 localhost\n127.0.1.1 VM.example.com VM\n")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("vm.example.com", "hosts", Exit.OK)
    assert said(found) == [("hostname", "vm", None), ("hosts", "vm.example.com", None)]


def test_getaddrinfo(host: Callable[..., None], files: Callable[..., None]) -> None:
    host(canonical="vm.example.net.")
    files("127.0.0.1 localhost vm\n")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("vm.example.net", "canonical", Exit.OK)
    assert said(found) == [("hostname", "vm", None), ("hosts", None, "has none"), ("canonical", "vm.example.net", None)]


def test_the_reverse_of_an_own_address(serve: Serve, host: Callable[..., None], files: Callable[..., None]) -> None:
    host()
    server = serve(data({"9.2.0.192.in-addr.arpa PTR": "vm.example.org."}))
    files("192.0.2.9 vm\n", f"nameserver {server}\n")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("vm.example.org", "reverse", Exit.OK)


def test_the_search_domain(serve: Serve, host: Callable[..., None], files: Callable[..., None]) -> None:
    host()
    server = serve(data({"vm.example.org A": "192.0.2.9"}))
    files("", f"nameserver {server}\nsearch example.org b.test\n")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("vm.example.org", "search", Exit.OK)
    assert "vm.b.test" not in server.questions


def test_every_source_and_whether_they_agree(
    serve: Serve, host: Callable[..., None], files: Callable[..., None]
) -> None:
    host(canonical="vm.example.com")
    server = serve(data({"9.2.0.192.in-addr.arpa PTR": "VM.Example.com.", "vm.example.com A": "192.0.2.9"}))
    files("192.0.2.9 vm.example.com vm\n", f"nameserver {server}\nsearch example.com\n")
    found = fqdn(every=True, timeout=SECONDS)
    assert (found.name, found.source, found.agree) == ("vm.example.com", "hosts", True)
    order = list(dict.fromkeys(one.source for one in found.sources))
    assert order == ["hostname", "hosts", "canonical", "reverse", "search"]
    own = next(one for one in found.sources if one.asked == "192.0.2.9")
    assert (own.source, own.name, own.confirmed) == ("reverse", "VM.Example.com", True)
    files("192.0.2.9 vm.other.test vm\n", f"nameserver {server}\nsearch example.com\n")
    assert fqdn(every=True, timeout=SECONDS).agree is False


def test_only_localhost_and_an_empty_configuration(host: Callable[..., None], files: Callable[..., None]) -> None:
    host()
    files("127.0.0.1 localhost vm\n", "")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("vm", "hostname", Exit.NO)
    assert found.detail == "only a short name: no source knows a domain for 'vm'"
    assert list(dict.fromkeys((source, name) for source, name, _ in said(found))) == [
        ("hostname", "vm"),
        ("hosts", None),
        ("canonical", None),
        ("reverse", None),
        ("search", None),
    ]
    assert said(found)[2][2] == "Name or service not known"


def test_a_host_named_localhost(host: Callable[..., None], files: Callable[..., None]) -> None:
    host("localhost", canonical="localhost")
    files("127.0.0.1 localhost.localdomain localhost\n", "")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.exit, found.detail) == (None, Exit.NO, "this host has no name but localhost")


def test_a_host_name_that_no_label_can_be(
    host: Callable[..., None], files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """gethostname(2) may give 64 octets, a label has 63: getaddrinfo raises UnicodeError before it asks anybody."""
    name = "x" * 64
    really = socket.getaddrinfo
    host(name)
    monkeypatch.setattr(socket, "getaddrinfo", really)
    files("", "search example.com\n")
    found = fqdn(timeout=SECONDS)
    assert (found.name, found.exit) == (name, Exit.NO)
    assert [one.source for one in found.sources if one.detail is None] == ["hostname"]
    assert {one.source for one in found.sources} == {"hostname", "hosts", "canonical", "reverse", "search"}


def test_silent_dns_ends_within_the_deadline(
    serve: Serve, host: Callable[..., None], files: Callable[..., None]
) -> None:
    host()
    files("192.0.2.9 vm\n", f"nameserver {serve(silent)}\nsearch example.com\n")
    found = in_time(2000 * MS, lambda: fqdn(timeout=200 * MS))
    assert (found.name, found.exit) == ("vm", Exit.NO)


def test_a_name_by_the_search_list(serve: Serve, files: Callable[..., None]) -> None:
    server = serve(data({"www.b.test A": "192.0.2.1"}))
    files("", f"nameserver {server}\nsearch a.test b.test\n")
    found = fqdn("www", timeout=SECONDS)
    assert (found.name, found.source, found.exit) == ("www.b.test", "dns", Exit.OK)
    assert said(found) == [("dns", None, "nxdomain"), ("dns", "www.b.test", None)]
    assert list(dict.fromkeys(server.questions)) == ["www.a.test", "www.b.test"]


def test_enough_dots_are_asked_as_they_stand_first(serve: Serve, files: Callable[..., None]) -> None:
    server = serve(data({}))
    for ndots, order in ((1, ["www.x", "www.x.a.test"]), (2, ["www.x.a.test", "www.x"])):
        server.queries.clear()
        files("", f"nameserver {server}\nsearch a.test\noptions ndots:{ndots}\n")
        found = fqdn("www.x", timeout=SECONDS)
        assert (found.name, found.exit, found.detail) == (None, Exit.NO, "no such name")
        assert list(dict.fromkeys(server.questions)) == order


def test_an_alias_leads_to_the_full_name(serve: Serve, files: Callable[..., None]) -> None:
    chain = ("@ 60 IN CNAME real.example.org.", "real.example.org. 60 IN A 192.0.2.1")
    server = serve(lambda query, transport, number: [reply_to(query, *chain)])
    files("", f"nameserver {server}\n")
    assert fqdn("www.test", timeout=SECONDS).name == "real.example.org"


def test_a_search_domain_that_makes_no_name_is_passed_over(serve: Serve, files: Callable[..., None]) -> None:
    server = serve(data({"www.b.test A": "192.0.2.1"}))
    files("", f"nameserver {server}\nsearch a..test {'x' * 63}.{'y' * 63}.{'z' * 63}.{'w' * 60} b.test\n")
    assert fqdn("www", timeout=SECONDS).name == "www.b.test"


def test_localhost_is_nobodys_full_name(files: Callable[..., None]) -> None:
    files()
    for text in ("localhost", "a.localhost", "LOCALHOST."):
        found = fqdn(text)
        assert (found.name, found.source, found.exit) == (None, "special", Exit.NO)


def test_a_name_that_fails_says_how(serve: Serve, files: Callable[..., None]) -> None:
    nobody = serve(silent)
    files("", f"nameserver {nobody}\n")
    found = fqdn("www.test", timeout=100 * MS)
    assert (found.exit, found.detail) == (Exit.TIMEOUT, f"timeout: no reply; {nobody} gave no reply")
    server = serve(lambda query, transport, number: [reply_to(query, rcode="SERVFAIL")])
    files("", f"nameserver {server}\n")
    found = fqdn("www.test", timeout=SECONDS)
    assert (found.exit, found.detail) == (Exit.TEMPORARY, f"servfail: the server failed (SERVFAIL), says {server}")


def test_bad_input_and_no_configuration(files: Callable[..., None]) -> None:
    files()
    with pytest.raises(BadInput):
        fqdn("a..b")
    with pytest.raises(LocalFailure):
        fqdn("www.test")


REVERSE = "1.2.0.192.in-addr.arpa PTR"


def test_an_address_there_and_back(serve: Serve, files: Callable[..., None]) -> None:
    server = serve(data({REVERSE: "www.test.", "www.test A": "192.0.2.1"}))
    files("", f"nameserver {server}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.source, found.exit, found.confirmed) == ("www.test", "dns", Exit.OK, True)
    assert found.detail is None


def test_an_address_that_is_not_led_back_to(serve: Serve, files: Callable[..., None]) -> None:
    for answers in ({REVERSE: "www.test.", "www.test A": "192.0.2.2"}, {REVERSE: "www.test."}):
        files("", f"nameserver {serve(data(answers))}\n")
        found = fqdn("192.0.2.1", timeout=SECONDS)
        assert (found.name, found.exit, found.confirmed) == ("www.test", Exit.NO, False)
        assert found.detail == "www.test does not lead back to 192.0.2.1"


def test_an_address_whose_name_cannot_be_asked_for(serve: Serve, files: Callable[..., None]) -> None:
    """A server that fails is no proof that the name leads elsewhere."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(query)
        return [reply_to(query, rcode="SERVFAIL") if name == "www.test" else reply_to(query, "@ 60 IN PTR www.test.")]

    files("", f"nameserver {serve(script)}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.exit, found.confirmed) == ("www.test", Exit.TEMPORARY, None)
    assert found.detail == "www.test cannot be confirmed: servfail"


def test_an_ipv4_address_mapped_into_ipv6(serve: Serve, files: Callable[..., None]) -> None:
    reverse = socket.inet_pton(socket.AF_INET6, "::ffff:192.0.2.1").hex()[::-1]
    server = serve(data({f"{'.'.join(reverse)}.ip6.arpa PTR": "www.test.", "www.test AAAA": "::ffff:192.0.2.1"}))
    files("", f"nameserver {server}\n")
    assert fqdn("::ffff:c000:201", timeout=SECONDS).confirmed is True


@pytest.mark.parametrize(
    ("answers", "exit", "detail"),
    [
        ({}, Exit.NO, "no name: nxdomain"),
        ({REVERSE: "vm."}, Exit.NO, "only vm, not a full name"),
        ({REVERSE: "localhost.localdomain."}, Exit.NO, "only localhost.localdomain, not a full name"),
    ],
)
def test_an_address_without_a_full_name(
    serve: Serve, files: Callable[..., None], answers: dict[str, str], exit: Exit, detail: str
) -> None:
    files("", f"nameserver {serve(data(answers))}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.exit, found.confirmed, found.detail) == (None, exit, None, detail)


def test_an_address_whose_name_has_an_escape_character(serve: Serve, files: Callable[..., None]) -> None:
    server = serve(data({REVERSE: "\\027[31m.a b.test.".replace(" ", "\\032")}))
    files("", f"nameserver {server}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.exit, found.confirmed) == ("\\027[31m.a\\032b.test", Exit.NO, False)


def test_loopback_has_no_full_name(files: Callable[..., None]) -> None:
    files("127.0.0.1 localhost\n")
    found = fqdn("127.0.0.1", timeout=SECONDS)
    assert (found.name, found.source, found.exit) == (None, "hosts", Exit.NO)
    assert found.detail == "only localhost, not a full name"
    assert found.sources == (SourceName("hosts", "localhost", None, found.sources[0].elapsed_ms, "127.0.0.1"),)


# --- every source of a name, of an address, and of this host at once


def test_every_source_of_a_name(serve: Serve, host: Callable[..., None], files: Callable[..., None]) -> None:
    host("www", canonical="www.b.test")
    server = serve(data({"www.b.test A": "192.0.2.1", "www A": "192.0.2.2"}))
    files("", f"nameserver {server}\nsearch a.test b.test\n")
    found = fqdn("www", every=True, timeout=SECONDS)
    assert (found.name, found.agree, found.exit) == ("www.b.test", True, Exit.OK)
    assert [(one.source, one.asked, one.name, one.detail) for one in found.sources] == [
        ("dns", "www.a.test", None, "nxdomain"),
        ("dns", "www.b.test", "www.b.test", None),
        ("dns", "www", "www", None),
        ("canonical", "www", "www.b.test", None),
    ]
    host("www", canonical="www.other.test")
    assert fqdn("www", every=True, timeout=SECONDS).agree is False
    host("www")
    assert fqdn("www", every=True, timeout=SECONDS).agree is None


def test_the_system_is_asked_for_the_name_that_dns_is(
    serve: Serve, host: Callable[..., None], files: Callable[..., None]
) -> None:
    """Python's own encoding, of IDNA 2003, would ask it for fass.test."""
    host("xn--fa-hia.test", canonical="xn--fa-hia.test")
    server = serve(data({"xn--fa-hia.test A": "192.0.2.1"}))
    files("", f"nameserver {server}\n")
    found = fqdn("faß.test", every=True, timeout=SECONDS)
    assert [(one.source, one.name) for one in found.sources] == [
        ("dns", "xn--fa-hia.test"),
        ("canonical", "xn--fa-hia.test"),
    ]


def test_every_source_of_a_name_that_fails(serve: Serve, host: Callable[..., None], files: Callable[..., None]) -> None:
    host("www")
    server = serve(lambda query, transport, number: [reply_to(query, rcode="SERVFAIL")])
    files("", f"nameserver {server}\n")
    found = fqdn("www", every=True, timeout=SECONDS)
    assert (found.name, found.exit, len(found.sources)) == (None, Exit.TEMPORARY, 2)
    assert found.detail == f"servfail: the server failed (SERVFAIL), says {server}"


def test_one_name_of_several_that_leads_back_is_enough(
    serve: Serve, files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("short", "other.test", "right.test", "third.test")

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, rdtype = asked_for(query)
        if rdtype == "PTR":
            return [reply_to(query, *(f"@ 60 IN PTR {one}." for one in names))]
        right = name == "right.test" and rdtype == "A"
        return [reply_to(query, "@ 60 IN A 192.0.2.1" if right else "@ 60 IN AAAA ::1")]

    server = serve(script)
    files("", f"nameserver {server}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.confirmed, found.exit) == ("right.test", True, Exit.OK)
    assert [(one.name, one.confirmed) for one in found.sources] == [("other.test", False), ("right.test", True)]
    monkeypatch.setattr(socket, "getnameinfo", lambda address, flags: ("other.test", "0"))
    found = fqdn("192.0.2.1", every=True, timeout=SECONDS)
    assert (found.name, found.confirmed, found.agree) == ("right.test", True, True)
    assert [(one.source, one.name, one.confirmed) for one in found.sources] == [
        ("dns", "other.test", False),
        ("dns", "right.test", True),
        ("dns", "third.test", False),
        ("system", "other.test", None),
    ]


def test_no_more_names_of_an_address_than_so_many(serve: Serve, files: Callable[..., None]) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        if asked_for(query)[1] == "PTR":
            return [reply_to(query, *(f"@ 60 IN PTR n{one}.test." for one in range(MAX_NAMES + 5)))]
        return [reply_to(query, authority=[SOA], rcode="NXDOMAIN")]

    files("", f"nameserver {serve(script)}\n")
    found = fqdn("192.0.2.1", timeout=SECONDS)
    assert (found.name, found.confirmed, len(found.sources)) == ("n0.test", False, MAX_NAMES)


def test_one_source_that_hangs_takes_nothing_from_the_others(
    serve: Serve, host: Callable[..., None], files: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    host()
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: never.wait() and [])
    server = serve(data({"vm.example.org A": "192.0.2.9"}))
    files("", f"nameserver {server}\nsearch example.org\n")
    for every in (False, True):
        found = fqdn(every=every, timeout=600 * MS)
        assert (found.name, found.source, found.exit) == ("vm.example.org", "search", Exit.OK)
        [hung] = [one for one in found.sources if one.source == "canonical"]
        assert hung.name is None
        assert "no answer within" in (hung.detail or "")
    never.set()
