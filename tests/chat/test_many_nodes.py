"""What a room tells those who come back when the order of many nodes has a hole, or begins anew."""

from netkit.chat.bus import LocalBus
from netkit.chat.entry import Entry
from netkit.chat.hub import Hub
from netkit.chat.replay import after
from netkit.chat.room import Room
from netkit.net.loop import Loop


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


def say(seq: int) -> Entry:
    return Entry("say", "hall", "ann", b"%d" % seq, seq=seq)


def test_a_room_that_is_made_after_lines_were_lost_says_so_as_well() -> None:
    """What is kept of all rooms has lines of it from before and behind the hole."""
    loop = Loop()
    hub = Hub(loop, bus=LocalBus("x", 20, said={"hall": [say(5), say(30)], "attic": [say(30)]}))
    hub.skipped(3)
    hub.deliver([say(30)])
    hall = hub.room("hall")
    assert after(hall, 5, 30, quiet=True).gap == "history"
    assert after(hall, 20, 30, quiet=True).gap == "history"  # some were lost between 20 and 30
    assert after(hall, 30, 30, quiet=True).gap == ""
    assert after(hub.room("attic"), 29, 30, quiet=True).gap == ""  # its history begins behind the hole
    assert after(hub.room("new"), 30, 30, quiet=True).gap == ""
    loop.close()


def test_another_order_has_other_holes() -> None:
    loop = Loop()
    hub = Hub(loop, bus=LocalBus("x", 7, said={"hall": [say(8)]}))
    hub.seq = 1000
    hub.skipped(3)
    hub.began_anew()
    assert after(hub.room("hall"), 7, 8, quiet=True).gap == ""
    loop.close()
