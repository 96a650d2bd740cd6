"""A terminal is told what is waited for once that lasts over a second, and nothing of it stays there."""

import os
import pty
import threading
from collections.abc import Callable

import pytest

from tests.conftest import MS, Shown
from tests.dns.conftest import SOA, Scripted, reply_to, serve  # noqa: F401
from tests.warm import Process

Serve = Callable[..., Scripted]


@pytest.mark.parametrize(
    ("words", "said", "last"),
    [
        (["resolve", "-t", "A", "www.test"], "looking up www.test", "www.test.  60  A  192.0.2.1"),
        (["resolve", "--short", "-t", "A", "a.test", "b.test"], "looking up 2 names", "192.0.2.1"),
        (
            ["resolve", "--compare", "-t", "SPF", "www.test"],
            "looking up www.test",
            "www.test SPF: nothing to compare",
        ),
        (["resolve", "-t", "AXFR", "test"], "looking up test.", "test.  60  IN  SOA  ns.test. admin.test. 1 2 3 4 60"),
        (["fqdn", "www.test"], "looking up www.test", "www.test"),
    ],
)
def test_what_is_waited_for(serve: Serve, words: list[str], said: str, last: str) -> None:  # noqa: F811
    """The server answers once that has been seen."""
    seen = threading.Event()

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        assert seen.wait(60)
        return [reply_to(query, *([SOA, SOA] if transport == "tcp" else ["@ 60 IN A 192.0.2.1"]))]

    server = serve(script)
    where = ["-s", str(server), "--timeout", f"{50_000 * MS}s"]
    ours, theirs = pty.openpty()
    with Process(*words, *where, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        text = b""
        while chunk := read(ours):
            text += chunk
            if said.encode() in text:
                seen.set()
        shown = Shown(text.decode().replace("\r\n", "\n"), process.wait(60_000 * MS)).screen
    os.close(ours)
    seen.set()
    assert said not in "\n".join(shown)
    assert last in shown[-2:]


def read(terminal: int) -> bytes:
    """What comes next; nothing once the last process of the terminal has closed it (EIO)."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
