"""Who is on the other nodes, and when one of them is gone."""

import json
from typing import Any

import pytest

from netkit.chat.bus import Elsewhere, Present
from netkit.chat.entry import Entry
from netkit.chat.nats import nodes
from netkit.chat.nats.batch import Foreign
from netkit.chat.nats.nodes import PART, Heard, Nodes, beats

PEOPLE = [Present(1, "ann", "lobby"), Present(2, "bob", "hall")]


def heard(table: Nodes, node: str, people: list[Present], now: float, beat: int = 1, boot: str = "2") -> Heard | None:
    last = None
    for part in beats(node, boot, beat, people):
        last = table.hear(json.loads(part), now)
    return last


def test_a_heartbeat_says_who_is_there_and_how_old_that_is() -> None:
    table = Nodes("me", "1", 15.0, 100.0)
    assert heard(table, "b", PEOPLE, 101.0) == Heard("b", "2", True)
    assert heard(table, "b", PEOPLE[1:], 106.0, beat=2) == Heard("b", "2", False)
    assert heard(table, "me", PEOPLE, 106.0) is None
    assert table.elsewhere(108.0) == [Elsewhere("b", "bob", "hall", 2.0)]
    assert table.find("BOB") == "b"
    assert table.find("ann") is None
    assert heard(table, "b", [], 110.0, boot="3") == Heard("b", "3", True)  # started anew
    assert table.elsewhere(110.0) == []


def test_many_people_come_in_parts_and_count_when_all_are_here() -> None:
    table = Nodes("me", "1", 15.0, 0.0)
    many = [Present(number, f"n{number}", "lobby") for number in range(PART + 1)]
    one, two = (json.loads(part) for part in beats("b", "2", 1, many))
    table.hear(two, 1.0)
    assert table.elsewhere(1.0) == []
    table.hear(one, 1.0)
    assert len(table.elsewhere(1.0)) == PART + 1


def test_between_heartbeats_the_stream_says_who_comes_and_goes() -> None:
    table = Nodes("me", "1", 15.0, 0.0)
    heard(table, "b", PEOPLE, 1.0)
    for entry, boot in (
        (Entry("join", "lobby", "cid", member=3, node="b"), "2"),
        (Entry("nick", "lobby", "cid", b"dan", member=3, node="b"), "2"),
        (Entry("leave", "lobby", "ann", member=1, node="b"), "2"),
        (Entry("leave", "lobby", "bob", member=2, node="b"), "2"),  # of a room that he has left already
        (Entry("join", "lobby", "eve", member=4, node="b"), "9"),  # of an earlier run
        (Entry("join", "lobby", "fay", member=5, node="nobody"), "2"),
    ):
        table.follow(entry, boot)
    assert [(one.name, one.room) for one in table.elsewhere(1.0)] == [("bob", "hall"), ("dan", "lobby")]


def test_who_is_silent_is_gone_but_not_where_this_node_heard_nobody() -> None:
    table = Nodes("me", "1", 15.0, 100.0)
    assert table.alive("b", "2", 114.0) is None
    assert table.alive("b", "2", 115.0) is False
    heard(table, "b", PEOPLE, 110.0)
    assert table.due(110.0) == 15.0
    assert table.alive("b", "2", 124.0) is True
    assert table.alive("b", "3", 124.0) is False
    assert table.overdue(124.9) == []
    assert [name for name, _ in table.overdue(125.0)] == ["b"]
    table.since = 124.0  # the broker was away
    assert table.overdue(125.0) == []
    assert table.due(125.0) == 14.0
    assert not table.forget("b", "3")
    assert table.forget("b", "2")
    assert not table.forget("b", "2")


@pytest.mark.parametrize(
    "change",
    [
        {"node": "../x"}, {"boot": 1}, {"beat": "x"}, {"part": 1}, {"parts": 41}, {"parts": 0}, {"present": None},
        {"present": [1]}, {"present": [[1, "x"]]}, {"present": [[1, 2, "lobby"]]}, {"present": [[1, "x", "a b"]]},
        {"present": [[1, "x", "lobby"]] * (PART + 1)},
    ],
)  # fmt: skip
def test_a_heartbeat_that_is_none_is_refused(change: dict[str, Any]) -> None:
    table = Nodes("me", "1", 15.0, 0.0)
    good = {"node": "b", "boot": "2", "beat": 1, "part": 0, "parts": 1, "present": []}
    with pytest.raises(Foreign):
        table.hear(good | change, 1.0)
    assert table.table == {}


def test_the_nodes_that_are_known_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "MAX_NODES", 1)
    table = Nodes("me", "1", 15.0, 0.0)
    heard(table, "b", PEOPLE, 1.0)
    with pytest.raises(Foreign, match="more than 1 nodes"):
        heard(table, "c", PEOPLE, 1.0)
    assert heard(table, "b", PEOPLE, 1.0, boot="3") == Heard("b", "3", True)
