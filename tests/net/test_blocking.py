"""System calls in a thread: their result, their exception, or the deadline."""

import os
import threading

import pytest

from netkit.errors import TimedOut, Unreachable
from netkit.net.blocking import addresses, call
from netkit.net.deadline import Deadline

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000


def fail() -> None:
    raise KeyError("inside")


def test_result_and_exception() -> None:
    assert call(lambda: 7, deadline=Deadline.after(5000 * MS), what="seven") == 7
    with pytest.raises(KeyError, match="inside"):
        call(fail, deadline=Deadline.after(5000 * MS), what="failing")


def test_a_call_that_hangs_meets_the_deadline() -> None:
    release = threading.Event()
    with pytest.raises(TimedOut, match=r"waiting: no answer within"):
        call(release.wait, deadline=Deadline.after(20 * MS), what="waiting")
    release.set()


def test_addresses_of_this_machine() -> None:
    found = addresses("127.0.0.1", 80, deadline=Deadline.after(5000 * MS))
    assert [sockaddr for _, sockaddr in found] == [("127.0.0.1", 80)]


def test_a_label_getaddrinfo_cannot_encode_is_no_such_host() -> None:
    """The standard library raises UnicodeError here; it never reaches a user."""
    with pytest.raises(Unreachable):
        addresses("a" * 64 + ".é", 80, deadline=Deadline.after(5000 * MS))
