"""Servers that let a client have fewer connections than are tried."""

import os
import socket

import pytest

from netkit.dns.bulk.engine import Settings
from netkit.dns.bulk.look_up import Run
from netkit.dns.result import Outcome
from netkit.net.tls_client import Security
from tests.conftest import MS
from tests.dns.conftest import reply_to
from tests.dns.links import AUTHORITY, TlsServer, trusted

NAMES = ("dns.test", "127.0.0.1")


class Limited(TlsServer):
    """Lets clients have one connection at a time, and closes what comes besides."""

    def secured(self, plain: socket.socket) -> socket.socket:
        if plain is not self.open[0]:
            plain.close()
            raise ConnectionAbortedError
        return super().secured(plain)


@pytest.mark.parametrize("kind", ["tcp", "tls"])
def test_a_server_that_allows_one_connection_answers_all(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.dns.bulk.engine.TRY_SECONDS", 20_000 * MS)

    def answer(query: bytes, number: int) -> list[bytes]:
        return [reply_to(query, "@ 60 IN A 192.0.2.1")]

    server = Limited(answer, AUTHORITY.issue(NAMES) if kind == "tls" else None)
    read, write = os.pipe()
    os.write(write, "".join(f"h{number}.test\n" for number in range(1000)).encode())
    os.close(write)
    try:
        with trusted() as cacert:
            settings = Settings(tcp=kind == "tcp", timeout=60_000 * MS, security=Security(cacert))
            at = f"tls://dns.test:{server.port}#127.0.0.1" if kind == "tls" else f"127.0.0.1:{server.port}"
            run = Run(read, types=["A"], servers=[at], settings=settings)
            found = [one.resolution for results in run.results() for one in results]
    finally:
        os.close(read)
        server.close()
    assert sorted(one.input for one in found) == sorted(f"h{number}.test" for number in range(1000))
    assert {(one.outcome, one.transport) for one in found} == {(Outcome.ANSWER, kind)}
    assert server.connections <= 4
