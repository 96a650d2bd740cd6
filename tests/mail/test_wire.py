"""The connection of a mail client: what it says has left is all that the peer can have."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from netkit.errors import PeerError, TimedOut
from netkit.mail.wire import RECORD, Wire
from netkit.net.ca import Authority
from netkit.net.connect import Connection
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from netkit.net.tls_server import from_leaf
from tests.conftest import MS


@pytest.fixture
def under_tls() -> Iterator[tuple[Wire, socket.socket]]:
    """A wire whose socket holds two records, and the peer's end."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * RECORD)
    ours.setblocking(False)
    theirs.settimeout(10_000 * MS)
    context = from_leaf(Authority().issue(["mail.test"]))
    peers: list[socket.socket] = []
    thread = threading.Thread(target=lambda: peers.append(context.wrap_socket(theirs, server_side=True)), daemon=True)
    thread.start()
    wire = Wire(Connection(ours, "mail.test"), "mail.test", Deadline.after(10_000 * MS), None)
    wire.start_tls("mail.test", Security(insecure=True))
    thread.join(10)
    yield wire, peers[0]
    peers[0].close()
    wire.close()


def test_what_the_peer_can_read_has_left(under_tls: tuple[Wire, socket.socket]) -> None:
    """ssl says nothing of the records of a long piece that went out before the socket was full."""
    wire, peer = under_tls
    wire.deadline = Deadline.after(300 * MS)
    wire.queue(b"x" * 10 * RECORD)
    with suppress(TimedOut):
        while wire.unsent:
            wire.turn()
    peer.setblocking(False)
    readable = 0
    with suppress(OSError):  # the rest of a record is to come
        while piece := peer.recv(RECORD):
            readable += len(piece)
    assert 0 < readable <= wire.sent < 10 * RECORD


def test_what_the_peer_said_before_it_hung_up_is_read(under_tls: tuple[Wire, socket.socket]) -> None:
    wire, peer = under_tls
    peer.sendall(b"552 too big\r\n")
    peer.close()
    wire.queue(b"x" * RECORD)
    assert wire.turn() == b"552 too big\r\n"
    with pytest.raises(PeerError):
        wire.turn()
