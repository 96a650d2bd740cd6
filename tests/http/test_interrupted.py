"""Ctrl-C before a request is out: it is not the end of --connect-timeout that ends the command."""

import os
import signal
import socket
import threading

import pytest

from tests import loopback
from tests.warm import Process


def hear_and_wait(client: socket.socket, heard: threading.Event, over: threading.Event) -> None:
    client.recv(65536)
    heard.set()
    over.wait(loopback.LIMIT)


@pytest.mark.parametrize(
    "way",
    [["https://{}/"], ["--proxy", "socks5h://{}", "http://far.test/"], ["--proxy", "http://{}", "https://far.test/"]],
    ids=["tls", "socks", "tunnel"],
)
def test_ctrl_c_before_anything_is_sent(way: list[str]) -> None:
    heard, over = threading.Event(), threading.Event()
    with loopback.tcp(lambda client: hear_and_wait(client, heard, over)) as endpoint:
        words = [word.format(f"127.0.0.1:{endpoint.port}") for word in way]
        limits = ["--timeout", "1h", "--connect-timeout", "1h"]
        with Process("http", "get", *limits, *words) as process:
            assert heard.wait(loopback.LIMIT)
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(loopback.LIMIT) == 130
            finally:
                process.kill()
                over.set()


def test_ctrl_c_while_connecting() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        full = [socket.socket() for _ in range(4)]  # its queue: the next one is not answered
        for one in full:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        reads, writes = os.pipe()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with (
            os.fdopen(reads, "rb") as said,
            Process(
                "http", "get", "--trace", "--timeout", "1h", "--connect-timeout", "1h", url, stderr=writes
            ) as process,
        ):
            os.close(writes)
            while b" socket " not in said.readline():
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(loopback.LIMIT) == 130
            finally:
                process.kill()
        for one in full:
            one.close()
