"""TLS on a connection that a client has made."""

import socket

import pytest

from netkit.errors import Insecure
from netkit.net.deadline import Deadline
from netkit.net.tls_client import Security, secure
from tests.loopback import LIMIT, reset


def test_a_connection_that_is_reset_already() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname(), timeout=LIMIT)
        reset(server.accept()[0])
        with pytest.raises(Insecure) as caught:
            secure(client, "h", where="it", security=Security(insecure=True), deadline=Deadline.after(LIMIT))
    assert caught.value.message == "it: no TLS session: the server closed the connection during the handshake"
