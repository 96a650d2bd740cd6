"""What a reader of the stream has twice, and what it misses."""

import pytest

from netkit.chat.entry import Entry
from netkit.chat.nats import order
from netkit.chat.nats.batch import Batch
from netkit.chat.nats.order import Order


def batch(node: str, number: int, first: int, lines: int = 1) -> Batch:
    return Batch(node, "1", number, first, (Entry("say", "lobby", "ann"),) * lines)


def test_batches_in_order_miss_nothing() -> None:
    seen = Order()
    assert [
        seen.read(one) for one in (batch("a", 1, 1, 5), batch("b", 7, 70), batch("a", 2, 6), batch("b", 8, 71))
    ] == [0] * 4
    assert seen.end() == 0


def test_a_batch_that_comes_twice_is_read_once() -> None:
    seen = Order()
    for number in (1, 2):
        assert seen.read(batch("a", number, number)) == 0
    assert seen.read(batch("a", 1, 1)) is None
    assert seen.read(batch("a", 2, 2)) is None
    assert seen.read(batch("a", 3, 3)) == 0


def test_the_next_batch_of_a_node_tells_how_many_lines_a_hole_has() -> None:
    seen = Order()
    seen.read(batch("a", 1, 1, 2))
    seen.read(batch("b", 1, 1))
    seen.hole(3)  # two of a, one of b
    assert seen.read(batch("a", 4, 12)) == 9
    assert seen.read(batch("b", 3, 5)) == 3
    assert seen.end() == 0


def test_where_a_node_says_nothing_more_each_batch_was_a_line() -> None:
    seen = Order()
    seen.read(batch("a", 1, 1))
    seen.hole(4)
    assert seen.read(batch("b", 9, 9)) == 0  # it was not heard of before
    assert seen.end() == 4
    assert seen.end() == 0
    assert seen.read(batch("a", 6, 8)) == 2  # 6 are missing, 4 of them were told
    assert seen.read(batch("a", 7, 9)) == 0


def test_an_order_that_begins_anew_has_no_holes() -> None:
    seen = Order()
    seen.read(batch("a", 1, 1))
    seen.hole(4)
    seen.anew()
    assert seen.read(batch("a", 9, 90)) == 0
    assert seen.end() == 0


def test_the_counters_that_are_kept_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MAX_BOOTS", 2)
    seen = Order()
    for node in "abc":
        seen.read(batch(node, 5, 5))
    assert seen.read(batch("a", 1, 1)) == 0  # forgotten
    assert seen.read(batch("c", 1, 1)) is None
