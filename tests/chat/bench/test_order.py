"""What everybody gets, as bytes and as lines."""

import pytest

from netkit.chat.bench.order import Lines, Order, Probes


def test_a_line_is_known_whatever_stands_before_it() -> None:
    lines = Lines("ab12", 40)
    line = lines.make(7)
    assert line == b"~ab12:7 ijklmnopqrstuvwxyzabcdefghijklmn\n"
    assert len(line) == 41
    assert lines.number_of(b"[127.0.0.1:5000] " + line) == 7
    assert lines.whole(7, b"<user5> " + line[:-1] + b"\r\n")
    assert not lines.whole(7, line.replace(b"m", b"n"))
    assert not lines.whole(8, line)


@pytest.mark.parametrize(
    "line", [b"\n", b"Client joined x\r\n", b"~ab12:\n", b"~ab12:7\n", b"~ab12:x y\n", b"~ff:7 a\n"]
)
def test_what_is_none(line: bytes) -> None:
    assert Lines("ab12", 40).number_of(line) is None


def test_probes() -> None:
    probes = Probes("ab12")
    assert probes.make(3) == b"~ab12?3 is it on?\n"
    assert probes.numbers(b"[x] " + probes.make(3) + b"Client left\r\n[y] " + probes.make(14) + b"[x] ~ab12?15") == [
        3,
        14,
    ]
    assert probes.numbers(b"~ab12?x ") == []


def test_the_order() -> None:
    told = []
    lines = Lines("ab12", 32)
    order = Order(lines, lambda number, place, line: told.append((number, place)))
    one, two = b"[a] " + lines.make(1), b"[b] " + lines.make(0)
    for line in (b"Client joined x\r\n", one, b"Client left x\r\n", two):
        order.add(line)
    assert told == [(1, 0), (0, 1)]
    assert (len(order), order.end, order.kept) == (2, 106, 106)
    assert [order.upto(place) for place in (0, 17, 53, 54, 69, 105, 106)] == [0, 0, 0, 1, 1, 1, 2]
    assert order.same(17, one + b"Cl")
    assert not order.same(17, one + b"cl")
    assert not order.same(106, b"x")
    assert order.begun(20) == one[:3]
    assert order.begun(17) == b""
    order.forget(54)
    assert (order.base, order.kept, order.begun(60)) == (54, 52, b"Client")
    assert order.same(54, b"Client left x\r\n")
    assert order.upto(54) == 1
