"""aiosmtpd beside the lab's SMTP server: the same lines get answers of the same kind, and the same message comes in."""

import poplib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller

from netkit.lab import running
from tests.ports import find_free_port

LINES = [
    b"MAIL FROM:<a@lab.test>", b"NONSENSE", b"EHLO", b"EHLO peer.test", b"DATA", b"RCPT TO:<b@lab.test>",
    b"MAIL FROM:a@lab.test>", b"MAIL FROM:<a@lab.test> SIZE=1000000000", b"NOOP",
    b"MAIL FROM:<a@lab.test>", b"DATA", b"RCPT FROM:<b@lab.test>", b"RCPT TO:<b@lab.test>", b"VRFY b@lab.test", b"NOOP",
    b"RSET", b"RCPT TO:<b@lab.test>", b"MAIL FROM:<>", b"RCPT TO:<b@lab.test>", b"DATA",
    b"Subject: odd\r\n\r\n..\r\n...x\r\n\xe9\r\n" + b"x" * 900 + b"\r\n.", b"NOOP", b"QUIT",
]  # fmt: skip
MESSAGE = b"Subject: odd\r\n\r\n.\r\n..x\r\n\xe9\r\n" + b"x" * 900 + b"\r\n"


class Kept:
    """aiosmtpd's handler: what came in."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.taken.append(envelope.original_content)
        return "250 2.0.0 ok"


@contextmanager
def aiosmtpd(kept: Kept) -> Iterator[int]:
    port = find_free_port()
    controller = Controller(kept, hostname="127.0.0.1", port=port, ready_timeout=60)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def kinds(port: int) -> list[bytes]:
    """The first digit of the answer to each line."""
    found = []
    with socket.create_connection(("127.0.0.1", port)) as client, client.makefile("rb") as answers:
        for line in [b"", *LINES]:
            if line:
                client.sendall(line + b"\r\n")
            while (answer := answers.readline())[3:4] == b"-":
                pass
            found.append(answer[:1])
    return found


def test_the_same_answers() -> None:
    kept = Kept()
    with aiosmtpd(kept) as theirs, running(bind=["127.0.0.1"]) as lab:
        smtp, pop3 = (int(lab.environment[f"NETKIT_LAB_{name}"].rpartition(":")[2]) for name in ("SMTP", "POP3"))
        assert kinds(smtp) == kinds(theirs)
        client = poplib.POP3("127.0.0.1", pop3)
        client.user("b@lab.test")
        client.pass_("netkit")
        ours = b"\r\n".join([*client.retr(1)[1], b""])
        client.quit()
    assert kept.taken == [ours] == [MESSAGE]
