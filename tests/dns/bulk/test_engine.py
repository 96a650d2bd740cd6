"""Many names asked of servers that misbehave: each question has one result, and it says what went wrong."""

import os
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dns.message
import pytest

from netkit.dns.bulk import upstream
from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.look_up import Run
from netkit.dns.bulk.pace import Bucket
from netkit.dns.cookies import Cookies
from netkit.dns.result import Outcome, Rejected, Resolution
from netkit.dns.wire import USUAL
from netkit.errors import BadInput, LocalFailure, Unreachable
from netkit.events import Step
from tests.conftest import MS
from tests.dns.bulk.faulty import Faulty
from tests.dns.conftest import CLOSE, SOA, Octets, Scripted, asked_for, reply_to

Serve = Callable[..., Scripted]
SOON = Settings(timeout=900 * MS)  # tries of 300 ms: for servers that do not answer
PATIENT = Settings(timeout=60_000 * MS)


@pytest.fixture(autouse=True)
def nothing_is_asked_twice_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.dns.bulk.engine.TRY_SECONDS", 20_000 * MS)


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
def ask(given: Callable[[str], int]) -> Callable[..., list[Resolution]]:
    """The resolutions of lines, in the order they came."""

    def run(
        text: str, *servers: object, settings: Settings = PATIENT, types: Sequence[str] = ("A",), **more: Any
    ) -> Any:
        made = Run(given(text), types=types, servers=[str(one) for one in servers], settings=settings, **more)
        return [one.resolution for results in made.results() for one in results]

    return run


def answer(wire: bytes, transport: str, number: int) -> list[bytes]:
    return [reply_to(wire, "@ 60 IN A 192.0.2.1")]


def silent(wire: bytes, transport: str, number: int) -> list[bytes]:
    return []


def says(rcode: str) -> Callable[..., list[bytes]]:
    return lambda wire, transport, number: [reply_to(wire, rcode=rcode)]


def wrong_id(wire: bytes) -> bytes:
    good = reply_to(wire, "@ 60 IN A 6.6.6.6")
    return bytes([good[0] ^ 0x55]) + good[1:]


# --- one result each


def test_every_question_has_one_result(serve: Serve, ask: Any) -> None:
    text = "".join(f"host{n}.test\n" for n in range(300))
    found = ask(text, serve(answer))
    assert sorted(one.input for one in found) == sorted(text.split())
    assert {(one.outcome, one.tries, one.data) for one in found} == {(Outcome.ANSWER, 1, ("192.0.2.1",))}


def test_ids_are_unpredictable_and_ports_are_several(serve: Serve, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "QUERIES", 10)  # a new port after so many
    server = serve(answer)
    found = ask("".join(f"host{n}.test\n" for n in range(400)), server, settings=PATIENT._replace(concurrency=16))
    ids = [int.from_bytes(wire[:2]) for _, wire in server.queries]
    assert (len(found), len(ids)) == (400, 400)
    assert len(set(ids)) > 380
    assert Counter(one > 32768 for one in ids)[True] in range(100, 300)


def test_the_order_of_the_input(serve: Serve, ask: Any) -> None:
    waiting: list[bytes] = []

    def backwards(wire: bytes, transport: str, number: int) -> list[bytes]:
        waiting.append(wire)
        if len(waiting) < 10:
            return []
        replies = [reply_to(one, "@ 60 IN A 192.0.2.1") for one in reversed(waiting)]
        waiting.clear()
        return replies

    lines = [f"host{n}.test" if n % 7 else f"host..{n}" for n in range(140)]
    settings = PATIENT._replace(ordered=True)
    server = serve(backwards)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netkit.dns.bulk.engine.SOCKETS", 1)  # the server answers where the last query came from
        found = ask("\n".join(lines), server, settings=settings)
    assert [one.input for one in found] == lines


def test_confirmed_interrupted_and_known_need_no_server(given: Any) -> None:
    run = Run(given("localhost\nx.invalid\na..b\n"), resolv_conf="/dev/null", settings=PATIENT)
    found = [one.resolution for results in run.results() for one in results]
    assert [(one.input, one.type, one.outcome.value) for one in found] == [
        ("localhost", "A", "answer"),
        ("localhost", "AAAA", "answer"),
        ("x.invalid", "A", "nxdomain"),
        ("x.invalid", "AAAA", "nxdomain"),
        ("a..b", "A", "badname"),
        ("a..b", "AAAA", "badname"),
    ]
    run = Run(given("www.test\n"), resolv_conf="/dev/null", settings=PATIENT)
    with pytest.raises(LocalFailure, match="no resolver configuration"):
        list(run.results())


# --- servers that misbehave


@pytest.mark.parametrize(
    ("script", "outcome", "tries"),
    [
        (says("NXDOMAIN"), Outcome.NXDOMAIN, 1),
        (says("REFUSED"), Outcome.REFUSED, 1),
        (says("SERVFAIL"), Outcome.SERVFAIL, 2),
        (says("YXDOMAIN"), Outcome.RCODE, 1),
        (silent, Outcome.TIMEOUT, 0),
        (lambda wire, transport, number: [wire[:2] + b"\x80\0 no DNS"], Outcome.MALFORMED, 0),
        (lambda wire, transport, number: [wire[:7]], Outcome.MALFORMED, 0),
        (lambda wire, transport, number: [wrong_id(wire)], Outcome.MISMATCH, 0),
        (lambda wire, transport, number: [wire], Outcome.MISMATCH, 0),
        (lambda wire, transport, number: [reply_to(wire, question="evil.test. A")], Outcome.MISMATCH, 0),
        (lambda wire, transport, number: [reply_to(wire, flags="QR RD TC")], Outcome.TRUNCATED, 2),
        (lambda wire, transport, number: [reply_to(wire, authority=["test. 9 IN NS ns.test."])], Outcome.LAME, 1),
        (
            lambda wire, transport, number: [reply_to(wire, "@ 9 IN CNAME b.test.", "b.test. 9 IN CNAME @")],
            Outcome.DANGLING_CNAME,
            1,
        ),
    ],
)
def test_every_outcome(script: Any, outcome: Outcome, tries: int, serve: Serve, ask: Any) -> None:
    if outcome is Outcome.DANGLING_CNAME:

        def script(wire: bytes, transport: str, number: int) -> list[bytes]:
            return [reply_to(wire, "@ 9 IN CNAME b.test.", authority=[SOA], rcode="NXDOMAIN")]

    server = serve(script)
    [found] = ask("www.test\n", server, settings=SOON)
    assert found.outcome is outcome
    assert found.tries == tries or (not tries and found.tries in (1, 2, 3))  # as many as there was time for
    assert found.data == ()


def test_a_server_that_is_not_there(refusing: str, ask: Any) -> None:
    found = ask("a.test\nb.test\n", refusing)
    assert [one.outcome for one in found] == [Outcome.UNREACHABLE] * 2
    assert set(found[0].rejected) == {Rejected(refusing, "refused")}


def test_thousands_of_names_do_not_wait_for_a_server_that_is_not_there(refusing: str, ask: Any) -> None:
    found = ask("".join(f"h{n}.test\n" for n in range(3000)), refusing, settings=PATIENT)
    assert Counter(one.outcome for one in found) == {Outcome.UNREACHABLE: 3000}


def test_a_server_that_starts_again_is_waited_for(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its port is closed for a while in the middle of the run; no question suffers from it."""
    monkeypatch.setattr(upstream, "PAUSE", 0.01)
    first = Faulty(faults=False)
    address = str(first)
    sent: Counter[str] = Counter()
    started: list[Faulty] = []

    def on_event(step: Step) -> None:
        sent["closed" if first.closed else "open"] += step.name == "send"
        if sent["closed"] > 500 and not started:
            started.append(Faulty(faults=False, port=int(address.rpartition(":")[2])))

    run = Run(
        given("".join(f"h{n}.test\n" for n in range(4000))),
        types=["A"],
        servers=[address],
        settings=PATIENT._replace(tries=30),  # what the closed socket had not answered yet is asked again after 2 s
        on_event=on_event,
    )
    found: list[Any] = []
    for results in run.results():
        found += results
        if len(found) > 500 and not first.closed:
            first.close()
    started[0].close()
    assert Counter(one.outcome for one in found) == {Outcome.ANSWER: 4000}


def test_the_next_server_answers(serve: Serve, refusing: str, ask: Any) -> None:
    good = serve(answer)
    for bad in (refusing, serve(says("SERVFAIL")), serve(says("REFUSED"))):
        found = ask("".join(f"h{n}.test\n" for n in range(40)), bad, good)
        assert {one.outcome for one in found} == {Outcome.ANSWER}
        assert {one.server for one in found} == {str(good)}
    retried = [one for one in found if one.rejected]
    assert retried
    assert {one.rejected for one in retried} == {(Rejected(str(bad), "refused"),)}


def test_a_silent_server_is_told_beside_the_answer_of_the_next(serve: Serve, ask: Any) -> None:
    first, second = serve(lambda wire, transport, number: []), serve(answer)
    settings = PATIENT._replace(timeout=4000 * MS, tries=2)
    found = ask("".join(f"h{n}.test\n" for n in range(20)), first, second, settings=settings)
    assert {one.outcome for one in found} == {Outcome.ANSWER}
    assert {one.rejected for one in found if one.rejected} == {(Rejected(str(first), "gave no reply"),)}


def test_what_is_lost_is_asked_again(serve: Serve, ask: Any) -> None:
    seen: Counter[str] = Counter()

    def loses(wire: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(wire)
        seen[name] += 1
        return [] if seen[name] == 1 and int(name[1:-5]) % 5 == 0 else answer(wire, transport, number)

    settings = PATIENT._replace(timeout=6000 * MS, tries=6)
    found = ask("".join(f"h{n}.test\n" for n in range(50)), serve(loses), settings=settings)
    assert Counter(one.outcome for one in found) == {Outcome.ANSWER: 50}
    assert {one.tries > 1 for one in found if int(one.input[1:-5]) % 5 == 0} == {True}


def test_a_late_reply_counts(serve: Serve, ask: Any) -> None:
    first: list[bytes] = []

    def late(wire: bytes, transport: str, number: int) -> list[bytes]:
        first.append(wire)
        return [reply_to(first[0], "@ 60 IN A 192.0.2.1")] if number == 1 else []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netkit.dns.bulk.engine.SOCKETS", 1)  # the server answers where the last query came from
        [found] = ask("www.test\n", serve(late), settings=SOON)
    assert (found.outcome, found.tries) == (Outcome.ANSWER, 2)


def test_forged_replies_do_not_disturb_the_right_one(serve: Serve, ask: Any) -> None:
    def forged(wire: bytes, transport: str, number: int) -> list[bytes]:
        return [wrong_id(wire), reply_to(wire, question="evil.test. A"), *answer(wire, transport, number)]

    server = serve(forged)
    [found] = ask("www.test\n", server)
    assert (found.outcome, found.data) == (Outcome.ANSWER, ("192.0.2.1",))
    assert found.rejected == (
        Rejected(str(server), "mismatch: wrong id"),
        Rejected(str(server), "mismatch: it answers evil.test. A"),
    )


def test_records_of_somebody_else_are_no_answer(serve: Serve, ask: Any) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, "other.test. 60 IN A 6.6.6.6")])
    [found] = ask("www.test\n", server)
    assert (found.outcome, found.records) == (Outcome.NODATA, ())
    assert found.notes == ("left out records of other.test.: not what was asked",)


def test_an_alias_whose_target_is_left_out_is_chased(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(wire)
        return [reply_to(wire, f"@ 60 IN CNAME b{name}." if not name.startswith("bb") else "@ 60 IN A 192.0.2.9")]

    found = ask("x.test\ny.test\n", serve(script))
    assert sorted((one.input, one.canonical, one.data, one.tries) for one in found) == [
        ("x.test", "bbx.test.", ("192.0.2.9",), 3),
        ("y.test", "bby.test.", ("192.0.2.9",), 3),
    ]


def test_a_circle_of_aliases_ends(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(wire)
        return [reply_to(wire, f"@ 60 IN CNAME {'b' if name == 'a.test' else 'a'}.test.")]

    [found] = ask("a.test\n", serve(script))
    assert found.outcome is Outcome.CNAME_LOOP


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP"])
def test_a_server_without_edns(rcode: str, serve: Serve, ask: Any) -> None:
    def old(wire: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(wire, rcode=rcode)] if wire[11] else answer(wire, transport, number)

    server = serve(old)
    [found] = ask("www.test\n", server)
    assert (found.outcome, found.tries) == (Outcome.ANSWER, 2)
    assert found.notes == (f"{server} does not take EDNS ({rcode}), asked again without",)


def test_a_server_that_drops_edns(serve: Serve, ask: Any) -> None:
    server = serve(lambda wire, transport, number: [] if wire[11] else answer(wire, transport, number))
    [found] = ask("www.test\n", server, settings=SOON)
    assert found.outcome is Outcome.ANSWER
    assert found.notes == (f"{server} answered when asked without EDNS",)


def test_other_types_are_read_too(serve: Serve, ask: Any) -> None:
    records = {"MX": "10 mail.test.", "TXT": '"a \\027b"', "SRV": "1 2 3 h.test.", "CAA": '0 issue "ca.test"'}

    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        _, rdtype = asked_for(wire)
        return [reply_to(wire, f"@ 60 IN {rdtype} {records[rdtype]}")]

    found = ask("www.test\n", serve(script), types=list(records))
    assert {one.type: one.data for one in found} == {kind: (data,) for kind, data in records.items()}


# --- options of the query


def cookie_of(wire: bytes) -> bytes:
    [option] = dns.message.from_wire(wire).options
    return bytes(option.client) + bytes(option.server)


def test_each_server_has_a_cookie_of_its_own_and_gets_back_what_it_gave(serve: Serve, ask: Any) -> None:
    def gives(theirs: bytes) -> Callable[..., list[bytes]]:
        return lambda wire, transport, number: [
            reply_to(wire, "@ 60 IN A 192.0.2.1", options=[(10, cookie_of(wire)[:8] + theirs)])
        ]

    servers = serve(gives(b"from one")), serve(gives(b"from the other 1"))
    options = USUAL._replace(cookies=Cookies())
    found = ask("".join(f"h{n}.test\n" for n in range(300)), *servers, settings=PATIENT._replace(options=options))
    assert Counter(one.outcome for one in found) == {Outcome.ANSWER: 300}
    assert {one.edns.server_cookie for one in found} == {b"from one", b"from the other 1"}
    ours = []
    for server, theirs in zip(servers, (b"from one", b"from the other 1"), strict=True):
        sent = Counter(cookie_of(wire) for _, wire in server.queries)
        [mine] = {cookie[:8] for cookie in sent}
        assert sent.keys() == {mine, mine + theirs}
        ours.append(mine)
    assert ours[0] != ours[1]


def test_a_reply_with_another_cookie_is_forged(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        false = reply_to(wire, "@ 60 IN A 6.6.6.6", options=[(10, b"somebody")])
        return [false, reply_to(wire, "@ 60 IN A 192.0.2.1", options=[(10, cookie_of(wire)[:8])])]

    settings = PATIENT._replace(options=USUAL._replace(cookies=Cookies()))
    server = serve(script)
    [found] = ask("www.test\n", server, settings=settings)
    assert (found.data, found.rejected) == (
        ("192.0.2.1",),
        (Rejected(str(server), "mismatch: it has another cookie than ours"),),
    )


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_cookie_that_is_refused(refusals: int, serve: Serve, ask: Any) -> None:
    seen: Counter[str] = Counter()

    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(wire)
        seen[name] += 1
        options = [(10, cookie_of(wire)[:8] + b"new one%d" % seen[name])]
        if seen[name] <= refusals:
            return [reply_to(wire, rcode="BADCOOKIE", options=options)]
        return [reply_to(wire, "@ 60 IN A 192.0.2.1", options=options)]

    settings = PATIENT._replace(options=USUAL._replace(cookies=Cookies()))
    server = serve(script)
    found = ask("a.test\nb.test\n", server, settings=settings)
    transport = "tcp" if refusals == 2 else "udp"
    assert {(one.outcome, one.tries, one.transport) for one in found} == {(Outcome.ANSWER, refusals + 1, transport)}
    note = f"{server} wanted another cookie (BADCOOKIE), asked again with the one it gave"
    assert {one.notes for one in found} == {(note,) * refusals}


def test_queries_are_padded_where_it_is_wanted(serve: Serve, ask: Any) -> None:
    server = serve(answer)
    ask("a.test\nlong-name.test\n", server, settings=PATIENT._replace(options=USUAL._replace(pad=64)))
    assert {len(wire) for _, wire in server.queries} == {64}
    assert {dns.message.from_wire(wire).options[0].otype for _, wire in server.queries} == {12}


# --- TCP


def test_what_is_truncated_comes_over_one_connection(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        if transport == "udp":
            return [reply_to(wire, flags="QR RD TC")]
        return [reply_to(wire, *(f"@ 60 IN A 192.0.2.{n}" for n in range(1, 40)))]

    server = serve(script)
    found = ask("".join(f"h{n}.test\n" for n in range(30)), server)
    assert {(one.outcome, one.transport, len(one.data), one.tries) for one in found} == {(Outcome.ANSWER, "tcp", 39, 2)}


def test_tcp_from_the_start(serve: Serve, ask: Any) -> None:
    server = serve(answer)
    found = ask("".join(f"h{n}.test\n" for n in range(200)), server, settings=PATIENT._replace(tcp=True))
    assert {(one.outcome, one.transport, one.tries) for one in found} == {(Outcome.ANSWER, "tcp", 1)}
    assert set(server.transports) == {"tcp"}


def test_a_connection_that_ends_after_some_replies_costs_no_try(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        return [*answer(wire, transport, number), *([CLOSE] if number % 7 == 6 else [])]

    found = ask("".join(f"h{n}.test\n" for n in range(100)), serve(script), settings=PATIENT._replace(tcp=True))
    assert Counter((one.outcome, one.tries) for one in found) == {(Outcome.ANSWER, 1): 100}


def test_a_connection_that_ends_at_once(serve: Serve, ask: Any) -> None:
    server = serve(lambda wire, transport, number: [CLOSE])
    [found] = ask("www.test\n", server, settings=PATIENT._replace(tcp=True))
    assert found.outcome is Outcome.UNREACHABLE
    assert found.rejected[0] == Rejected(str(server), "closed the connection without a whole reply")


def test_a_reply_in_pieces_and_one_that_is_cut(serve: Serve, ask: Any) -> None:
    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        [good] = answer(wire, transport, number)
        whole = len(good).to_bytes(2) + good
        return [Octets(whole[at : at + 1]) for at in range(len(whole))]

    [found] = ask("www.test\n", serve(script), settings=PATIENT._replace(tcp=True))
    assert (found.outcome, found.transport) == (Outcome.ANSWER, "tcp")


def test_no_tcp_where_the_truncated_reply_should_be_whole(serve: Serve, ask: Any) -> None:
    server = serve(lambda wire, transport, number: [reply_to(wire, flags="QR RD TC")], tcp=False)
    [found] = ask("www.test\n", server)
    assert found.outcome is Outcome.UNREACHABLE
    assert found.rejected == (Rejected(str(server), "refused over TCP, where the truncated reply should be whole"),)


def test_a_closed_port_over_tcp(refusing: str, ask: Any) -> None:
    found = ask("a.test\nb.test\n", refusing, settings=PATIENT._replace(tcp=True))
    assert {one.outcome for one in found} == {Outcome.UNREACHABLE}


# --- servers of a line


def test_a_line_names_its_server(serve: Serve, refusing: str, ask: Any) -> None:
    one, other = serve(answer), serve(says("NXDOMAIN"))
    text = f"a.test,@{one}\nb.test,A,@{other}\nc.test,@{refusing}\nd.test,@{refusing},@{one}\ne.test,@x..y\n"
    found = {item.input: item for item in ask(text, resolv_conf="/dev/null")}
    assert {name: (item.outcome.value, item.server) for name, item in found.items()} == {
        "a.test": ("answer", str(one)),
        "b.test": ("nxdomain", str(other)),
        "c.test": ("unreachable", None),
        "d.test": ("answer", str(one)),
        "e.test": ("badname", None),
    }


def test_descriptors_are_given_back_when_none_is_left(serve: Serve, ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    servers = [serve(answer) for _ in range(12)]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(fd) for fd in os.listdir("/proc/self/fd"))
    text = "".join(f"h{n}.test,@{servers[n % 12]}\n" for n in range(36))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 14, hard))
    try:
        found = ask(text, resolv_conf="/dev/null")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert Counter(one.outcome for one in found) == {Outcome.ANSWER: 36}


# --- confirmation


def test_a_negative_answer_is_confirmed_or_not(serve: Serve, ask: Any) -> None:
    no, yes, fails = serve(says("NXDOMAIN")), serve(answer), serve(says("SERVFAIL"))
    settings = PATIENT._replace(confirm=1)
    [found] = list(ask("a.test\n", no, no_too := serve(says("NXDOMAIN")), settings=settings))
    assert (found.outcome, found.server, found.notes) == (
        Outcome.NXDOMAIN,
        str(no),
        (f"{no_too} says nxdomain as well",),
    )
    [found] = ask("a.test\n", no, yes, settings=settings)
    assert (found.outcome, found.server, found.notes) == (Outcome.ANSWER, str(yes), (f"{no} says nxdomain",))
    [found] = ask("a.test\n", no, fails, settings=settings)
    assert (found.outcome, found.notes) == (Outcome.NXDOMAIN, (f"{fails} cannot confirm it: servfail",))
    [found] = ask(f"a.test,@{no}\n", yes, no_too, settings=settings)
    assert (found.outcome, found.notes) == (Outcome.NXDOMAIN, ("there is no other server to confirm it",))


def test_to_confirm_there_must_be_enough_servers(given: Any) -> None:
    with pytest.raises(BadInput, match="--confirm 2 needs 3 servers, and there is 1"):
        Run(given(""), servers=["192.0.2.1"], settings=PATIENT._replace(confirm=2))


# --- pace


def test_the_rate_is_kept(serve: Serve, ask: Any) -> None:
    waits: list[float] = []

    def wait(self: Bucket) -> float:
        waits.append(usual(self))
        return waits[-1]

    usual = Bucket.wait
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bucket, "wait", wait)
        found = ask("".join(f"h{n}.test\n" for n in range(30)), serve(answer), settings=PATIENT._replace(rate=200.0))
    assert len(found) == 30
    assert waits
    assert all(0 <= wait <= 1 / 200 for wait in waits)


def test_no_more_in_flight_than_was_said(serve: Serve, ask: Any) -> None:
    open_now: list[int] = []
    waiting: list[bytes] = []

    def script(wire: bytes, transport: str, number: int) -> list[bytes]:
        waiting.append(wire)
        open_now.append(len(waiting))
        if len(waiting) < 5:
            return []
        return [reply_to(waiting.pop(), "@ 60 IN A 192.0.2.1") for _ in range(5)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("netkit.dns.bulk.engine.SOCKETS", 1)
        found = ask("".join(f"h{n}.test\n" for n in range(50)), serve(script), settings=PATIENT._replace(concurrency=5))
    assert len(found) == 50
    assert max(open_now) == 5


@pytest.mark.parametrize("error", [OSError(22, "Invalid argument"), BlockingIOError(11, "again")])
def test_what_the_kernel_does_not_take_together(
    error: OSError, serve: Serve, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that cuts no datagrams, and one whose buffer is full for now."""
    calls = []

    class Sock(socket.socket):
        def sendmsg(self, *given: Any) -> int:
            calls.append(given)
            if len(calls) <= 3:
                raise error
            return super().sendmsg(*given)

    monkeypatch.setattr(socket, "socket", Sock)
    found = ask("".join(f"h{n}.test\n" for n in range(100, 200)), serve(answer))
    assert Counter((one.outcome, one.tries) for one in found) == {(Outcome.ANSWER, 1): 100}
    assert calls


# --- stopping


def test_stopped_it_answers_for_what_it_has_taken(serve: Serve, given: Any) -> None:
    server = serve(lambda wire, transport, number: answer(wire, transport, number) if number < 50 else [])
    run = Run(given("".join(f"h{n}.test\n" for n in range(5000))), types=["A"], servers=[str(server)], settings=PATIENT)
    found = []
    for results in run.results():
        found += results
        if len(found) >= 50:
            run.stop()
    inputs = [one.task.text for one in found]
    assert len(inputs) == len(set(inputs)) == run.feed.lines
    assert inputs
    assert len(inputs) < 5000
    assert Counter(one.outcome for one in found) == {
        Outcome.ANSWER: 50,
        Outcome.INTERRUPTED: run.feed.lines - 50,
    }


def test_stopped_it_answers_for_all_lines_where_they_are_its_own(serve: Serve, given: Any) -> None:
    read, write = os.pipe()
    run = Run(
        given("".join(f"h{n}.test\n" for n in range(3000))), types=["A"], servers=[str(serve(silent))], settings=PATIENT
    )
    os.close(write)  # readable from the start
    found = [one for results in run.results(wake=read, to_the_end=True) for one in results]
    os.close(read)
    assert Counter(one.outcome for one in found) == {Outcome.INTERRUPTED: 3000}


# --- what it is told


def test_versions_and_sources(serve: Serve, given: Any, ask: Any) -> None:
    server = serve(answer)
    with pytest.raises(Unreachable, match="no server has an IPv6 address"):
        Run(given(""), servers=[str(server)], version=6)
    settings = PATIENT._replace(options=USUAL._replace(source="127.0.0.1", rdclass=3))
    [found] = ask("version.bind\n", serve(says("REFUSED")), settings=settings, types=[])
    assert (found.type, found.rdclass, found.outcome) == ("TXT", "CH", Outcome.REFUSED)


def test_every_step_is_told(serve: Serve, ask: Any) -> None:
    steps: list[Step] = []
    server = serve(answer)
    ask("www.test\n", server, on_event=steps.append)
    ask("www.test\n", server, on_event=steps.append, settings=PATIENT._replace(tcp=True))
    told = [(step.name, step.address) for step in steps if step.name != "socket"]
    assert told == [(name, str(server)) for name in ("connect", "send", "recv", "close")] + [
        (name, str(server)) for name in ("send", "connect", "recv", "close")
    ]
