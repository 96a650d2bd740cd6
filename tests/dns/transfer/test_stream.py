"""The messages of a transfer's connection, and the deadline that no speed of theirs extends."""

import socket
from collections.abc import Iterator

import pytest

from netkit.dns.servers import Server
from netkit.dns.transfer.stream import messages
from netkit.errors import PeerError, TimedOut
from netkit.net.deadline import Deadline

SERVER = Server("192.0.2.53")
MESSAGE = b"\0\5hello"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def test_messages_until_the_end(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(MESSAGE * 2)
    theirs.close()
    assert list(messages(ours, Deadline.after(20), SERVER)) == [b"hello"] * 2


def test_an_end_inside_a_message(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.sendall(MESSAGE + MESSAGE[:-1])
    theirs.close()
    coming = messages(ours, Deadline.after(20), SERVER)
    assert next(coming) == b"hello"
    with pytest.raises(PeerError, match="inside a message"):
        next(coming)


def test_what_never_has_to_be_waited_for_ends_with_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    """A server that sends without end, faster than it is read, was read for ever."""
    ours, theirs = pair
    theirs.sendall(MESSAGE * 100)
    with pytest.raises(TimedOut, match="has not ended within 0 s"):
        next(messages(ours, Deadline.after(0), SERVER))
