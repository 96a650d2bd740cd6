"""Names, rooms, private words, moderators: what each command answers and what the others see."""

import re

import pytest

from netkit.chat.commands import COMMANDS, duration
from netkit.chat.limits import Limits
from netkit.chat.metrics import render
from netkit.chat.names import bad_nick
from tests.chat.conftest import GREETING, Chat, Client, chatting


def two_in(chat: Chat) -> tuple[Client, Client]:
    one = chat.join()
    return one, chat.join(one)


def test_help_lists_what_there_is(chat: Chat) -> None:
    one = chat.join()
    lines = one.answer("/help")
    assert [line.split()[1] for line in lines] == [f"/{name}" for name, each in COMMANDS.items() if not each.moderators]
    assert one.answer("/HELP") == lines
    assert one.answer("/nosuch") == ["* no such command: /nosuch; /help lists them, //nosuch says it"]
    assert one.answer("/") == ["* no such command: /; /help lists them, // says it"]
    assert one.answer("/kick x") == ["* no such command: /kick; /help lists them, //kick says it"]


def test_two_slashes_say_one(chat: Chat) -> None:
    one, two = two_in(chat)
    one.send(b"//help me\n")
    two.expect(f"[{one.name}] /help me\n")


def test_a_nick_is_told_and_used_and_nobody_elses(chat: Chat) -> None:
    one, two = two_in(chat)
    assert one.answer("/nick bob") == ["* you are bob"]
    two.expect(f"Client {one.name} is now bob\r\n")
    assert one.answer("/nick bob") == ["* you are bob"]  # and nobody is told again
    assert two.answer("/nick BOB") == ["* BOB is taken"]
    assert one.answer("/nick Bob") == ["* you are Bob"]
    two.expect("Client bob is now Bob\r\n")
    one.send(b"hi\n/me waves\n/me\n")
    two.expect("[Bob] hi\n[Bob] * waves\r\n")
    one.expect("* /me TEXT\r\n")
    assert one.answer("/nick ann") == ["* you are ann"]
    two.expect("Client Bob is now ann\r\n")
    assert two.answer("/nick bob") == ["* you are bob"]
    one.expect(f"Client {two.name} is now bob\r\n")
    one.send(b"/quit see you\n")
    one.expect_end("* goodbye\r\n")
    two.expect("[ann] see you\r\nClient left ann\r\n")
    assert two.answer("/nick Ann") == ["* you are Ann"]


@pytest.mark.parametrize(
    "nick", ["", "1bob", "bob bob", "a" * 17, "127.0.0.1:5", "bö", "b\u0430", "server", "Admin", "-x", "bob]", "a\n"]
)
def test_no_nick(nick: str) -> None:
    assert bad_nick(nick) is not None


def test_a_nick_as_it_may_be() -> None:
    assert [bad_nick(nick) for nick in ("b", "Bob_2-x", "a" * 16)] == [None] * 3


def test_rooms(chat: Chat) -> None:
    one, two = two_in(chat)
    assert one.answer("/join garden") == ["* you are in garden"]
    two.expect(f"Client left {one.name}\r\n")
    one.send(b"nobody hears this\n")
    assert two.answer("/rooms") == ["* garden: 1", "* lobby: 1"]
    assert two.answer("/who") == ["* 1 in lobby", f"*   {two.name}"]
    assert two.answer("/who garden") == ["* 1 in garden", f"*   {one.name}"]
    assert two.answer("/who none") == ["* 0 in none"]
    assert two.answer("/join garden") == ["* you are in garden"]
    one.expect(f"Client joined {two.name}\r\n")
    assert two.answer("/join garden") == ["* you are in garden"]
    assert two.answer("/join ../x") == ["* a room has 1 to 32 letters, digits, _ or -"]
    assert two.answer("/join") == ["* /join ROOM"]
    two.send(b"hello\n")
    one.expect(f"[{two.name}] hello\n")
    assert [line.split(" ", 2)[2] for line in two.answer("/history")] == [
        f"[{one.name}] nobody hears this",
        f"[{two.name}] hello",
    ]
    assert one.answer("/join lobby") == ["* you are in lobby"]
    two.expect(f"Client left {one.name}\r\n")
    assert two.answer("/join lobby") == ["* you are in lobby"]
    one.expect(f"Client joined {two.name}\r\n")
    assert one.answer("/rooms") == ["* lobby: 2"]


def test_what_was_said_before_one_changes_rooms_still_comes(chat: Chat) -> None:
    one, two = two_in(chat)

    def wait() -> None:
        chat.hub.limits = chat.hub.limits._replace(flush=60.0)  # nothing goes out by itself for so long

    chat.in_loop(wait)
    two.send(b"x\n/ping\n")
    two.expect("* pong\r\n")
    one.send(b"/join garden\n")
    one.expect(f"[{two.name}] x\n* you are in garden\r\n")


def test_private_words(chat: Chat) -> None:
    one, two = two_in(chat)
    three = chat.join(one, two)
    one.answer("/nick ann")
    two.expect(f"Client {one.name} is now ann\r\n")
    three.expect(f"Client {one.name} is now ann\r\n")
    assert two.answer("/msg ANN psst \x1b") == [r"* to ann: psst \x1b"]
    one.expect(f"* [{two.name}] to you: psst \\x1b\r\n")
    assert one.answer(f"/msg {two.name} yes") == [f"* to {two.name}: yes"]
    two.expect("* [ann] to you: yes\r\n")
    assert one.answer("/msg x y") == ["* nobody here is called x"]
    assert one.answer("/msg x") == ["* /msg NAME TEXT"]
    assert three.answer("/ping") == ["* pong"]  # and has heard nothing


def test_ignore(chat: Chat) -> None:
    one, two = two_in(chat)
    three = chat.join(one, two)
    assert one.answer("/ignore") == ["* you ignore nobody"]
    assert one.answer(f"/ignore {two.name}") == [f"* you do not hear {two.name} any more; the same again undoes it"]
    assert one.answer(f"/ignore {one.name}") == [f"* you do not hear {one.name} any more; the same again undoes it"]
    two.send(b"a\n/me b\n")
    three.expect(f"[{two.name}] a\n[{two.name}] * b\r\n")
    assert two.answer(f"/msg {one.name} x") == [f"* {one.name} does not hear you"]
    one.send(b"mine\n")
    three.expect(f"[{one.name}] mine\n")
    two.expect(f"[{one.name}] mine\n")
    assert one.answer(f"/ignore {two.name}") == [f"* you hear {two.name} again"]
    two.send(b"c\n")
    one.expect(f"[{two.name}] c\n")


def test_history_is_bounded_in_lines_and_bytes() -> None:
    with chatting(Limits(rate=None, history=50)) as chat:
        one = chat.join()
        assert one.answer("/history") == ["* nothing was said yet"]
        one.send(b"".join(b"%d\n" % number for number in range(100)))
        lines = one.answer("/history 10")
        assert [line.rpartition("] ")[2] for line in lines] == [str(number) for number in range(90, 100)]
        assert re.fullmatch(rf"\* \d\d:\d\d \[{one.name}\] 90", lines[0])
        assert one.answer("/history 0") == []
        assert len(one.answer("/history 99999")) == 50
        assert len(one.answer("/history x")) == 20
        one.send((b"y" * 4000 + b"\n") * 30)
        assert len(one.answer("/history 30")) == 9  # 32 kB of 120


def test_replay() -> None:
    with chatting(Limits(rate=None, replay=2)) as chat:
        one = chat.connect()
        one.expect(GREETING + b"* nothing was said yet\r\n")
        one.send(b"a\nb\nc\n")
        one.answer("/ping")
        two = chat.connect()
        two.expect(GREETING)
        assert [two.line()[-3:] for _ in range(2)] == [b"b\r\n", b"c\r\n"]


def test_moderators() -> None:
    with chatting(moderate=lambda text: text == "open sesame") as chat:
        one, two = two_in(chat)
        assert two.answer("/kick x") == ["* /kick is for moderators: /op PASSWORD"]
        assert "* /op PASSWORD" in two.answer("/help")[11]
        assert one.answer("/op open sesame") == ["* you are a moderator"]
        assert one.answer(f"/mute {two.name} 1m") == [f"* {two.name} is muted for 60 s"]
        two.expect(f"* muted by {one.name} for 60 s\r\n")
        for words in ("let me speak", f"/msg {one.name} x", "/me x"):
            (answer,) = two.answer(words)
            left = re.fullmatch(r"\* you are muted for (\d+) s more", answer)
            assert left, answer
            assert 0 < int(left[1]) <= 60  # it is less each second
        muted = chat.wait_for("kick")
        assert (muted.reason, muted.name, muted.by, muted.seconds) == ("muted", two.name, one.name, 60)
        one.answer(f"/mute {two.name} 0")
        chat.wait_for("kick")
        two.expect(f"* muted by {one.name} for 0 s\r\n")
        two.send(b"thanks\n")
        one.expect(f"[{two.name}] thanks\n")
        one.send(b"/notice tea is ready\n")
        one.expect("* tea is ready\r\n")
        two.expect("* tea is ready\r\n")
        assert one.answer("/kick nobody") == ["* nobody here is called nobody"]
        two.send(b"more\n" * 3)
        one.expect(f"[{two.name}] more\n" * 3)
        assert one.answer(f"/kick {two.name} too loud")[0] == f"* {two.name} is out"
        two.expect_end(f"* kicked by {one.name}: too loud\r\n")
        kicked = chat.wait_for("kick")
        assert (kicked.reason, kicked.by, kicked.detail) == ("kicked", one.name, "too loud")
        assert chat.wait_for("drop").reason == "kicked"


def test_a_ban_is_of_the_address_and_ends() -> None:
    with chatting(moderate=lambda text: True) as chat:
        one, two = two_in(chat)
        one.answer("/op x")
        assert one.answer("/ban") == ["* /ban NAME|ADDRESS [1h]"]
        assert one.answer("/ban x 1w") == ["* /ban NAME|ADDRESS [1h]"]
        one.send(f"/ban {two.name} 1h\n".encode())
        one.expect("* 127.0.0.1 is banned for 3600 s\r\n")
        banned = chat.wait_for("kick")
        assert (banned.reason, banned.by, banned.detail) == ("banned", one.name, "127.0.0.1")
        two.expect_end(f"* banned by {one.name}\r\n")
        one.expect(f"Client left {two.name}\r\n")
        chat.connect().expect_end("* banned\r\n")
        assert chat.wait_for("refused").reason == "banned"
        assert one.answer("/ban 127.0.0.1 0") == ["* 127.0.0.1 is banned for 0 s"]
        chat.join(one)


def test_a_password_is_not_guessed_for_long() -> None:
    with chatting(moderate=lambda text: False) as chat:
        one = chat.join()
        wrong = "* that is not the password\r\n"
        one.send(b"/op 1\n/op 2\n/op 3\n/op 4\n")
        one.expect_end(wrong * 3)
        assert chat.wait_for("drop").reason == "password"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("7", 7)),
        *((text, None) for text in ("x", "", "-1", "1w", "\u0661", "9999999")),
    ],
)
def test_durations(text: str, seconds: int | None) -> None:
    assert duration(text) == seconds


def test_notices_off_and_in_sum() -> None:
    with chatting(Limits(rate=None, notices="off")) as chat:
        one, two = chat.join(), chat.join()
        two.close()
        chat.wait_for("leave")
        assert one.answer("/who") == ["* 1 in lobby", f"*   {one.name}"]
    with chatting(Limits(rate=None, notices="digest")) as chat:
        one, two, three = chat.join(), chat.join(), chat.join()
        three.close()
        chat.wait_for("leave")
        joined = left = here = 0
        while (joined, left) != (3, 1):  # in one sum, or in more when a second ended meanwhile
            line = one.line().decode()
            found = re.fullmatch(r"\* (?:(\d) joined)?(?:, )?(?:(\d) left)?: (\d) are here\r\n", line)
            assert found, line
            joined, left, here = joined + int(found[1] or 0), left + int(found[2] or 0), int(found[3])
            assert joined <= 3, line
            assert left <= 1, line
        assert here == 2


def test_metrics(chat: Chat) -> None:
    one, two = two_in(chat)
    one.send(b"hello\n")
    two.expect(f"[{one.name}] hello\n")
    page = chat.in_loop(lambda: render(chat.server))
    assert "netkit_chat_clients 2\n" in page
    assert "netkit_chat_lines_in_total 1\n" in page
    assert "netkit_chat_deliveries_total 2\n" in page  # a notice and a line
    names = re.findall(r"(?m)^# TYPE (\w+) ", page)
    assert len(set(names)) == len(names)
    two.close()
    chat.wait_for("leave")
    assert 'netkit_chat_disconnects_total{reason="eof"} 1\n' in chat.in_loop(lambda: render(chat.server))


def test_deliveries_are_those_that_were_made_also_of_who_has_left(chat: Chat) -> None:
    one, two = two_in(chat)
    one.send(b"a\nb\n/quit\n")
    two.expect(f"[{one.name}] a\n[{one.name}] b\nClient left {one.name}\r\n")
    assert "netkit_chat_deliveries_total 4\n" in chat.in_loop(lambda: render(chat.server))  # the first: two has come
    two.send(b"to nobody\n/quit\n")
    two.expect("* goodbye\r\n")
    chat.wait_for("leave")
    chat.wait_for("leave")
    assert "netkit_chat_deliveries_total 4\n" in chat.in_loop(lambda: render(chat.server))


def test_every_line_has_the_next_number(chat: Chat) -> None:
    one, two = two_in(chat)
    one.send(b"a\nb\n")
    two.expect(f"[{one.name}] a\n[{one.name}] b\n")
    two.close()
    chat.wait_for("leave")
    said = [entry for entry in chat.seen if entry.event == "say"]
    assert [entry.seq for entry in said][:4] == [1, 2, 3, 4]
    assert [entry.line for entry in said][:4] == [
        f"Client joined {one.name}\r\n".encode(),
        f"Client joined {two.name}\r\n".encode(),
        f"[{one.name}] a\n".encode(),
        f"[{one.name}] b\n".encode(),
    ]
