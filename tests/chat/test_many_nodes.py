"""What a room tells those who come back when the order of many nodes has a hole, or begins anew."""

from netkit.chat.entry import Entry
from netkit.chat.replay import after
from netkit.chat.room import Room


def room() -> Room:
    made = Room("lobby", on_lost=lambda reader, lost: None, on_gone=lambda reader: None, limit=1000, born=10)
    for seq in (2048, 2049):
        made.say(Entry("say", "lobby", "ann", b"%d" % seq, seq=seq), quiet=True)
    return made


def test_what_is_lost_on_the_way_is_a_gap_for_who_was_before_it() -> None:
    lobby = room()
    assert after(lobby, 10, 2049, quiet=True).gap == ""
    lobby.miss(2049)
    lobby.say(Entry("say", "lobby", "ann", b"5120", seq=5120), quiet=True)
    assert after(lobby, 2049, 5120, quiet=True).gap == "history"
    assert after(lobby, 5120, 5120, quiet=True).gap == ""


def test_an_order_that_begins_anew_keeps_what_was_said_without_its_places() -> None:
    lobby = room()
    lobby.forget_places(1023)
    assert [(one.text, one.seq) for one in lobby.history] == [(b"2048", 0), (b"2049", 0)]
    lobby.say(Entry("say", "lobby", "ann", b"new", seq=1024), quiet=True)
    page = after(lobby, 1024, 1024, quiet=True)
    assert (page.entries, page.upto, page.gap) == ([], 1024, "")
    again = Room("lobby", on_lost=lambda reader, lost: None, on_gone=lambda reader: None, limit=1000, born=1023)
    again.recall(list(lobby.history))
    assert again.floor == 1023
