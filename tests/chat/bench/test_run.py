"""The load generator against servers that keep every line, and against servers that do not: it tells what each did."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from netkit.chat.bench.result import Plan, Report
from netkit.chat.bench.run import Bench
from netkit.errors import BadInput, Exit, Insecure, PeerError, TimedOut, Unreachable
from netkit.events import Step
from netkit.net.address import Endpoint
from netkit.net.tls_client import Security
from tests.chat.bench.relay import Give, Relay, faithful, relaying
from tests.chat.conftest import chatting
from tests.chat.test_server import tls
from tests.conftest import MS

PLAN = Plan(clients=6, senders=5, rate=2000, duration=0.1, warm_up=0.01, wait=20_000 * MS, timeout=20_000 * MS)
SOON = 600 * MS  # seconds after which what was lost is given up


def run(relay: Relay, plan: Plan = PLAN) -> Report:
    with relaying(relay) as endpoint:
        return Bench(endpoint, plan).run()


def counted(report: Report) -> tuple[int, int]:
    """Deliveries as they were counted, and as they should be."""
    return report.deliveries, report.sent * (report.plan.clients - (0 if report.echoes else 1))


@pytest.mark.parametrize("piece", [1, 7, 50, 1 << 20])
@pytest.mark.parametrize("rate", [2000, None])
def test_all_is_well_however_it_is_cut(piece: int, rate: float | None) -> None:
    report = run(Relay(piece=piece), PLAN._replace(rate=rate and rate / (10 if piece == 1 else 1), lines=3))
    assert (report.faults, report.echoes, report.exit, report.interrupted) == ({}, False, Exit.OK, False)
    assert counted(report)[0] == counted(report)[1] > 0
    assert report.every.samples == report.histogram.count == report.deliveries
    assert report.first.samples == report.last.samples == report.sent


def test_the_lines_are_those_that_were_due() -> None:
    report = run(Relay(), PLAN._replace(rate=100, duration=0.2, warm_up=0.05))
    assert report.sent == 20
    assert report.plan.rate == 100


def test_two_clients_are_enough_and_nobody_has_to_be_greeted() -> None:
    report = run(Relay(greeting=b""), PLAN._replace(clients=2, senders=1))
    assert (report.faults, counted(report)[0]) == ({}, report.sent)


def test_who_is_not_greeted_is_asked_whether_he_is_in() -> None:
    report = run(Relay(greeting=b""), PLAN._replace(clients=12, senders=11))
    assert (report.faults, counted(report)[0]) == ({}, report.sent * 11)


def everybody(to: int, of: int, number: int, line: bytes) -> bytes:
    return line


def test_a_server_that_gives_a_line_back_to_its_sender() -> None:
    """Its probes it did not give back."""
    report = run(Relay(everybody))
    warm_up = int(PLAN.warm_up * 2000)
    assert list(report.faults) == ["returned"]
    assert report.sent <= report.returned <= report.sent + warm_up + 64
    assert counted(report)[0] == counted(report)[1]


class Echoing(Relay):
    def relay(self, of: int, line: bytes) -> None:
        for client in self.clients:
            client.sendall(line + b"\n")


def test_a_server_that_does_so_always_is_not_blamed() -> None:
    report = run(Echoing())
    assert (report.faults, report.echoes) == ({}, True)
    assert counted(report)[0] == report.sent * PLAN.clients


def lose(to: int, of: int, number: int, line: bytes) -> bytes:
    """Client 0 never speaks: the line is another's, whichever the server reads as the 20th."""
    return b"" if (to, number) == (0, 20) else faithful(to, of, number, line)


def lose_for_all(to: int, of: int, number: int, line: bytes) -> bytes:
    return b"" if number == 20 else faithful(to, of, number, line)


def double(to: int, of: int, number: int, line: bytes) -> bytes:
    return faithful(to, of, number, line) * (2 if (to, number) == (0, 20) else 1)


def double_for_all(to: int, of: int, number: int, line: bytes) -> bytes:
    return faithful(to, of, number, line) * (2 if number == 20 else 1)


def change(to: int, of: int, number: int, line: bytes) -> bytes:
    line = faithful(to, of, number, line)
    return line.replace(b"fgh", b"f-h") if number == 20 else line


def a_word(to: int, of: int, number: int, line: bytes) -> bytes:
    """What a server says to one alone, in the middle of it all."""
    return b"* slow down\r\n" * (to in (0, 2) and number % 10 == 3) + faithful(to, of, number, line)


class Swap:
    """Client 0 gets two lines of the run in the other order."""

    def __init__(self, receivers: tuple[int, ...]) -> None:
        self.receivers = receivers
        self.kept: dict[int, bytes] = {}

    def __call__(self, to: int, of: int, number: int, line: bytes) -> bytes:
        line = faithful(to, of, number, line)
        if to in self.receivers and number == 20:
            self.kept[to] = line
            return b""
        return line + self.kept.pop(to, b"")


@pytest.mark.parametrize(
    ("give", "faults"),
    [
        (lose, {"lost": 1}),
        (lose_for_all, {"lost": 5}),
        (double, {"doubled": 1}),
        (double_for_all, {"doubled": 5}),
        (change, {"changed": 5}),
        (a_word, {}),
    ],
)
def test_faults_are_counted(give: Give, faults: dict[str, int]) -> None:
    # One speaks, so that the 20th line which the server reads is the 20th that was due, and none of the warm-up's ten.
    wait = SOON if "lost" in faults else PLAN.wait
    report = run(Relay(give), PLAN._replace(senders=1, rate=1000, wait=wait))
    assert report.faults == faults
    assert report.exit == (Exit.NO if faults else Exit.OK)
    assert counted(report)[1] - counted(report)[0] == faults.get("lost", 0)


@pytest.mark.parametrize("receivers", [(0,), (5,), (0, 2)])
def test_an_order_that_is_not_the_others(receivers: tuple[int, ...]) -> None:
    """Who had it first says which order is the right one. One (client 1) speaks: its lines come in order."""
    report = run(Relay(Swap(receivers)), PLAN._replace(rate=1000, senders=1))
    assert list(report.faults) == ["reordered"]
    assert 1 <= report.reordered <= 2 * 5  # two lines changed places, and five clients get them


def test_lines_of_a_sender_in_the_wrong_order_for_all() -> None:
    report = run(Relay(Swap((0, 1, 2))), Plan(3, 1, 1000, duration=0.1, warm_up=0.001, wait=20_000 * MS))
    assert report.faults == {"reordered": 2}


def test_a_client_that_is_closed_is_told_and_the_others_go_on() -> None:
    report = run(Relay(hang_up=30), PLAN._replace(rate=1000, wait=SOON))
    assert report.closed == 1
    assert report.lost > 0
    assert isinstance(report.failure, PeerError)
    assert report.failure.message.startswith("client 6: 127.0.0.1:")


def test_the_servers_process() -> None:
    report = run(Relay(), PLAN._replace(pid=os.getpid()))
    assert report.server is not None
    assert report.server.rss > 1


def test_there_is_no_such_process() -> None:
    with relaying(Relay()) as endpoint, pytest.raises(BadInput, match="--pid 999999999: there is no such process"):
        Bench(endpoint, PLAN._replace(pid=999_999_999)).run()


def test_a_server_that_relays_nothing() -> None:
    class Deaf(Relay):
        def relay(self, of: int, line: bytes) -> None:
            pass

    with relaying(Deaf()) as endpoint, pytest.raises(TimedOut, match="of 6 clients had heard") as caught:
        Bench(endpoint, PLAN._replace(timeout=1500 * MS)).run()  # they have to be connected by then
    assert caught.value.hint == "is it a chat that gives each line to all others?"


def test_a_server_that_takes_fewer() -> None:
    class Full(Relay):
        def relay(self, of: int, line: bytes) -> None:
            if len(self.clients) == 6:
                self.clients[-1].sendall(b"* server full\r\n")
                self.clients[-1].shutdown(2)

    with relaying(Full()) as endpoint, pytest.raises(PeerError, match=r"client 6 of 6: .* closed it: \* server full"):
        Bench(endpoint, PLAN).run()


@contextmanager
def secured(folder: Path) -> Iterator[tuple[Endpoint, Security]]:
    theirs, _ = tls(folder)
    with chatting(tls=theirs) as chat:
        yield Endpoint("tls", "localhost", chat.port), Security(str(folder / "ca.pem"))


def test_over_tls(tmp_path: Path) -> None:
    steps: list[Step] = []
    with secured(tmp_path) as (endpoint, security):
        plan = PLAN._replace(rate=None, lines=100, size=4000, tls=True)  # many records in a read
        report = Bench(endpoint, plan, security=security, on_event=steps.append).run()
    assert (report.faults, report.failure) == ({}, None)
    assert counted(report)[0] == counted(report)[1] > 0
    assert [step.name for step in steps].count("tls") == 1


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with secured(tmp_path) as (endpoint, _), pytest.raises(Insecure) as caught:
        Bench(endpoint, PLAN, security=Security()).run()
    assert caught.value.kind == "cert_unknown_ca"
    with secured(tmp_path) as (endpoint, _):
        assert Bench(endpoint, PLAN, security=Security(insecure=True)).run().faults == {}


def test_a_server_that_speaks_no_tls() -> None:
    with relaying(Relay()) as endpoint, pytest.raises(Insecure) as caught:
        Bench(endpoint, PLAN, security=Security()).run()
    assert caught.value.kind == "tls_plain_port"


def test_a_server_that_shakes_no_hands_and_one_that_hangs_up() -> None:
    with relaying(Relay(greeting=b"")) as endpoint, pytest.raises(TimedOut, match="0 of 6 clients were connected"):
        Bench(endpoint, PLAN._replace(timeout=300 * MS), security=Security()).run()

    class HangingUp(Relay):
        def relay(self, of: int, line: bytes) -> None:
            with suppress(OSError):  # the client may have gone first
                self.clients[of].shutdown(socket.SHUT_RDWR)

    with relaying(HangingUp(greeting=b"")) as endpoint, pytest.raises(Insecure, match="during the handshake"):
        Bench(endpoint, PLAN, security=Security()).run()


def test_no_server() -> None:
    relay = Relay()
    for sock in (relay.stop, relay.stopped, relay.listener):
        sock.close()
    relay.selector.close()
    with pytest.raises(Unreachable, match="refused"):
        Bench(relay.endpoint, PLAN).run()


@pytest.mark.parametrize("at", [0, 40])
def test_ctrl_c_ends_it_with_what_was_measured(at: int) -> None:
    class Interrupted(Bench):
        def turn(self, pause: float) -> None:
            super().turn(pause)
            if not self.probing and self.sent > at:
                raise KeyboardInterrupt

    with relaying(Relay()) as endpoint:
        report = Interrupted(endpoint, PLAN._replace(duration=60, warm_up=0.001)).run()
    assert report.interrupted
    assert report.faults == {}
    assert report.deliveries <= report.sent * 5


def test_who_was_held_up_all_through_the_warm_up_measures_all_the_same() -> None:
    """As the whole machine may be: the time of warming up and of the run is over when it goes on."""

    class HeldUp(Bench):
        def turn(self, pause: float) -> None:
            super().turn(pause)
            if self.stage == "warming up":
                self.plan = PLAN
                self._begin = self._end = 0.0

    with relaying(Relay()) as endpoint:
        report = HeldUp(endpoint, PLAN._replace(rate=100, warm_up=3600.0)).run()
    assert (report.faults, report.sent) == ({}, 200)


def test_progress_is_told() -> None:
    seen = []

    class Looked(Bench):
        def turn(self, pause: float) -> None:
            seen.append(self.progress)
            super().turn(pause)

    with relaying(Relay()) as endpoint:
        Looked(endpoint, PLAN).run()
    assert list(dict.fromkeys(each.stage for each in seen)) == [
        "connecting", "joining", "warming up", "measuring", *(["waiting"] if seen[-1].stage == "waiting" else []),
    ]  # fmt: skip
    assert seen[0].total == PLAN.clients
