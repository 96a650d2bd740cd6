"""Full names of many lines: the same as one by one, a result for each, whatever the servers do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.dns import fqdn
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.full_names import FullNames
from netkit.dns.bulk.steps import EXITS, Named
from netkit.dns.naming import Fqdn
from netkit.errors import BadInput, Exit, LocalFailure
from netkit.net.tls_client import Security
from tests.conftest import MS
from tests.dns.bulk.faulty import Faulty
from tests.dns.conftest import SOA, Scripted, asked_for, reply_to

Serve = Callable[..., Scripted]
PATIENT = Settings(timeout=60_000 * MS)
SOON = Settings(timeout=900 * MS)  # tries of 300 ms: for servers that do not answer
RECORDS = {
    "www.test": ["A 192.0.2.1", "AAAA 2001:db8::1"],
    "six.test": ["AAAA 2001:db8::6"],
    "text.test": ["TXT here"],
    "alias.test": ["CNAME www.test."],
    "www.far.test": ["A 192.0.2.9"],
    "short": ["A 192.0.2.3"],
    "1.2.0.192.in-addr.arpa": ["PTR www.test."],
    "2.2.0.192.in-addr.arpa": ["PTR other.test.", "PTR two.test."],
    "two.test": ["A 192.0.2.2"],
    "other.test": ["A 192.0.2.77"],
    "3.2.0.192.in-addr.arpa": ["PTR short."],
    "4.2.0.192.in-addr.arpa": ["PTR a\\032b.test."],
    "5.2.0.192.in-addr.arpa": ["PTR 192.0.2.5."],
    "6.2.0.192.in-addr.arpa": ["PTR gone.test."],
    "7.2.0.192.in-addr.arpa": ["PTR failing.test."],
    "8.2.0.192.in-addr.arpa": ["PTR half.test."],
    "half.test": ["AAAA 2001:db8::8"],
    "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa": ["PTR www.test."],
    "8." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa": ["PTR half.test."],
}
FAILING = {"failing.test", "half.test A", "10.2.0.192.in-addr.arpa", "fails.far.test"}
TARGETS = [
    "www.test",
    "WWW.Test.",
    "six.test",
    "text.test",
    "alias.test",
    "gone.test",
    "failing.test",
    "half.test",
    "short",
    "www",
    "fails",
    "none",
    "localhost",
    "x.localhost",
    "a.invalid",
    "a.onion",
    "in-hosts",
    "in-hosts.test",
    "192.0.2.200",
    "127.0.0.1",
    "::1",
    "2001:db8::1",
    "2001:0DB8::8",
    *(f"192.0.2.{n}" for n in range(1, 12)),
]


def server(wire: bytes, transport: str, number: int) -> list[bytes]:
    name, rdtype = asked_for(wire)
    name = name.lower()
    if name in FAILING or f"{name} {rdtype}" in FAILING:
        return [reply_to(wire, rcode="SERVFAIL")]
    records = RECORDS.get(name, [])
    if found := [one for one in records if one.split()[0] == rdtype]:
        return [reply_to(wire, *(f"@ 60 IN {one}" for one in found))]
    if alias := [one for one in records if one.startswith("CNAME")]:
        return [reply_to(wire, f"@ 60 IN {alias[0]}", *(f"www.test. 60 IN {one}" for one in RECORDS["www.test"][:1]))]
    return [reply_to(wire, authority=[SOA], rcode="NOERROR" if records else "NXDOMAIN")]


@pytest.fixture(autouse=True)
def nothing_is_asked_twice_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.dns.bulk.engine.TRY_SECONDS", 20_000 * MS)


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Callable[[str | bytes], int]]:
    """A descriptor that lines are read from."""
    opened = []

    def make(text: str | bytes) -> int:
        (tmp_path / "lines").write_bytes(text if isinstance(text, bytes) else text.encode())
        opened.append(os.open(tmp_path / "lines", os.O_RDONLY))
        return opened[-1]

    yield make
    for fd in opened:
        os.close(fd)


@pytest.fixture
def ask(given: Callable[[str | bytes], int]) -> Callable[..., list[Named]]:
    """The results of lines, in the order they came."""

    def run(text: str | bytes, *servers: object, settings: Settings = PATIENT, **more: Any) -> list[Named]:
        made = FullNames(given(text), servers=[str(one) for one in servers], settings=settings, **more)
        return [one for results in made.results() for one in results]

    return run


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """A hosts file and a resolv.conf of one's own."""

    def write(hosts: str = "", resolv_conf: str = "") -> dict[str, str]:
        (tmp_path / "hosts").write_text(hosts)
        (tmp_path / "resolv.conf").write_text(resolv_conf)
        return {"hosts": str(tmp_path / "hosts"), "resolv_conf": str(tmp_path / "resolv.conf")}

    return write


@pytest.fixture
def faulty() -> Iterator[Callable[..., Faulty]]:
    running: list[Faulty] = []

    def start(**options: Any) -> Faulty:
        running.append(Faulty(**options))
        return running[-1]

    yield start
    for one in running:
        one.close()


def timeless(found: Fqdn) -> Fqdn:
    return found._replace(sources=tuple(one._replace(elapsed_ms=0.0) for one in found.sources))


# --- the same as one by one


@pytest.mark.parametrize("straight", [True, False])
def test_a_line_has_the_result_that_it_has_alone(serve: Serve, ask: Any, files: Any, straight: bool) -> None:
    dns = str(serve(server))
    hosts = "192.0.2.200 in-hosts.test in-hosts\n192.0.2.11 plain\n"
    where = files(hosts, f"nameserver {dns}\nsearch near.test far.test\n")
    servers = (dns,) if straight else ()
    settings = PATIENT._replace(ordered=True)
    found = ask("\n".join(TARGETS), *servers, settings=settings, **where)
    alone = [fqdn(target, servers=servers, timeout=PATIENT.timeout, **where) for target in TARGETS]
    for many, one in zip(found, alone, strict=True):
        assert timeless(many.found) == timeless(one)
        assert EXITS[many.status] is one.exit


@pytest.mark.parametrize(
    ("line", "name", "status", "detail"),
    [
        ("www.test", "www.test", "answer", None),
        ("alias.test", "www.test", "answer", None),
        ("text.test", "text.test", "answer", None),
        ("www", "www.far.test", "answer", None),
        ("gone.test", None, "none", "no such name"),
        ("fails", None, "servfail", "servfail: the server failed (SERVFAIL), says {dns}"),
        ("short", None, "short", "only a short name"),
        ("192.0.2.1", "www.test", "confirmed", None),
        ("192.0.2.2", "two.test", "confirmed", None),
        ("192.0.2.3", None, "short", "only short, not a full name"),
        ("192.0.2.4", "a\\032b.test", "unconfirmed", "a\\032b.test does not lead back to 192.0.2.4"),
        ("192.0.2.5", "192.0.2.5", "unconfirmed", "its name is no host name"),
        ("192.0.2.6", "gone.test", "unconfirmed", "gone.test does not lead back to 192.0.2.6"),
        ("192.0.2.7", "failing.test", "servfail", "failing.test cannot be confirmed: servfail"),
        ("192.0.2.8", "half.test", "servfail", "half.test cannot be confirmed: servfail"),
        ("2001:db8::8", "half.test", "confirmed", None),
        ("192.0.2.9", None, "none", "no name: nxdomain"),
        ("192.0.2.10", None, "servfail", "servfail: the server failed (SERVFAIL), says {dns}"),
        ("localhost", None, "none", "localhost is every host's name for itself, not a full one"),
        ("a,MX", None, "badname", "'a,MX' is more than a name or an address: types and servers are for resolve -i"),
        ("192.0.2.0/7x", None, "badname", "'192.0.2.0/7x': '/' is not allowed in a name"),
        ("10.0.0.0/7", None, "badname", "10.0.0.0/7 has more than 16,777,216 addresses"),
    ],
)
def test_the_word_for_it(
    serve: Serve, ask: Any, files: Any, line: str, name: str | None, status: str, detail: str | None
) -> None:
    where = files("", "search near.test far.test\n")
    dns = serve(server)
    [one] = ask(f"# before\n\n  {line} # behind\r\n", dns, **where)
    told = detail and detail.replace("{dns}", str(dns))
    assert (one.found.input, one.found.name, one.status, one.found.detail) == (line, name, status, told)


def test_only_addresses_of_the_version_are_asked_for(serve: Serve, ask: Any) -> None:
    dns = serve(server)
    ask("192.0.2.1\n", dns)
    ask("2001:db8::1\n", dns)
    ask("www.test\n", dns)
    assert [asked_for(wire)[1] for _, wire in dns.queries] == ["PTR", "A", "PTR", "AAAA", "A"]


# --- one result each


def test_two_thousand_lines_of_a_server_that_loses_fails_cuts_and_garbles(faulty: Any, ask: Any) -> None:
    dns = faulty()
    back = [f"10.{k // 1000 % 2}.{k % 1000 // 256}.{k % 256}" for k in range(1200)]
    lines = [*back, *(f"h{n}.test" for n in range(700)), "10.0.0.0/30", *["h5.test", "10.0.0.5"] * 40]
    lines[500:500] = ["", "# comment", "a..b", "x" * 10_000, "y." * 40_000, "a\tb"]
    found = ask("\n".join(lines), dns, settings=Settings(timeout=12_000 * MS, tries=24, ordered=True))
    expected = [line[:65536] for line in lines if line and line[0] != "#"]
    at = expected.index("10.0.0.0/30")
    expected[at : at + 1] = [f"10.0.0.{n}" for n in range(4)]
    assert [one.found.input for one in found] == expected
    for one in found:
        word = "answer" if one.found.input.startswith("h") else "confirmed"
        if one.found.input.startswith("10.1."):
            word = "unconfirmed"
        elif one.found.exit is Exit.USAGE:
            word = "badname"
        assert one.status == word, one
    assert [one.status for one in found].count("badname") == 4


def test_results_come_as_they_are_ready_unless_the_order_is_kept(serve: Serve, ask: Any) -> None:
    first: list[bytes] = []

    def late(wire: bytes, transport: str, number: int) -> list[bytes]:
        """The reply to the first line's question comes behind all others'."""
        replies = server(wire, transport, number)
        if asked_for(wire)[0] == "alias.test":
            first.extend(replies)
            return []
        return [*replies, *first] if asked_for(wire)[0] == "gone.test" and asked_for(wire)[1] == "AAAA" else replies

    lines = ["alias.test", "www.test", "192.0.2.1", "gone.test"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netkit.dns.bulk.engine.SOCKETS", 1)  # the late reply goes where the last query came from
        assert ask("\n".join(lines), serve(late))[-1].found.input == "alias.test"
        first.clear()
        found = ask("\n".join(lines), serve(late), settings=PATIENT._replace(ordered=True))
    assert [one.found.input for one in found] == lines


def test_kept_in_order_no_more_is_read_than_is_held(
    faulty: Any, ask: Any, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netkit.dns.bulk.full_names.HELD", 8)
    settings = PATIENT._replace(ordered=True, concurrency=4)
    run = FullNames(given("\n".join(f"10.0.0.{n}" for n in range(250))), servers=[str(faulty(faults=False))],
                    settings=settings)  # fmt: skip
    found: list[Named] = []
    most = 0
    for results in run.results():
        found += results
        most = max(most, run.taken - len(found))
    assert [one.found.input for one in found] == [f"10.0.0.{n}" for n in range(250)]
    assert most <= 8 + 4 * 2 + 4  # held, on their way, and taken meanwhile


@pytest.mark.parametrize("settings", [PATIENT._replace(concurrency=1), PATIENT._replace(rate=400.0)])
def test_few_at_a_time(faulty: Any, ask: Any, settings: Settings) -> None:
    found = ask("10.0.0.0/27", faulty(faults=False), settings=settings)
    assert {one.status for one in found} == {"confirmed"}
    assert len(found) == 32


# --- how it ends


def test_a_line_has_one_deadline_for_all_that_it_asks(serve: Serve, ask: Any, files: Any) -> None:
    def silent(wire: bytes, transport: str, number: int) -> list[bytes]:
        return server(wire, transport, number) if asked_for(wire)[1] == "PTR" else []

    dns = serve(silent)
    where = files("", "search near.test far.test\n")
    found = ask("www\n192.0.2.2\n", dns, settings=SOON, **where)
    assert {(one.found.input, one.found.name, one.status) for one in found} == {
        ("www", None, "timeout"),
        ("192.0.2.2", "other.test", "timeout"),
    }
    [www] = [one.found for one in found if one.found.input == "www"]
    assert [(one.asked, one.detail) for one in www.sources] == [
        ("www.near.test", "timeout"),
        ("www.far.test", "timeout"),
        ("www", "timeout"),
    ]
    assert {asked_for(wire)[0] for _, wire in dns.queries} == {"www.near.test", "2.2.0.192.in-addr.arpa", "other.test"}


@pytest.mark.parametrize("after", [0, 20])
def test_stopped_each_line_that_was_read_has_its_result(faulty: Any, given: Any, after: int) -> None:
    run = FullNames(given("10.0.0.0/22"), servers=[str(faulty(faults=False, quiet_after=300))], settings=PATIENT)
    found: list[Named] = []
    if not after:
        run.stop()
    for results in run.results():
        found += results
        if len(found) >= after:
            run.stop()
    assert len(found) == run.taken
    assert len({one.found.input for one in found}) == len(found)
    assert {one.status for one in found} <= {"confirmed", "interrupted"}
    assert {one.found.exit for one in found if one.status == "interrupted"} <= {Exit.INTERRUPTED}
    if after:
        assert "interrupted" in {one.status for one in found}


def test_nobody_is_there(ask: Any, refusing: str) -> None:
    found = ask("www.test\n192.0.2.1\n", refusing)
    assert {(one.found.name, one.status, one.found.exit) for one in found} == {(None, "unreachable", Exit.UNREACHABLE)}


def test_what_cannot_begin(given: Any, files: Any) -> None:
    with pytest.raises(BadInput, match="--confirm 2 needs 3 servers, and there is 1"):
        FullNames(given("a\n"), servers=["127.0.0.1"], settings=PATIENT._replace(confirm=2))
    with pytest.raises(BadInput, match="/nonexistent"):
        FullNames(
            given("a\n"), servers=["tls://127.0.0.1"], settings=PATIENT._replace(security=Security("/nonexistent"))
        )
    run = FullNames(given("localhost\nin-hosts.test\nwww.test\n"), settings=PATIENT, **files("192.0.2.1 in-hosts.test"))
    with pytest.raises(LocalFailure, match="no resolver configuration"):
        list(run.results())
    where = files("192.0.2.1 in-hosts.test")
    run = FullNames(given("localhost\nin-hosts.test\n192.0.2.1\n"), settings=PATIENT, **where)
    assert [one.status for results in run.results() for one in results] == ["none", "answer", "confirmed"]
