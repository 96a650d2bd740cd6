"""Asking servers that are silent, refuse, fail, forge, cut, dribble or flood: how each question ends, and why."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from time import process_time

import dns.message
import pytest

from netkit.dns.exchange import AT_ONCE
from netkit.dns.link_stream import MAX_STRAYS
from netkit.dns.manner import Manner
from netkit.dns.name import parse_name
from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.stub import MAX_REJECTED, Reached, ask
from netkit.dns.types import A, type_name
from netkit.dns.wire import record_of
from netkit.events import Step
from netkit.net.deadline import Deadline
from tests.conftest import in_time
from tests.dns.conftest import CLOSE, SOA, Ending, Octets, Script, Scripted, asked_for, reply_to

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Serve = Callable[..., Scripted]

ADDRESS = "@ 60 IN A 192.0.2.1"


def one(
    *servers: Scripted | Server | str,
    rdtype: int = A,
    name: str = "www.test",
    seconds: float = 20_000 * MS,
    tries: int = 3,
    try_seconds: float = 60 * MS,
    tcp: bool = False,
    steps: list[Step] | None = None,
    replies: int = 0,
) -> Reached:
    """replies: the deadline passes behind so many."""
    where = [
        one if isinstance(one, Server) else Server("127.0.0.1", int(str(one).rpartition(":")[2])) for one in servers
    ]
    deadline = Ending.after(seconds)
    [reached] = ask(
        [(parse_name(name), rdtype)],
        where,
        Manner(deadline, tcp, tries, try_seconds, on_event=deadline.behind(replies) if steps is None else steps.append),
    )
    return reached


def data(reached: Reached) -> list[str]:
    assert reached.reply is not None
    return [record_of(reached.reply, raw).data for raw in reached.reply.answer]


def reasons(reached: Reached) -> list[str]:
    return [rejected.reason for rejected in reached.rejected]


def answering(query: bytes, transport: str, number: int) -> list[bytes]:
    return [reply_to(query, ADDRESS)]


def failing(rcode: str) -> Script:
    return lambda query, transport, number: [reply_to(query, rcode=rcode)]


def silent(query: bytes, transport: str, number: int) -> list[bytes]:
    return []


def test_an_answer_and_its_facts(serve: Serve) -> None:
    server = serve(answering)
    reached = one(server, seconds=20_000 * MS, try_seconds=20_000 * MS)
    assert data(reached) == ["192.0.2.1"]
    assert (reached.outcome, str(reached.server), reached.transport) == (Outcome.ANSWER, str(server), "udp")
    assert (reached.tries, reached.rejected, reached.notes) == (1, [], [])
    assert reached.elapsed_ms > 0
    assert len(server.queries) == 1


def test_ids_and_ports_differ_between_queries(serve: Serve) -> None:
    server = serve(answering)
    where = [Server("127.0.0.1", server.port)]
    ask([(parse_name(f"n{number}.test"), A) for number in range(40)], where, Manner(Deadline.after(20_000 * MS)))
    ids = {wire[:2] for _, wire in server.queries}
    assert len(server.queries) == 40
    assert len(ids) > 35  # one run in a hundred has two that are the same by chance, none has five


def test_truncated_and_empty_over_udp_fifty_over_tcp(serve: Serve) -> None:
    """Row 1."""
    addresses = [f"192.0.2.{number}" for number in range(50)]

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        if transport == "udp":
            return [reply_to(query, flags="QR TC RD RA")]
        return [reply_to(query, *[f"@ 60 IN A {address}" for address in addresses])]

    server = serve(script)
    reached = one(server, try_seconds=20_000 * MS)
    assert data(reached) == addresses
    assert (reached.outcome, reached.transport, reached.tries) == (Outcome.ANSWER, "tcp", 2)
    assert (reached.rejected, reached.notes) == ([], [])
    assert server.transports == ["udp", "tcp"]


def test_truncated_inside_a_record(serve: Serve) -> None:
    """Row 2."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        answer = ["@ 60 IN A 192.0.2.1", "@ 60 IN A 192.0.2.2", "@ 60 IN A 192.0.2.3"]
        if transport == "udp":
            return [reply_to(query, *answer, flags="QR TC RD RA")[:-10]]
        return [reply_to(query, *answer)]

    reached = one(serve(script), try_seconds=20_000 * MS)
    assert data(reached) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert (reached.transport, reached.rejected, reached.notes) == ("tcp", [], [])


def test_truncated_and_tcp_refused(serve: Serve) -> None:
    server = serve(lambda query, transport, number: [reply_to(query, flags="QR TC RD RA")], tcp=False)
    reached = one(server, try_seconds=20_000 * MS)
    assert (reached.outcome, reached.reply) == (Outcome.UNREACHABLE, None)
    assert reasons(reached) == ["refused over TCP, where the truncated reply should be whole"]


def test_truncated_over_tcp(serve: Serve) -> None:
    server = serve(lambda query, transport, number: [reply_to(query, ADDRESS, flags="QR TC RD RA")])
    reached = one(server, try_seconds=20_000 * MS)
    assert (reached.outcome, reached.transport, server.transports) == (Outcome.TRUNCATED, "tcp", ["udp", "tcp"])


def test_wrong_id_then_the_right_reply(serve: Serve) -> None:
    """Row 4."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        right = reply_to(query, ADDRESS)
        return [bytes([right[0] ^ 1]) + right[1:], right]

    reached = one(serve(script))
    assert (data(reached), reasons(reached)) == (["192.0.2.1"], ["mismatch: wrong id"])


def test_a_reply_to_another_question_alone(serve: Serve) -> None:
    """Row 5."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, "evil.test. 60 IN A 6.6.6.6", question="evil.test. A")]

    reached = one(serve(script), replies=3)
    assert (reached.outcome, reached.reply) == (Outcome.MISMATCH, None)
    assert set(reasons(reached)) == {"mismatch: it answers evil.test. A"}
    assert len(reached.rejected) == reached.tries == 3


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "malformed: 0 octets are no DNS message: the header alone has 12"),
        (b"garbage", "malformed: 7 octets are no DNS message: the header alone has 12"),
    ],
)
def test_garbage_alone(serve: Serve, octets: bytes, reason: str) -> None:
    reached = one(serve(lambda query, transport, number: [octets]), replies=1, tries=1)
    assert (reached.outcome, reasons(reached)) == (Outcome.MALFORMED, [reason])


def test_a_reply_that_came_while_we_were_held_up_beyond_the_deadline_counts() -> None:
    """As on a busy machine: it lay there in time."""
    answered = threading.Event()
    deadline = Ending.after(20_000 * MS)
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            query, address = server.recvfrom(512)
            server.sendto(b"garbage", address)
            server.sendto(reply_to(query, ADDRESS), address)
            answered.set()

        def on_event(step: Step) -> None:
            if step.name == "send":
                assert answered.wait(20_000 * MS)
                deadline.end()

        thread = threading.Thread(target=answer)
        thread.start()
        where = [Server("127.0.0.1", server.getsockname()[1])]
        [reached] = ask([(parse_name("www.test"), A)], where, Manner(deadline, on_event=on_event))
        thread.join()
    assert (reached.outcome, data(reached)) == (Outcome.ANSWER, ["192.0.2.1"])


def test_a_reply_cut_in_the_middle_alone(serve: Serve) -> None:
    reached = one(serve(lambda query, transport, number: [reply_to(query, ADDRESS)[:-2]]), replies=1, tries=1)
    assert reached.outcome is Outcome.MALFORMED
    assert reasons(reached) == ["malformed: a record's data runs past the end"]


def test_two_hundred_forged_replies_and_the_right_one(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        right = reply_to(query, ADDRESS)
        forged = reply_to(query, "@ 60 IN A 6.6.6.6")
        wrong = [(int.from_bytes(right[:2]) + n + 1 & 0xFFFF).to_bytes(2) + forged[2:] for n in range(200)]
        return [*wrong, right]

    reached = one(serve(script), try_seconds=20_000 * MS)
    assert data(reached) == ["192.0.2.1"]
    assert reasons(reached) == ["mismatch: wrong id"] * MAX_REJECTED


def test_eight_octets_behind_the_message(serve: Serve) -> None:
    """Row 9."""
    reached = one(serve(lambda query, transport, number: [reply_to(query, ADDRESS) + bytes(8)]))
    assert (data(reached), reached.notes) == (["192.0.2.1"], ["8 octets behind the message"])


def test_silence(serve: Serve) -> None:
    deadline = Ending.after(20_000 * MS)

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        if number == 2:
            deadline.end()
        return []

    server = serve(script)
    where = [Server("127.0.0.1", server.port)]
    [reached] = ask([(parse_name("www.test"), A)], where, Manner(deadline, tries=3, try_seconds=40 * MS))
    assert (reached.outcome, reached.tries, reasons(reached)) == (Outcome.TIMEOUT, 3, ["gave no reply"])
    assert [dns.message.from_wire(wire).edns for _, wire in server.queries] == [0, -1, -1]


def test_silence_lasts_until_the_deadline(serve: Serve) -> None:
    reached = one(serve(silent), seconds=100 * MS)
    assert (reached.outcome, reasons(reached)) == (Outcome.TIMEOUT, ["gave no reply"])
    assert 100 * MS <= reached.elapsed_ms / 1000 < 100 * MS + 5


def test_a_silent_server_is_told_beside_the_answer_of_the_next(serve: Serve) -> None:
    first, second = serve(silent), serve(answering)
    reached = one(first, second, tries=1)
    assert (data(reached), str(reached.server), reached.tries) == (["192.0.2.1"], str(second), 2)
    assert [(r.server, r.reason) for r in reached.rejected] == [(str(first), "gave no reply")]


def test_the_late_reply_of_the_first_try_counts(serve: Serve) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def late() -> None:
            query, address = server.recvfrom(512)
            server.recvfrom(512)  # the second try
            server.sendto(reply_to(query, ADDRESS), address)

        thread = threading.Thread(target=late)
        thread.start()
        reached = one(f"127.0.0.1:{server.getsockname()[1]}", try_seconds=30 * MS, tries=2)
        thread.join()
    assert (data(reached), reached.tries, reached.notes) == (["192.0.2.1"], 2, [])


def test_edns_dropped_in_silence(serve: Serve) -> None:
    """Row 14."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [] if dns.message.from_wire(query).edns == 0 else [reply_to(query, ADDRESS)]

    server = serve(script)
    reached = one(server)
    assert (data(reached), reached.notes) == (["192.0.2.1"], [f"{server} answered when asked without EDNS"])


@pytest.mark.parametrize("rcode", ["FORMERR", "NOTIMP", "BADVERS"])
def test_edns_refused(serve: Serve, rcode: str) -> None:
    """Row 14."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        if dns.message.from_wire(query).edns != 0:
            return [reply_to(query, ADDRESS)]
        if rcode == "BADVERS":  # the upper bits are in an OPT record
            return [reply_to(query)[:10] + b"\0\1" + reply_to(query)[12:] + b"\0\0\x29\4\xd0\1\0\0\0\0\0"]
        return [reply_to(query, rcode=rcode)]

    server = serve(script)
    reached = one(server, try_seconds=20_000 * MS)
    assert data(reached) == ["192.0.2.1"]
    assert reached.notes == [f"{server} does not take EDNS ({rcode}), asked again without"]
    assert len(server.queries) == 2


def test_formerr_without_edns_too(serve: Serve) -> None:
    server = serve(failing("FORMERR"))
    reached = one(server)
    assert (reached.outcome, len(server.queries)) == (Outcome.RCODE, 2)
    assert reached.reply is not None
    assert reached.reply.rcode == 1


def test_refused_port_then_the_next_server(serve: Serve, refusing: str) -> None:
    server = serve(answering)
    reached = one(refusing, server, try_seconds=20_000 * MS)
    assert (data(reached), str(reached.server)) == (["192.0.2.1"], str(server))
    assert [(r.server, r.reason) for r in reached.rejected] == [(refusing, "refused")]


def test_refused_port_alone_ends_at_once(refusing: str) -> None:
    for tcp in (False, True):
        reached = one(refusing, seconds=20_000 * MS, try_seconds=20_000 * MS, tcp=tcp)
        assert (reached.outcome, reasons(reached), reached.tries) == (Outcome.UNREACHABLE, ["refused"], 1)
        assert reached.elapsed_ms < 10_000


def test_refused_port_and_a_silent_server_is_a_timeout(serve: Serve, refusing: str) -> None:
    reached = one(refusing, serve(silent), seconds=150 * MS)
    assert (reached.outcome, reasons(reached)) == (Outcome.TIMEOUT, ["refused", "gave no reply"])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (failing("SERVFAIL"), "servfail"),
        (failing("REFUSED"), "refused"),
        (failing("YXDOMAIN"), "YXDOMAIN"),
        (lambda query, transport, number: [reply_to(query, authority=["test. 60 IN NS ns.test."], flags="QR")], "lame"),
    ],
)
def test_a_server_that_fails_is_left_for_the_next(serve: Serve, script: Script, reason: str) -> None:
    bad, good = serve(script), serve(answering)
    reached = one(bad, good, try_seconds=20_000 * MS)
    assert (data(reached), str(reached.server)) == (["192.0.2.1"], str(good))
    assert [(r.server, r.reason) for r in reached.rejected] == [(str(bad), reason)]
    assert (len(bad.queries), len(good.queries)) == (1, 1)


@pytest.mark.parametrize(
    ("zone", "reason"),
    [("nosuch", "no interface with this name"), ("99999999999", "no interface with this name"), ("1", "refused")],
)
def test_the_interface_of_a_link_local_server(zone: str, reason: str) -> None:
    """A number is taken as one (RFC 4007 11.2); ::1 takes any interface, so that the port answers."""
    host = "fe80::1" if zone != "1" else "::1"
    reached = one(Server(f"{host}%{zone}", 1), try_seconds=20_000 * MS)
    assert (reached.outcome, reasons(reached)) == (Outcome.UNREACHABLE, [reason])


def test_all_servers_fail(serve: Serve) -> None:
    first, second = serve(failing("SERVFAIL")), serve(failing("REFUSED"))
    reached = one(first, second, try_seconds=20_000 * MS)
    assert (reached.outcome, str(reached.server)) == (Outcome.SERVFAIL, str(first))
    assert reasons(reached) == ["servfail", "refused"]
    assert (len(first.queries), len(second.queries)) == (1, 1)


def test_negative_replies_settle_it(serve: Serve) -> None:
    never = serve(answering)
    nodata = one(serve(lambda query, transport, number: [reply_to(query, authority=[SOA])]), never)
    nxdomain = one(serve(lambda query, transport, number: [reply_to(query, authority=[SOA], rcode="NXDOMAIN")]), never)
    assert (nodata.outcome, nxdomain.outcome) == (Outcome.NODATA, Outcome.NXDOMAIN)
    assert never.queries == []


def test_tcp_closed_inside_the_reply(serve: Serve) -> None:
    server = serve(lambda query, transport, number: [Octets(b"\0\x50" + reply_to(query)[:20]), CLOSE])
    reached = one(server, tcp=True, try_seconds=20_000 * MS)
    assert reached.outcome is Outcome.MALFORMED
    assert reasons(reached) == [
        "malformed: the connection ended inside the reply",
        "closed the connection without a whole reply",
    ]


def test_tcp_closed_without_a_word(serve: Serve) -> None:
    reached = one(serve(lambda query, transport, number: [CLOSE]), tcp=True, try_seconds=20_000 * MS)
    assert (reached.outcome, reasons(reached)) == (
        Outcome.UNREACHABLE,
        ["closed the connection without a whole reply"],
    )


def test_tcp_closed_behind_the_answer_asks_nothing_more(serve: Serve) -> None:
    """The end of one question's connection must not start it anew while another is still waited for."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [] if asked_for(query)[0] == "silent.test" else [reply_to(query, ADDRESS), CLOSE]

    server = serve(script)
    good, bad = ask(
        [(parse_name("www.test"), A), (parse_name("silent.test"), A)],
        [Server("127.0.0.1", server.port)],
        # The answer is to have come by then.
        Manner(Deadline.after(1000 * MS), tries=3, try_seconds=10_000 * MS, tcp=True),
    )
    assert (good.outcome, good.tries, good.rejected, bad.outcome) == (Outcome.ANSWER, 1, [], Outcome.TIMEOUT)
    assert sorted(server.questions) == ["silent.test", "www.test"]


def test_duplicate_replies_cost_no_time_while_others_wait(serve: Serve) -> None:
    """What comes for a question that is done must not spin the loop that waits for the others."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [] if asked_for(query)[0] == "silent.test" else [reply_to(query, ADDRESS)] * 3

    server = serve(script)
    spent = process_time()
    good, bad = ask(
        [(parse_name("www.test"), A), (parse_name("silent.test"), A)],
        [Server("127.0.0.1", server.port)],
        Manner(Deadline.after(600 * MS), tries=1),
    )
    assert process_time() - spent < 300 * MS
    assert (good.outcome, bad.outcome) == (Outcome.ANSWER, Outcome.TIMEOUT)


def test_tcp_one_octet_at_a_time(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        reply = reply_to(query, ADDRESS)
        return [Octets([octet]) for octet in len(reply).to_bytes(2) + reply]

    assert data(one(serve(script), tcp=True, try_seconds=20_000 * MS)) == ["192.0.2.1"]


def test_tcp_dribbling_beyond_the_deadline() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def dribble() -> None:
            peer, _ = listener.accept()
            with peer:
                query = peer.recv(512)[2:]
                reply = reply_to(query, *[f"@ 60 IN A 192.0.2.{number}" for number in range(200)])
                for octet in len(reply).to_bytes(2) + reply:
                    try:
                        peer.send(bytes([octet]))
                    except OSError:
                        return
                    if stop.wait(5 * MS):
                        return

        def asked() -> Reached:
            stop.clear()
            thread = threading.Thread(target=dribble)
            thread.start()
            found = one(f"127.0.0.1:{listener.getsockname()[1]}", tcp=True, tries=1, seconds=200 * MS)
            stop.set()
            thread.join()
            return found

        reached = in_time(2000 * MS, asked)
    assert (reached.outcome, reasons(reached)) == (Outcome.TIMEOUT, ["gave no reply"])
    assert reached.elapsed_ms >= 200_000 * MS


FLOOD = """
import select, socket
server = socket.socket(type=socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
sender = None
while True:
    if not sender or select.select([server], [], [], 0)[0]:
        _, sender = server.recvfrom(512)
    server.sendto(b"x", sender)
"""


@pytest.fixture
def flood() -> Iterator[str]:
    """HOST:PORT of a server that sends without end, as fast as it can, to who has asked last."""
    process = subprocess.Popen([sys.executable, "-c", FLOOD], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        yield f"127.0.0.1:{process.stdout.readline().strip()}"
        process.kill()
    process.wait()


def test_a_flood_ends_with_the_deadline(flood: str) -> None:
    reached = in_time(2000 * MS, lambda: one(flood, seconds=300 * MS, tries=1))
    assert (reached.outcome, len(reached.rejected)) == (Outcome.MALFORMED, MAX_REJECTED)


def test_the_steps_of_a_query(serve: Serve) -> None:
    answer = "@ 60 IN A 192.0.2.1"

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, flags="QR TC") if transport == "udp" else reply_to(query, answer, flags="QR")]

    server = serve(script)
    steps: list[Step] = []
    one(server, steps=steps, try_seconds=20_000 * MS)
    (_, first), (_, second) = server.queries
    cut, whole = reply_to(first, flags="QR TC"), reply_to(second, answer, flags="QR")
    there = str(server)
    assert steps == [
        Step("socket", detail="AF_INET SOCK_DGRAM"),
        Step("connect", there),
        Step("send", there, f"query 0x{first[:2].hex()} A", len(first), data=first),
        Step("recv", there, "reply NOERROR 0 answers", len(cut), data=cut),
        Step("close", there),
        Step("socket", detail="AF_INET SOCK_STREAM"),
        Step("connect", there),
        Step("send", there, f"query 0x{second[:2].hex()} A", len(second) + 2, data=len(second).to_bytes(2) + second),
        Step("recv", there, "reply NOERROR 1 answer", len(whole), data=whole),
        Step("close", there),
    ]


def test_the_steps_of_refusals(refusing: str) -> None:
    for tcp, failed in ((False, "recv"), (True, "connect")):
        steps: list[Step] = []
        one(refusing, tcp=tcp, steps=steps, try_seconds=20_000 * MS)
        assert [(step.name, step.address) for step in steps if step.result == "refused"] == [(failed, refusing)]
        assert steps[-1] == Step("close", refusing)


def test_the_steps_of_a_rejected_reply(serve: Serve) -> None:
    steps: list[Step] = []
    one(serve(lambda query, transport, number: [b"x", reply_to(query, ADDRESS)]), steps=steps)
    assert [step.result for step in steps if step.name == "recv"] == [
        "rejected: 1 octets are no DNS message: the header alone has 12",
        "ok",
    ]


def test_types_go_out_as_asked(serve: Serve) -> None:
    server = serve(lambda query, transport, number: [reply_to(query)])
    for rdtype in (16, 65534):
        assert one(server, rdtype=rdtype).outcome is Outcome.NODATA
    assert [asked_for(wire)[1] for _, wire in server.queries] == ["TXT", "TYPE65534"] == [*map(type_name, (16, 65534))]


def test_a_flood_for_nobody_over_tcp_is_told_to_each_query_a_few_times(serve: Serve) -> None:
    """32,000 messages of no octets fit one read; a hundred queries told of each would take ten seconds for it."""
    asked: list[bytes] = []

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        asked.append(query)
        if len(asked) < 2:
            return []
        return [Octets(b"\0\0" * 30_000), *(reply_to(one, ADDRESS) for one in asked)]

    found = ask(
        [(parse_name("www.test"), A), (parse_name("ftp.test"), A)],
        [Server("127.0.0.1", serve(script).port)],
        Manner(Deadline.after(20_000 * MS), tries=1, tcp=True),
    )
    assert [data(one) for one in found] == [["192.0.2.1"]] * 2
    told = ["malformed: 0 octets are no DNS message: the header alone has 12"] * MAX_STRAYS
    assert [reasons(one) for one in found] == [told] * 2


def test_a_flood_for_one_question_leaves_others_their_turn() -> None:
    sent = threading.Event()
    order: list[str] = []

    def on_event(step: Step) -> None:
        if step.name == "recv":
            sent.wait()  # all of it is there to be read
            order.append("answer" if step.detail.startswith("reply") else "rejected")

    with socket.socket(type=socket.SOCK_DGRAM) as both:
        both.bind(("127.0.0.1", 0))

        def flood() -> None:
            came = [both.recvfrom(512) for _ in range(2)]
            for number in range(150):
                both.sendto(number.to_bytes(2) + bytes(10), came[0][1])
            both.sendto(reply_to(came[1][0], ADDRESS), came[1][1])
            both.sendto(reply_to(came[0][0], ADDRESS), came[0][1])
            sent.set()

        thread = threading.Thread(target=flood)
        thread.start()
        found = ask(
            [(parse_name("flood.test"), A), (parse_name("www.test"), A)],
            [Server("127.0.0.1", both.getsockname()[1])],
            Manner(Deadline.after(20_000 * MS), tries=1, try_seconds=20.0, on_event=on_event),
        )
        thread.join()
    assert [data(one) for one in found] == [["192.0.2.1"]] * 2
    assert len(order) == 152
    assert order.index("answer") <= 2 * AT_ONCE


def test_tcp_reset_with_queries_unread_and_closed_behind_each_answer() -> None:
    """The reset may have taken an answer with it, so all is asked anew, and no query is behind another any more."""
    connections: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_one(peer: socket.socket) -> None:
            size = int.from_bytes(peer.recv(2, socket.MSG_WAITALL))
            query = peer.recv(size, socket.MSG_WAITALL)
            if len(connections) == 1:
                peer.recv(1, socket.MSG_PEEK)  # the next query is there: closing now resets
                return
            reply = reply_to(query, ADDRESS)
            peer.sendall(len(reply).to_bytes(2) + reply)

        def run() -> None:
            while len(connections) < 4:
                peer, _ = listener.accept()
                connections.append(1)
                with peer:
                    serve_one(peer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        found = ask(
            [(parse_name(f"n{number}.test"), A) for number in range(3)],
            [Server("127.0.0.1", listener.getsockname()[1])],
            Manner(Deadline.after(20_000 * MS), tries=1, try_seconds=20.0, tcp=True),
        )
        thread.join(0 if any(one.reply is None for one in found) else 20)
    assert [one.outcome for one in found] == [Outcome.ANSWER] * 3
