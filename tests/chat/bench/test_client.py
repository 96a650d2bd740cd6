"""What clients read, in every interleaving, without a server: a server that keeps the order is never blamed."""

import random
import socket
from collections.abc import Callable, Iterator, Sequence

import pytest

from netkit.chat.bench.client import Client
from netkit.chat.bench.result import Plan
from netkit.chat.bench.run import Bench
from netkit.net.address import Endpoint

CLIENTS = 6


class Load:
    """A bench in its run, whose clients get what the test feeds them."""

    def __init__(self, clients: int = CLIENTS) -> None:
        self.bench = Bench(Endpoint("tcp", "127.0.0.1", 1), Plan(clients, clients - 1))
        self.peers = []
        for number in range(clients):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            self.peers.append(theirs)
            self.bench.clients.append(Client(self.bench, number, ours))
        self.bench.probing = False
        self.bench._measured = 0
        for client in self.bench.clients:
            client.begin()

    def say(self, lines: int) -> list[tuple[int, bytes]]:
        """So many are said: who said each, and what the server makes of it."""
        found = []
        for number in range(self.bench.sent, self.bench.sent + lines):
            self.bench._say(0.0)
            sender = self.bench.sender_of(number)
            found.append((sender, b"[client %d] %b" % (sender, self.bench.order.lines.make(number))))
        return found

    def feed(self, streams: dict[int, bytes], pieces: random.Random) -> None:
        """Give each its stream in pieces, in an order of chance."""
        rests = {client: stream for client, stream in streams.items() if stream}
        while rests:
            client = pieces.choice(list(rests))
            size = pieces.choice((1, 7, 60, 150, 1000))
            self.bench.reads += 1
            self.bench.clients[client].got(rests[client][:size])
            rests[client] = rests[client][size:]
            if not rests[client]:
                del rests[client]
            if pieces.random() < 0.3:
                self.bench.settle()

    def end(self) -> dict[str, int]:
        """All have come that ever will."""
        for _ in range(3 * len(self.peers)):
            self.bench.settle()
        self.bench.sort_out()
        for _ in range(2):
            self.bench.settle()
        left = sum(self.bench._left)
        self.bench.finish()
        found = {name: getattr(self.bench, name) for name in ("doubled", "reordered", "changed", "returned")}
        assert left == sum(self.bench._left), "some waited until the end"
        return {**{name: number for name, number in found.items() if number}, **({"lost": left} if left else {})}

    def close(self) -> None:
        self.bench._close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def load() -> Iterator[Load]:
    running = Load()
    yield running
    running.close()


def shuffled(said: Sequence[tuple[int, bytes]], chance: random.Random) -> list[tuple[int, bytes]]:
    """In another order, but for that of each sender: as a server may read its sockets."""
    queues: dict[int, list[tuple[int, bytes]]] = {}
    for one in said:
        queues.setdefault(one[0], []).append(one)
    found = []
    while queues:
        sender = chance.choice(list(queues))
        found.append(queues[sender].pop(0))
        if not queues[sender]:
            del queues[sender]
    return found


def streams(order: Sequence[tuple[int, bytes]], clients: int = CLIENTS) -> dict[int, bytes]:
    return {to: b"".join(line for sender, line in order if sender != to) for to in range(clients)}


@pytest.mark.parametrize("seed", range(40))
def test_an_order_that_is_kept(load: Load, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(5):
        load.feed(streams(shuffled(load.say(40), chance)), chance)
    assert load.end() == {}


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("to", [0, 5])
def test_two_lines_in_the_other_order_for_one_are_two_at_most(load: Load, to: int, seed: int) -> None:
    """All others have lines under way when the only one that has none is out of step."""
    chance = random.Random(seed)
    order = shuffled(load.say(200), chance)
    found = streams(order)
    place = next(place for place in range(20, 100) if order[place][0] != to != order[place + 1][0])
    one, two = order[place][1], order[place + 1][1]
    found[to] = found[to].replace(one + two, two + one)
    load.feed(found, chance)
    # Whose order is the right one is who had it first: for one client a line is out of place, or for all the others.
    faults = load.end()
    assert list(faults) in ([], ["reordered"])
    assert faults.get("reordered", 0) <= 2 * CLIENTS


@pytest.mark.parametrize("seed", range(20))
def test_the_only_listener_is_closed(load: Load, seed: int) -> None:
    chance = random.Random(seed)
    found = streams(shuffled(load.say(100), chance))
    del found[0]
    load.bench.closed(load.bench.clients[0], None)
    load.feed(found, chance)
    assert load.end() == {"lost": 100}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("make", "faults"), [(lambda line: b"", {"lost": 1}), (lambda line: line + line, {"doubled": 1})]
)
def test_a_line_that_one_does_not_get_or_gets_twice(
    load: Load, make: Callable[[bytes], bytes], faults: dict[str, int], seed: int
) -> None:
    chance = random.Random(seed)
    order = shuffled(load.say(200), chance)
    found = streams(order)
    line = next(line for sender, line in order[50:] if sender != 0)
    found[0] = found[0].replace(line, make(line))
    load.feed(found, chance)
    assert load.end() == faults
