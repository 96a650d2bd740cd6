"""Many names over TLS, HTTPS and QUIC: one result for each whatever the servers do, over connections that last."""

import os
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from netkit.dns.bulk import upstream
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.full_names import FullNames
from netkit.dns.bulk.look_up import Run
from netkit.dns.result import Outcome, Resolution
from netkit.dns.wire import USUAL
from netkit.errors import BadInput, LocalFailure
from netkit.net.ca import Leaf
from netkit.net.tls_client import Security
from tests.conftest import MS
from tests.dns.conftest import reply_to
from tests.dns.links import (
    AUTHORITY,
    CLOSE,
    SILENCE,
    HttpsServer,
    QuicServer,
    Raw,
    Script,
    TlsServer,
    response,
    trusted,
)

Start = Callable[..., Any]
Ask = Callable[..., list[Resolution]]
KINDS = ("tls", "https", "quic")
STARTS: dict[str, Start] = {"tls": TlsServer, "https": HttpsServer, "quic": QuicServer}
NAMES = ("dns.test", "127.0.0.1")
SOON = Settings(timeout=900 * MS)  # tries of 300 ms: for servers that do not answer
PATIENT = Settings(timeout=60_000 * MS)


@pytest.fixture(autouse=True)
def nothing_is_asked_twice_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.dns.bulk.engine.TRY_SECONDS", 20_000 * MS)


@pytest.fixture(scope="module")
def security() -> Iterator[Security]:
    with trusted() as path:
        yield Security(path)


@pytest.fixture
def start() -> Iterator[Start]:
    """A server that a script answers for; `at` is how it is written."""
    running: list[Any] = []

    def begin(kind: str, script: Script, leaf: Leaf | None = None) -> Any:
        running.append(STARTS[kind](script, leaf or AUTHORITY.issue(NAMES)))
        running[-1].at = f"{kind}://dns.test:{running[-1].port}#127.0.0.1"
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture
def given() -> Iterator[Callable[[str], int]]:
    """A descriptor that lines are read from."""
    opened = []

    def make(text: str) -> int:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        opened.append(read)
        return read

    yield make
    for fd in opened:
        os.close(fd)


@pytest.fixture
def ask(given: Callable[[str], int], security: Security) -> Ask:
    def run(text: str, *servers: Any, settings: Settings = PATIENT, **more: Any) -> Any:
        settings = settings._replace(security=security)
        at = [getattr(one, "at", one) for one in servers]
        made = Run(given(text), types=["A"], servers=at, settings=settings, **more)
        return [one.resolution for results in made.results() for one in results]

    return run


def names(count: int) -> str:
    return "".join(f"h{number}.test\n" for number in range(count))


def answer(query: bytes, number: int) -> list[bytes]:
    return [reply_to(query, "@ 60 IN A 192.0.2.1")]


def silent(query: bytes, number: int) -> list[bytes]:
    return [SILENCE]


def other_id(query: bytes) -> bytes:
    [good] = answer(query, 0)
    return bytes([good[0] ^ 0x55]) + good[1:]


def once(found: list[Resolution], count: int) -> None:
    """Each name has one result."""
    assert sorted(one.input for one in found) == sorted(names(count).split())


# --- as it should be


@pytest.mark.parametrize("kind", KINDS)
def test_every_question_has_one_result_over_few_connections(kind: str, start: Start, ask: Ask) -> None:
    server = start(kind, answer)
    found = ask(names(400), server)
    once(found, 400)
    assert {(one.outcome, one.transport, one.tries, one.data, one.server) for one in found} == {
        (Outcome.ANSWER, kind, 1, ("192.0.2.1",), f"127.0.0.1:{server.port}")
    }
    assert len(server.queries) == 400
    assert {len(query) % 128 for query in server.queries} == {0}  # padded (RFC 8467 4.1)
    assert 1 <= server.connections <= {"tls": 4, "https": 6, "quic": 1}[kind]
    ids = {query[:2] for query in server.queries}
    assert (ids == {b"\0\0"}) if kind != "tls" else len(ids) > 380


@pytest.mark.parametrize("kind", KINDS)
def test_other_types_and_denials_are_what_they_are(kind: str, start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        if b"\2no" in query:
            return [reply_to(query, rcode="NXDOMAIN")]
        return [
            reply_to(query, '@ 60 IN TXT "hello"' if query[12:].partition(b"\0")[2][1] == 16 else "@ 60 IN A 192.0.2.7")
        ]

    found = ask("www.test\nno.test\nwww.test,TXT\na..b\n127.0.0.1,MX\n", start(kind, script))
    assert sorted((one.input, one.type, one.outcome.value, one.data) for one in found) == [
        ("127.0.0.1", "MX", "badname", ()),
        ("a..b", "A", "badname", ()),
        ("no.test", "A", "nxdomain", ()),
        ("www.test", "A", "answer", ("192.0.2.7",)),
        ("www.test", "TXT", "answer", ('"hello"',)),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_padding_is_as_was_said(kind: str, start: Start, ask: Ask) -> None:
    server = start(kind, answer)
    ask(names(3), server, settings=PATIENT._replace(options=USUAL._replace(pad=0)))
    assert {len(query) for query in server.queries} == {12 + 8 + 1 + 4 + 11 + 2 - 2}
    ask(names(3), server, settings=PATIENT._replace(options=USUAL._replace(pad=200)))
    assert {len(query) for query in server.queries[3:]} == {200}


def test_full_names_come_over_them_too(start: Start, given: Any, security: Security) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        return [reply_to(query, "@ 60 IN PTR www.test." if b"\4arpa" in query else "@ 60 IN A 192.0.2.1")]

    for kind in KINDS:
        settings = PATIENT._replace(security=security)
        run = FullNames(given("192.0.2.1\nwww.test\n"), servers=[start(kind, script).at], settings=settings)
        found = [one for results in run.results() for one in results]
        assert sorted((one.found.name, one.status.value) for one in found) == [
            ("www.test", "answer"),
            ("www.test", "confirmed"),
        ]


def test_a_line_names_its_server_and_the_rest_has_another(start: Start, ask: Ask) -> None:
    servers = {kind: start(kind, answer) for kind in KINDS}
    text = "".join(f"{kind}.test,@{one.at}\n" for kind, one in servers.items())
    found = ask(text + "plain.test\n", servers["tls"])
    assert {one.input: one.transport for one in found} == {
        "tls.test": "tls",
        "https.test": "https",
        "quic.test": "quic",
        "plain.test": "tls",
    }


# --- servers that end connections


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("after", [1, 7])
def test_a_connection_that_ends_after_some_replies_costs_no_result(
    kind: str, after: int, start: Start, ask: Ask
) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        return [*answer(query, number), *([CLOSE] if number % after == after - 1 else [])]

    count = 20 * after  # each connection of QUIC costs two key exchanges
    server = start(kind, script)
    found = ask(names(count), server)
    once(found, count)
    assert Counter(one.outcome for one in found) == {Outcome.ANSWER: count}
    assert server.connections > 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_ends_at_once(kind: str, start: Start, ask: Ask) -> None:
    found = ask(names(30), start(kind, lambda query, number: [CLOSE]))
    once(found, 30)
    assert {one.outcome for one in found} == {Outcome.UNREACHABLE}
    assert all(one.rejected for one in found)


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_there(kind: str, start: Start, ask: Ask, refusing: str) -> None:
    found = ask(names(300), f"{kind}://{refusing}")
    once(found, 300)
    assert {one.outcome for one in found} == {Outcome.UNREACHABLE}
    good = start(kind, answer)
    found = ask(names(300), f"{kind}://{refusing}", good)
    once(found, 300)
    assert {(one.outcome, one.server) for one in found} == {(Outcome.ANSWER, f"127.0.0.1:{good.port}")}


# --- replies that are none


def test_replies_come_in_any_order(start: Start, ask: Ask) -> None:
    waiting: list[bytes] = []

    def backwards(query: bytes, number: int) -> list[bytes]:
        waiting.append(query)
        if len(waiting) < 10:
            return []
        replies = [answer(one, 0)[0] for one in reversed(waiting)]
        waiting.clear()
        return replies

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(upstream, "CONNECTIONS", 1)  # the server answers where the last query came from
        found = ask(names(100), start("tls", backwards))
    once(found, 100)
    assert {(one.outcome, one.tries) for one in found} == {(Outcome.ANSWER, 1)}


def test_forged_doubled_and_unasked_replies_do_not_disturb_the_right_one(start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        [good] = answer(query, number)
        return [other_id(query), reply_to(query, question="evil.test. A"), Raw(b"\0\0"), good[:7], good, good]

    found = ask(names(60), start("tls", script))
    once(found, 60)
    assert {(one.outcome, one.tries, one.data) for one in found} == {(Outcome.ANSWER, 1, ("192.0.2.1",))}
    assert all("evil.test" in str(one.rejected) for one in found)


@pytest.mark.parametrize("kind", ["https", "quic"])
@pytest.mark.parametrize(
    ("reply", "outcome", "reason"),
    [
        (other_id, Outcome.MISMATCH, "mismatch: wrong id"),
        (lambda query: reply_to(query, question="evil.test. A"), Outcome.MISMATCH, "mismatch: it answers evil.test. A"),
        (lambda query: answer(query, 0)[0][:20], Outcome.MALFORMED, "malformed: "),
        (lambda query: query, Outcome.MISMATCH, "mismatch: it is a query, not a reply"),
    ],
)
def test_what_is_no_reply_on_a_stream_of_its_own_is_left_for_the_next_server(
    kind: str, reply: Any, outcome: Outcome, reason: str, start: Start, ask: Ask
) -> None:
    bad = start(kind, lambda query, number: [reply(query)])
    found = ask(names(40), bad)
    once(found, 40)
    assert {one.outcome for one in found} == {outcome}
    assert all(one.rejected[0].reason.startswith(reason) for one in found)
    good = start(kind, answer)
    found = ask(names(40), bad, good)
    once(found, 40)
    assert {(one.outcome, one.server) for one in found} == {(Outcome.ANSWER, f"127.0.0.1:{good.port}")}


def test_a_reply_that_is_cut_off_is_malformed_and_the_others_are_asked_again(start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        [good] = answer(query, number)
        if b"\2h7\4" in query:
            return [Raw((len(good).to_bytes(2) + good)[:-5]), CLOSE]
        return [good]

    found = ask(names(50), start("tls", script))
    once(found, 50)
    outcomes = {one.input: one.outcome for one in found}
    assert outcomes.pop("h7.test") is Outcome.MALFORMED
    assert set(outcomes.values()) == {Outcome.ANSWER}


@pytest.mark.parametrize("kind", ["https", "quic"])
def test_a_stream_that_ends_too_early(kind: str, start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        [good] = answer(query, number)
        if b"\2h7\4" not in query:
            return [good]
        return [Raw(response(good)[:-5]), CLOSE] if kind == "https" else []

    found = ask(names(50), start(kind, script))
    once(found, 50)
    outcomes = {one.input: one.outcome for one in found}
    assert outcomes.pop("h7.test") in (Outcome.MALFORMED, Outcome.UNREACHABLE)
    assert set(outcomes.values()) == {Outcome.ANSWER}


# --- silence


@pytest.mark.parametrize("kind", KINDS)
def test_silence_after_the_handshake_is_a_timeout(kind: str, start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        return answer(query, number) if number < 5 else silent(query, number)

    found = ask(names(150), start(kind, script), settings=SOON)
    once(found, 150)
    outcomes = Counter(one.outcome for one in found)
    assert outcomes[Outcome.TIMEOUT] >= 145
    assert outcomes.keys() <= {Outcome.TIMEOUT, Outcome.ANSWER}


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_server_answers_for_a_silent_one(kind: str, start: Start, ask: Ask) -> None:
    good = start(kind, answer)
    found = ask(names(150), start(kind, silent), good, settings=PATIENT._replace(timeout=9000 * MS, tries=30))
    once(found, 150)
    assert {(one.outcome, one.server) for one in found} == {(Outcome.ANSWER, f"127.0.0.1:{good.port}")}


# --- HTTP


@pytest.mark.parametrize("status", ["500 Internal Server Error", "429 Too Many Requests", "404 Not Found"])
def test_an_http_error_is_no_reply(status: str, start: Start, ask: Ask) -> None:
    def script(query: bytes, number: int) -> list[bytes]:
        return [response(b"no", status)] if b"\2h7\4" in query or b"\3h17\4" in query else answer(query, number)

    bad = start("https", script)
    found = ask(names(40), bad)
    once(found, 40)
    failed = [one for one in found if one.outcome is not Outcome.ANSWER]
    assert sorted((one.input, one.outcome) for one in failed) == [
        ("h17.test", Outcome.MALFORMED),
        ("h7.test", Outcome.MALFORMED),
    ]
    reason = f"malformed: HTTP {status} instead of a reply"
    assert {one.reason for each in failed for one in each.rejected} == {reason}
    assert {one.tries for one in failed} == {1 if "404" in status else 2}
    good = start("https", answer)
    found = ask(names(40), bad, good)
    once(found, 40)
    assert {one.outcome for one in found} == {Outcome.ANSWER}


def test_who_is_asked_too_often_is_asked_again_a_little_later(start: Start, ask: Ask) -> None:
    seen: Counter[bytes] = Counter()

    def script(query: bytes, number: int) -> list[bytes]:
        seen[query] += 1
        return answer(query, number) if seen[query] == 2 else [response(b"", "429 Too Many Requests")]

    found = ask(names(12), start("https", script))
    once(found, 12)
    assert {(one.outcome, one.tries) for one in found} == {(Outcome.ANSWER, 2)}


# --- who is not who he should be


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_does_not_prove_who_it_is_is_asked_nothing(kind: str, start: Start, ask: Ask) -> None:
    false = start(kind, answer, AUTHORITY.issue(("other.test",)))
    found = ask(names(500), false)
    once(found, 500)
    assert {one.outcome for one in found} == {Outcome.TLS}
    assert all("the certificate" in str(one.detail) for one in found)
    assert false.queries == []


@pytest.mark.parametrize("kind", KINDS)
def test_one_of_two_servers_is_false_and_the_other_has_all(kind: str, start: Start, ask: Ask) -> None:
    false, good = start(kind, answer, AUTHORITY.issue(("other.test",))), start(kind, answer)
    found = ask(names(500), false, good)
    once(found, 500)
    assert {(one.outcome, one.server) for one in found} == {(Outcome.ANSWER, f"127.0.0.1:{good.port}")}
    rejected = [one.rejected[0] for one in found if one.rejected]
    assert rejected
    assert {one.server for one in rejected} == {f"127.0.0.1:{false.port}"}
    assert all(one.reason.startswith("tls: ") for one in rejected)
    assert false.queries == []


class Reluctant(TlsServer):
    """Every other connection ends in the handshake, all others after five replies."""

    def secured(self, plain: socket.socket) -> socket.socket:
        if self.connections % 2 == 0:
            plain.recv(1)
            raise ConnectionAbortedError
        return super().secured(plain)

    def converse(self, plain: socket.socket) -> None:
        try:
            super().converse(plain)
        finally:
            plain.close()


def test_a_server_that_breaks_off_handshakes_but_has_answered_is_waited_for(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream, "PAUSE", 0.01)
    monkeypatch.setattr(upstream, "CONNECTIONS", 1)
    server = Reluctant(
        lambda query, number: [*answer(query, number), *([CLOSE] if number % 5 == 4 else [])], AUTHORITY.issue(NAMES)
    )
    try:
        found = ask(names(60), f"tls://dns.test:{server.port}#127.0.0.1")
    finally:
        server.close()
    once(found, 60)
    assert {one.outcome for one in found} == {Outcome.ANSWER}
    assert server.connections > 12


def test_a_response_that_breaks_off_is_asked_for_again(start: Start, ask: Ask) -> None:
    seen: Counter[bytes] = Counter()

    def script(query: bytes, number: int) -> list[bytes]:
        seen[query] += 1
        [good] = answer(query, number)
        return [good] if seen[query] > 1 else [Raw(response(good)[:-5]), CLOSE]

    found = ask(names(30), start("https", script))
    once(found, 30)
    assert {one.outcome for one in found} == {Outcome.ANSWER}


def test_who_speaks_no_tls(start: Start, ask: Ask, serve: Any) -> None:
    plain = serve(lambda wire, transport, number: [])
    found = ask(names(20), f"tls://{plain}", settings=SOON)
    once(found, 20)
    assert {one.outcome for one in found} <= {Outcome.TLS, Outcome.TIMEOUT}


# --- how it ends


@pytest.mark.parametrize("kind", KINDS)
def test_stopped_it_answers_for_what_it_has_taken(kind: str, start: Start, given: Any, security: Security) -> None:
    server = start(kind, lambda query, number: answer(query, number) if number < 50 else [SILENCE])
    settings = PATIENT._replace(security=security)
    run = Run(given(names(3000)), types=["A"], servers=[server.at], settings=settings)
    found = []
    for results in run.results():
        found += results
        if len(found) >= 40:
            run.stop()
    inputs = [one.task.text for one in found]
    assert len(inputs) == len(set(inputs)) == run.feed.lines < 3000
    assert {one.outcome for one in found} <= {Outcome.ANSWER, Outcome.INTERRUPTED}


def test_what_is_missing_is_told_before_anything_is_asked_or_of_the_line(
    start: Start, ask: Ask, given: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aioquic.quic.connection", None)
    with pytest.raises(LocalFailure, match="DNS over QUIC needs aioquic"):
        Run(given(""), servers=["quic://127.0.0.1"])
    found = ask("a.test,@quic://127.0.0.1\nb.test\n", start("tls", answer))
    assert {one.input: one.outcome for one in found} == {"a.test": Outcome.UNREACHABLE, "b.test": Outcome.ANSWER}
    assert "aioquic" in str([one.detail for one in found if one.input == "a.test"])
    with pytest.raises(BadInput, match="/nonexistent"):
        Run(given(""), servers=["tls://127.0.0.1"], settings=Settings(security=Security("/nonexistent")))
