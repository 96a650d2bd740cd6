"""A server that answers the message before it has come: that is the reason, and nothing follows for it to obey."""

from collections.abc import Callable
from typing import Any

import pytest

from netkit.errors import Exit
from tests.peers.smtp_client import send, words

START = [b"220 x\r\n", b"250-x\r\n250 PIPELINING\r\n", b"250 ok\r\n", b"250 ok\r\n"]


@pytest.mark.parametrize(
    ("answer", "word", "code"),
    [(b"550 no\r\n", "refused", Exit.NO), (b"451 later\r\n", "deferred", Exit.TEMPORARY), (b"250 ok\r\n", "unsent", 5)],
)
def test_behind_the_answer_to_data(scripted: Callable[..., Any], answer: bytes, word: str, code: int) -> None:
    server = scripted([*START, b"354 go\r\n" + answer])
    (done,) = send(server.address, "b@y.test", text=b"MAIL FROM:<mallory@x.test>\n")
    server.thread.join(10)
    assert (words([done]), done.exit) == ([[word]], code)
    assert server.heard[-1] == b"DATA\r\n"
