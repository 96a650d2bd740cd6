"""The connection of a mail client: what it says has left is all that the peer can have."""

import socket
import threading
from contextlib import suppress

from netkit.errors import TimedOut
from netkit.mail.wire import RECORD, Wire
from netkit.net.ca import Authority
from netkit.net.connect import Connection
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security
from netkit.net.tls_server import from_leaf
from tests.conftest import MS


def test_under_tls_what_the_peer_can_read_has_left() -> None:
    """ssl says nothing of the records of a long piece that went out before the socket was full."""
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
    wire.deadline = Deadline.after(50 * MS)
    wire.queue(b"x" * 10 * RECORD)
    with suppress(TimedOut):
        while wire.unsent:
            wire.turn()
    (peer,) = peers
    peer.setblocking(False)
    readable = 0
    with suppress(OSError):  # the rest of a record is to come
        while piece := peer.recv(RECORD):
            readable += len(piece)
    assert 0 < readable <= wire.sent < 10 * RECORD
    peer.close()
    wire.close()
