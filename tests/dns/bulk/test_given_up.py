"""What waits for its next try at a server that is found not to be there."""

from collections.abc import Iterator
from time import monotonic

import pytest

from netkit.dns.bulk.engine import Engine, Settings
from netkit.dns.bulk.task import Task
from netkit.dns.bulk.upstream import Upstream
from netkit.dns.servers import Server
from netkit.errors import Insecure

FALSE = Insecure("127.0.0.1:1: it is another", kind="cert_name")


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(Settings(timeout=60.0))
    yield made
    made.selector.close()


def waiting(engine: Engine) -> tuple[Upstream, Upstream, Task]:
    """Two servers, and a question that waits for its second try at the first."""
    first, other = engine.route([Server("127.0.0.1", 1), Server("127.0.0.1", 2)])
    task = Task("a.test", "a.test.", b"\1a\4test\0\0\1\0\1", 1, (first, other), True)
    task.began, task.tries = monotonic(), 1
    more = task.trouble()
    more.left = [other, first, other]
    more.queued = True
    first.queue.append(task)
    return first, other, task


def test_it_waits_at_the_next_one(engine: Engine) -> None:
    first, other, task = waiting(engine)
    first.refuse([], FALSE)
    assert (list(first.queue), list(other.queue), engine.results) == ([], [task], [])


def test_it_has_no_second_result_where_a_late_reply_was_the_first(engine: Engine) -> None:
    first, other, task = waiting(engine)
    task.trouble().done, task.trouble().left = True, []
    first.refuse([], FALSE)
    assert (list(first.queue), list(other.queue), engine.results) == ([], [], [])


def test_whoever_has_its_id_now_is_not_withdrawn_with_it(engine: Engine) -> None:
    first, _, task = waiting(engine)
    channel = first._opened()
    assert channel
    other = Task("b.test", "b.test.", b"\1b\4test\0\0\1\0\1", 1, (first,), True)
    channel.flight[b"id"] = channel.late[b"is"] = other
    task.trouble().left = []
    task.trouble().places += [(channel, b"id"), (channel, b"is")]  # where it was asked before
    engine.lost(first, task, "gone")
    assert [one.task for one in engine.results] == [task]
    assert (channel.flight, channel.late) == ({b"id": other}, {b"is": other})
    channel.close()
