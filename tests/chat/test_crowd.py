"""What many clients cost: who comes is told in sum above a rate, and what one does not hear is asked of few."""

import socket
from collections.abc import Iterator

import pytest

from netkit.chat import hub as hubs
from netkit.chat import limits
from netkit.chat.client import Client
from netkit.chat.hub import Hub
from netkit.net.loop import Loop


class Crowd:
    """A hub without a server, whose loop is turned by hand."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.hub = Hub(self.loop)
        self.ends: list[socket.socket] = []

    def come(self, number: int) -> list[Client]:
        found = []
        for _ in range(number):
            ours, theirs = socket.socketpair()
            ours.setblocking(False)
            theirs.setblocking(False)
            self.ends.append(theirs)
            name = f"h:{len(self.ends)}"
            found.append(Client(self.hub, ours, name, "", len(self.ends), None))
        self.hub.flush()
        return found

    def got(self, place: int) -> bytes:
        try:
            return self.ends[place].recv(1 << 20)
        except BlockingIOError:
            return b""

    def a_second_later(self) -> None:
        """The sums that are due."""
        for room in list(self.hub.rooms.values()):
            self.hub._sum_up(room)
        self.hub.flush()

    def close(self) -> None:
        for member in list(self.hub.members.values()):
            member.close("shutdown")
        for end in self.ends:
            end.close()
        self.loop.close()


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd()
    yield made
    made.close()


def joined(data: bytes) -> int:
    return data.count(b"Client joined")


def test_above_a_rate_who_comes_is_told_in_sum(crowd: Crowd) -> None:
    crowd.come(limits.DIGEST + 30)
    data = crowd.got(0)
    assert joined(data) == limits.DIGEST - 1  # all but itself
    crowd.a_second_later()
    assert crowd.got(0) == b"* 30 joined: 80 are here\r\n"


def test_the_second_after_a_crowd_tells_none_alone(crowd: Crowd) -> None:
    """It would be 50 notices to each of 9,000 clients, each second in which they come."""
    crowd.come(2 * limits.DIGEST + 1)
    crowd.a_second_later()
    crowd.got(0)
    crowd.come(3)
    assert crowd.got(0) == b""
    crowd.a_second_later()
    assert crowd.got(0) == b"* 3 joined: 104 are here\r\n"
    crowd.come(1)
    assert joined(crowd.got(0)) == 1


def test_the_more_hear_it_the_fewer_are_told_alone(crowd: Crowd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "DIGEST_LINES", 40)
    crowd.come(20)
    # 1 + ... + n lines: the 6th who comes is heard by 6 and the 7th of that second, when 40 // 7 is 5.
    assert joined(crowd.got(0)) == 5


def test_who_ignores_somebody_is_known_to_the_hub(crowd: Crowd) -> None:
    one, two, three = crowd.come(3)
    for place in range(3):
        crowd.got(place)
    crowd.hub.ignore(two, frozenset({"h:1"}))
    assert crowd.hub.ignoring == {two}
    one.speak("say", b"hello", b"\n")
    three.speak("say", b"hi", b"\n")
    crowd.hub.flush()
    assert [crowd.got(place) for place in range(3)] == [b"[h:3] hi\n", b"[h:3] hi\n", b"[h:1] hello\n"]
    crowd.hub.ignore(two, frozenset())
    assert crowd.hub.ignoring == set()
    crowd.hub.ignore(two, frozenset({"h:1"}))
    two.close("eof")
    assert crowd.hub.ignoring == set()
