from netkit.chat import replay
from netkit.chat.entry import Entry, Kind
from netkit.chat.room import Room


def room(*, history: int = 100, born: int = 0) -> Room:
    nobody = lambda *about: None  # noqa: E731
    return Room("r", on_lost=nobody, on_gone=nobody, limit=1024, history=history, born=born)


def say(where: Room, seq: int, kind: Kind = "say", text: bytes = b"") -> None:
    where.say(Entry(kind, "r", "bob", text or b"%d" % seq, time=len(where.history), seq=seq))


def seqs(page: replay.Page) -> list[int]:
    return [entry.seq for entry in page.entries]


def test_what_came_behind_is_all_there() -> None:
    here = room()
    for seq in (1, 4, 5, 9):  # others were said in other rooms
        say(here, seq)
    assert replay.after(here, 4, 12, quiet=False) == replay.Page(list(here.history)[2:], 12, False, "")
    assert seqs(replay.after(here, 0, 12, quiet=False)) == [1, 4, 5, 9]
    assert replay.after(here, 12, 12, quiet=False) == replay.Page([], 12, False, "")


def test_a_history_that_wrapped_says_so() -> None:
    here = room(history=3)
    for seq in (1, 4, 5, 9, 10):
        say(here, seq)
    assert here.floor == 4
    assert replay.after(here, 4, 10, quiet=False) == replay.Page(list(here.history), 10, False, "")
    assert replay.after(here, 3, 10, quiet=False) == replay.Page(list(here.history), 10, False, "history")


def test_a_room_without_a_history_keeps_nothing() -> None:
    here = room(history=0)
    say(here, 1)
    assert replay.after(here, 1, 1, quiet=False) == replay.Page([], 1, False, "")
    assert replay.after(here, 0, 1, quiet=False).gap == "history"


def test_a_room_that_began_anew_says_so() -> None:
    here = room(born=7)
    say(here, 8)
    assert replay.after(here, 7, 8, quiet=False).gap == ""
    assert replay.after(here, 6, 8, quiet=False).gap == "room"


def test_pages_have_everything_once() -> None:
    here = room()
    for seq in range(1, 31):
        say(here, seq, text=b"x" * 50)
        if seq % 7 == 0:
            say(here, 0, "notice", text=b"n" * 150)
    found: list[Entry] = []
    upto, more = 0, True
    while more:
        page = replay.after(here, upto, 30, quiet=False, size=400)
        assert [entry.seq for entry in page.entries if entry.seq] == list(range(upto + 1, page.upto + 1))
        assert page.upto > upto
        found += [entry for entry in page.entries if entry not in found]  # a notice may come twice
        upto, more = page.upto, page.more
    assert found == list(here.history)


def test_who_came_and_went_is_left_out_where_it_is_not_told() -> None:
    here = room()
    say(here, 1, "join")
    say(here, 2)
    say(here, 3, "leave")
    assert replay.after(here, 0, 3, quiet=True) == replay.Page([here.history[1]], 3, False, "")


def test_a_newcomer_gets_the_last_lines_as_many_as_fit() -> None:
    here = room()
    for seq in range(1, 11):
        say(here, seq, "join" if seq % 2 else "say", text=b"x" * 100)
    assert seqs(replay.latest(here, 3, 10)) == [6, 8, 10]
    assert seqs(replay.latest(here, 99, 10, size=300)) == [8, 10]
    assert replay.latest(here, 0, 10, gap="epoch") == replay.Page([], 10, False, "epoch")


def test_a_line_that_is_more_than_a_page_is_cut() -> None:
    here = room()
    say(here, 1, text="ü".encode() * 40_000)
    (entry,) = replay.after(here, 0, 1, quiet=False).entries
    assert entry.text.decode() == "ü" * 8192 + "…"
