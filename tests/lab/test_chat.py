"""The lab's chat."""

import socket
from urllib.request import urlopen

from netkit.lab import Event, running
from tests.chat.conftest import GREETING, Client
from tests.lab.test_echo import LIMIT, at


def test_two_talk_and_the_log_has_it() -> None:
    events: list[Event] = []
    with running(bind=["127.0.0.1"], on_log=events.append) as lab:
        chat = at(lab.environment["NETKIT_LAB_CHAT"])
        with (
            socket.create_connection(chat, timeout=LIMIT) as first,
            socket.create_connection(chat, timeout=LIMIT) as second,
        ):
            one, two = Client(first), Client(second)
            two.expect(GREETING)
            one.expect(GREETING + f"Client joined {two.name}\r\n".encode())
            one.send(b"hello\n")
            two.expect(f"[{one.name}] hello\n")
            one.send(b"/quit\n")
            one.expect_end("* goodbye\r\n")
            two.expect(f"Client left {one.name}\r\n")
    said = [event.summary for event in events if (event.service, event.event) == ("chat", "request")]
    assert said[:4] == [
        f"Client joined {one.name}",
        f"Client joined {two.name}",
        f"[{one.name}] hello",
        f"Client left {one.name}",
    ]


def test_the_page_for_browsers_is_there_from_the_first_one_on() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        url = lab.environment["NETKIT_LAB_CHAT_WEB"]
        for _ in range(2):
            with urlopen(url, timeout=LIMIT) as reply:
                assert (reply.status, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
                assert b"<script" in reply.read()
