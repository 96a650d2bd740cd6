"""Queries over connections that many share, TCP, TLS, HTTPS and QUIC: from servers that behave and that do not."""

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netkit.dns.link import Links
from netkit.dns.lookup import Lookup, resolve
from netkit.dns.manner import Manner
from netkit.dns.name import parse_name
from netkit.dns.result import Outcome, Resolution
from netkit.dns.servers import Server
from netkit.dns.stub import ask as ask_stub
from netkit.dns.types import TXT
from netkit.dns.wire import QueryOptions
from netkit.net.ca import Leaf
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from tests.dns.conftest import CLOSE as ENDED
from tests.dns.conftest import Octets, asked_for, reply_to
from tests.dns.links import AUTHORITY, CLOSE, HttpsServer, QuicServer, Raw, Script, TlsServer, response, trusted

Start = Callable[..., Any]
KINDS = ("tls", "https", "quic")
STARTS: dict[str, Start] = {
    "tcp": lambda script, leaf: TlsServer(script, None),
    "tls": TlsServer,
    "https": HttpsServer,
    "quic": QuicServer,
}
NAMES = ("dns.test", "127.0.0.1")


@pytest.fixture(scope="module")
def cacert() -> Iterator[str]:
    with trusted() as path:
        yield path


@pytest.fixture
def start() -> Iterator[Start]:
    running: list[Any] = []

    def begin(kind: str, script: Script, leaf: Leaf | None = None) -> Any:
        leaf = leaf or AUTHORITY.issue(NAMES)
        running.append(STARTS[kind](script, leaf))
        return running[-1]

    yield begin
    for one in running:
        one.close()


def answers(query: bytes, number: int) -> list[bytes]:
    return [reply_to(query, "@ 60 IN TXT hello")]


def ask(
    kind: str,
    server: Any,
    *names: str,
    cacert: str,
    host: str = "dns.test#127.0.0.1",
    timeout: float = 20.0,
    **more: Any,
) -> list[Resolution]:
    name, _, ip = host.partition("#")
    at = f"{kind}://{name}:{server.port}" + (f"#{ip}" if ip else "")
    if kind == "tcp":
        at = f"tcp://127.0.0.1:{server.port}"
    found: list[Lookup] = list(
        resolve(names or ("a.test",), types=["TXT"], servers=[at], timeout=timeout, security=Security(cacert), **more)
    )
    return [one for lookup in found for one in lookup.resolutions]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["dns.test#127.0.0.1", "127.0.0.1"])
def test_an_answer_over_an_encrypted_connection(kind: str, host: str, start: Start, cacert: str) -> None:
    server = start(kind, answers)
    (one,) = ask(kind, server, cacert=cacert, host=host)
    assert (one.outcome, one.data, one.transport) == (Outcome.ANSWER, ('"hello"',), kind)
    assert (one.server, one.tries) == (f"127.0.0.1:{server.port}", 1)
    assert len(server.queries[0]) % 128 == 0  # padded (RFC 8467 4.1)


@pytest.mark.parametrize("kind", KINDS)
def test_many_names_share_one_connection(kind: str, start: Start, cacert: str) -> None:
    server = start(kind, answers)
    found = ask(kind, server, *(f"n{number}.test" for number in range(200)), cacert=cacert)
    assert {one.outcome for one in found} == {Outcome.ANSWER}
    assert len(server.queries) == 200
    assert server.connections == 1 or (kind == "https" and server.connections <= 6)  # HTTP/1.1 answers one at a time


def test_answers_in_another_order(start: Start, cacert: str) -> None:
    kept: list[bytes] = []

    def last_first(query: bytes, number: int) -> list[bytes]:
        kept.append(reply_to(query, f"@ 60 IN TXT n{number}"))
        return kept[::-1] if len(kept) == 5 else []

    found = ask("tls", start("tls", last_first), *(f"n{number}.test" for number in range(5)), cacert=cacert)
    assert [one.data for one in found] == [(f'"n{number}"',) for number in range(5)]


@pytest.mark.parametrize(
    ("kind", "each"),
    [*((kind, each) for kind in ("tcp", "tls", "https") for each in (1, 7, 50)), ("quic", 7), ("quic", 50)],
)
def test_no_name_is_lost_where_connections_end(kind: str, each: int, start: Start, cacert: str) -> None:
    """After one answer, amid queries, or between two lots of names."""
    names = [f"n{number}.test" for number in range(60)]
    server = start(
        kind, lambda query, number: [*answers(query, number), *([CLOSE] if number % each == each - 1 else [])]
    )
    found = ask(kind, server, *names, cacert=cacert)
    assert [(one.name, one.outcome) for one in found] == [(f"{name}.", Outcome.ANSWER) for name in names]
    assert server.connections >= 60 // each


def test_a_query_left_unanswered_holds_up_no_other(start: Start, cacert: str) -> None:
    """The server closes after its first answer, so that it is asked carefully; then it is silent about one name."""

    def script(query: bytes, number: int) -> list[bytes]:
        if asked_for(query)[0] == "n1.test":
            return []
        return [*answers(query, number), *([CLOSE] if number == 0 else [])]

    found = ask("tls", start("tls", script), *(f"n{number}.test" for number in range(9)), cacert=cacert, timeout=3.0)
    assert [one.outcome for one in found if one.name != "n1.test."] == [Outcome.ANSWER] * 8
    assert found[1].outcome is Outcome.TIMEOUT


def test_a_late_answer_is_no_wrong_one_to_others(start: Start) -> None:
    """The first is given up; its answer comes when the second is asked, on the same connection."""
    asked: list[bytes] = []

    def script(query: bytes, number: int) -> list[bytes]:
        asked.append(query)
        return [reply_to(asked[0], "@ 60 IN TXT late")] if number else []

    server = Server("127.0.0.1", start("tcp", script).port, "tcp")
    with Links() as links:
        first, second = (
            ask_stub([(parse_name(name), TXT)], [server], Manner(Deadline.after(1.0), tries=1, links=links))[0]
            for name in ("a.test", "b.test")
        )
    assert [first.outcome, second.outcome] == [Outcome.TIMEOUT] * 2
    assert [one.reason for one in second.rejected] == ["gave no reply"]
    assert len(asked) == 2


def test_a_reply_that_is_cut_spoils_no_other(serve: Start, cacert: str) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        if asked_for(wire)[0] != "n1.test":
            return answers(wire, number)
        return [Octets((100).to_bytes(2) + wire[:20]), ENDED]

    found = ask("tcp", serve(script), *(f"n{number}.test" for number in range(5)), cacert=cacert, tries=1)
    assert [one.outcome.value for one in found] == ["answer", "malformed", "answer", "answer", "answer"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("leaf", "said"),
    [
        (AUTHORITY.issue(["other.test"]), r"dns\.test"),
        (AUTHORITY.expired(NAMES), "expired|no longer valid"),
        (AUTHORITY.not_yet_valid(NAMES), "not (yet )?valid|becomes valid"),
        (AUTHORITY.issue(NAMES, self_signed=True), "self-signed"),
    ],
    ids=["other", "expired", "early", "self-signed"],
)
def test_a_certificate_that_proves_nothing(kind: str, leaf: Leaf, said: str, start: Start, cacert: str) -> None:
    server = start(kind, answers, leaf)
    (one,) = ask(kind, server, cacert=cacert)
    assert (one.outcome, int(one.exit), one.records) == (Outcome.TLS, 6, ())
    assert re.search(said, one.detail or "")
    assert server.queries == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_nobody_signed_and_insecure(kind: str, start: Start, cacert: str) -> None:
    server = start(kind, answers)
    at = f"{kind}://127.0.0.1:{server.port}"
    (lookup,) = resolve(["a.test"], types=["TXT"], servers=[at], timeout=20.0)
    assert lookup.resolutions[0].outcome is Outcome.TLS
    assert server.queries == []
    (lookup,) = resolve(["a.test"], types=["TXT"], servers=[at], timeout=20.0, security=Security(insecure=True))
    assert lookup.resolutions[0].outcome is Outcome.ANSWER


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (lambda query, number: [CLOSE], Outcome.UNREACHABLE),
        (lambda query, number: [reply_to(query, question="evil.test. A")], Outcome.MISMATCH),
        (lambda query, number: [b"\0" * 5], Outcome.MALFORMED),
        (lambda query, number: [reply_to(query, rcode="SERVFAIL")], Outcome.SERVFAIL),
        (lambda query, number: [reply_to(query, flags="QR TC")], Outcome.TRUNCATED),
    ],
)
def test_what_a_server_does_has_its_outcome(
    kind: str, script: Script, outcome: Outcome, start: Start, cacert: str
) -> None:
    waits = kind == "tls" and outcome in (Outcome.MISMATCH, Outcome.MALFORMED)  # for a reply that fits, to the end
    (one,) = ask(kind, start(kind, script), cacert=cacert, timeout=1.0 if waits else 20.0, tries=1)
    assert one.outcome is outcome


@pytest.mark.parametrize("kind", KINDS)
def test_a_silent_server_ends_with_the_deadline(kind: str, start: Start, cacert: str) -> None:
    (one,) = ask(kind, start(kind, lambda query, number: []), cacert=cacert, timeout=0.6)
    assert one.outcome in (Outcome.TIMEOUT, Outcome.UNREACHABLE)


def test_a_server_that_never_ends_the_handshake_is_told_once(cacert: str) -> None:
    """Later tries wait for the session of the first."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"https://127.0.0.1:{listener.getsockname()[1]}"
        (lookup,) = resolve(["a.test"], types=["TXT"], servers=[server], security=Security(cacert), timeout=0.6)
    [one] = lookup.resolutions
    [told] = one.rejected
    assert (one.outcome, told.server) == (Outcome.TIMEOUT, server.removeprefix("https://"))
    assert told.reason.startswith("no end within 0.6 s, ")


@pytest.mark.parametrize("kind", [*KINDS, "tcp"])
def test_nobody_listens(kind: str, refusing: str, cacert: str) -> None:
    port = refusing.rpartition(":")[2]
    (lookup,) = resolve(["a.test"], types=["TXT"], servers=[f"{kind}://127.0.0.1:{port}"], timeout=2.0)
    assert lookup.resolutions[0].outcome in (Outcome.UNREACHABLE, Outcome.TIMEOUT)


def test_a_server_in_the_clear_where_tls_was_meant(serve: Start, cacert: str) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, "@ 60 IN TXT hello")])
    (one,) = ask("tls", server, cacert=cacert, timeout=2.0)
    assert one.outcome in (Outcome.TLS, Outcome.TIMEOUT)
    assert one.records == ()


def test_over_tcp_the_pair_shares_a_connection(serve: Start) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire)])
    (lookup,) = resolve(["a.test"], servers=[str(server)], tcp=True)
    assert [one.outcome for one in lookup.resolutions] == [Outcome.NODATA] * 2
    assert server.transports == ["tcp", "tcp"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_command(kind: str, start: Start, cacert: str, netkit: Start) -> None:
    server = start(kind, answers)
    at = f"@{kind}://dns.test:{server.port}#127.0.0.1"
    done = netkit("resolve", at, "--cacert", cacert, "-t", "TXT", "--json", "a.test")
    document = json.loads(done.stdout)
    assert (done.returncode, document["transport"], document["outcome"]) == (0, kind, "answer")
    traced = netkit("resolve", at, "--cacert", cacert, "-t", "TXT", "--trace", "a.test")
    assert "tls" in traced.stderr
    wrong = netkit("resolve", at, "-t", "TXT", "a.test")
    assert (wrong.returncode, wrong.stdout) == (6, "")
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize("kind", ["tcp", "tls", "https"])
def test_the_address_to_ask_from(kind: str, start: Start, cacert: str) -> None:
    server = start(kind, answers)
    (one,) = ask(kind, server, cacert=cacert, options=QueryOptions(source="127.0.0.9"))
    assert (one.outcome, server.peers) == (Outcome.ANSWER, {"127.0.0.9"})


def test_a_request_says_no_more_than_it_must(start: Start, cacert: str) -> None:
    server = start("https", answers)
    ask("https", server, cacert=cacert)
    line, *fields = server.requests[0].split("\r\n")
    assert re.fullmatch(r"GET /dns-query\?dns=AAAB[\w-]+ HTTP/1\.1", line)  # the id is 0 (RFC 8484 4.1)
    assert sorted(field.partition(":")[0] for field in fields) == ["Accept", "Cache-Control", "Host"]


def test_a_path_of_the_servers_own(start: Start, cacert: str) -> None:
    server = start("https", answers)
    (lookup,) = resolve(
        ["a.test"],
        types=["TXT"],
        servers=[f"https://127.0.0.1:{server.port}/my/dns"],
        timeout=20.0,
        security=Security(cacert),
    )
    assert lookup.resolutions[0].outcome is Outcome.ANSWER
    assert server.requests[0].startswith("GET /my/dns?dns=")


@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (response(b"", "404 Not Found"), "malformed", "HTTP 404 Not Found instead of a reply"),
        (response(b"", "503 Later\x1b[31m"), "malformed", "HTTP 503 Later"),
        (response(b"", "302 Found\r\nLocation: https://127.0.0.1:1/"), "malformed", "HTTP 302 Found"),
        (response(b"<html>", kind="text/html; charset=x"), "malformed", "text/html instead of application/dns-message"),
        (response(b"\0" * 65536), "malformed", "more than 65535 octets"),
        (response(b""), "malformed", "0 octets"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/dns-message\r\nContent-Length: 9\r\n\r\nabc"), "malformed",
         "after 3 of 9 bytes of the body"),
        (Raw(b"SSH-2.0-none\r\n\r\n"), "malformed", ""),
    ],
)  # fmt: skip
def test_responses_without_a_dns_message(reply: Raw, outcome: str, reason: str, start: Start, cacert: str) -> None:
    server = start("https", lambda query, number: [reply, CLOSE])
    (one,) = ask("https", server, cacert=cacert)
    assert one.outcome.value == outcome
    assert [reason in rejected.reason for rejected in one.rejected] == [True]


def test_a_file_of_cas_that_is_none(start: Start, netkit: Start, tmp_path: Any) -> None:
    (tmp_path / "empty").write_text("")
    for kind in KINDS:
        server = start(kind, answers)
        at = f"@{kind}://127.0.0.1:{server.port}"
        for path in ("empty", "missing"):
            done = netkit("resolve", at, "--cacert", str(tmp_path / path), "a.test")
            assert (done.returncode, done.stdout) == (2, "")
            assert path in done.stderr
            assert "Traceback" not in done.stderr


def test_options_of_tls_without_tls(netkit: Start) -> None:
    done = netkit("resolve", "@127.0.0.1", "--insecure", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--insecure is for servers asked over tls://" in done.stderr


def test_a_zone_over_tls(start: Start, cacert: str, netkit: Start) -> None:
    soa = "zone.test. 60 IN SOA ns.zone.test. admin.zone.test. 3 2 3 4 60"
    server = start(
        "tls", lambda query, number: [reply_to(query, soa), reply_to(query, "www.zone.test. 60 IN A 192.0.2.1", soa)]
    )
    at = f"@tls://dns.test:{server.port}#127.0.0.1"
    done = netkit("resolve", at, "--cacert", cacert, "-t", "AXFR", "zone.test")
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", 2)
    refused = netkit("resolve", at, "-t", "AXFR", "zone.test")
    assert (refused.returncode, refused.stdout) == (6, "")


@pytest.mark.parametrize("kind", KINDS)
def test_certificates_to_trust_that_cannot_be_read(kind: str, refusing: str, netkit: Start, tmp_path: Path) -> None:
    """Said before anybody is asked."""
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for path in (empty, tmp_path / "nowhere.pem"):
        done = netkit("resolve", f"@{kind}://{refusing}", "--cacert", str(path), "-t", "TXT", "a.test")
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{path}: cannot read CA certificates" in done.stderr


def test_what_a_quic_server_does_wrong_is_said_once(serve: Start, netkit: Start) -> None:
    """aioquic logs it as well, which Python's logging would write to standard error."""

    def other_versions(query: bytes, transport: str, number: int) -> list[bytes]:
        size = query[5]
        theirs, ours = query[5 : 6 + size], query[6 + size : 7 + size + query[6 + size]]
        return [b"\x80\0\0\0\0" + ours + theirs + b"\x1a\x2a\x3a\x4a"]

    server = serve(other_versions)
    done = netkit("resolve", f"@quic://{server}", "-t", "TXT", "a.test")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        f"netkit: a.test TXT: unreachable: no server can be reached; {server} ended the connection: "
        "Could not find a common protocol version",
        "hint: is a DNS server running there? @SERVER asks another one",
    ]
