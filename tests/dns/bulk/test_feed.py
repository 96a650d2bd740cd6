"""Lines as they come: cut anywhere, with any line end, from a file or a pipe; never more than asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from netkit.dns.bulk.feed import CHUNK, Feed
from netkit.dns.bulk.lines import MAX_LINE, Lines
from netkit.dns.types import AAAA, A
from netkit.errors import LocalFailure

TEXT = b"\xef\xbb\xbfa.test\r\n# comment\n\nb.test,AAAA\nA.test\n192.0.2.0/31\nlast.test"
EXPECTED = ["a.test", "b.test", "A.test", "192.0.2.0", "192.0.2.1", "last.test"]


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    read, write = os.pipe()
    yield read, write
    os.close(read)


def feed(fd: int, *, types: tuple[int, ...] = (A,), unique: bool = False) -> Feed:
    return Feed(fd, Lines(types, (), lambda texts: ()), unique=unique)


def all_of(one: Feed) -> list[str]:
    found = []
    while tasks := one.remaining(2):
        found += [task.text for task in tasks]
    assert one.exhausted
    return found


def opened(path: Path, data: bytes) -> int:
    path.write_bytes(data)
    return os.open(path, os.O_RDONLY)


def test_a_file(tmp_path: Path) -> None:
    fd = opened(tmp_path / "names", TEXT)
    one = feed(fd)
    assert all_of(one) == EXPECTED
    assert (one.lines, one.read) == (7, len(TEXT))
    os.close(fd)


def test_every_split_of_the_input(pipe: tuple[int, int]) -> None:
    for at in range(len(TEXT)):
        read, write = os.pipe()
        one = feed(read)
        os.write(write, TEXT[:at])
        found = [task.text for task in one.remaining(1)] if at > 12 else []
        os.write(write, TEXT[at:])
        os.close(write)
        assert found + all_of(one) == EXPECTED
        os.close(read)


def test_nothing_is_read_before_it_is_there(pipe: tuple[int, int]) -> None:
    read, write = pipe
    one = feed(read)
    assert one.take(5) == []
    os.write(write, b"a.test\nb.te")
    one.may_read = True
    assert [task.text for task in one.take(5)] == ["a.test"]
    assert not one.exhausted
    os.close(write)
    assert all_of(one) == ["b.te"]


def test_places_count_up_through_usual_and_unusual_lines(tmp_path: Path) -> None:
    lines = [f"host{n}.test" if n % 3 else f"host{n}.test,MX" for n in range(20_000)]
    fd = opened(tmp_path / "names", "\n".join(lines).encode())
    one = feed(fd)
    found = []
    while tasks := one.take(7):
        assert len(tasks) <= 7
        found += tasks
    assert [task.place for task in found] == list(range(20_000))
    assert [task.text for task in found] == [line.partition(",")[0] for line in lines]
    os.close(fd)


def test_usual_lines_alone(tmp_path: Path) -> None:
    names = [f"host{n}.x{n % 5000}.test" for n in range(20_000)]
    fd = opened(tmp_path / "names", "\r\n".join(names).encode())
    one = feed(fd, types=(A, AAAA))
    found = []
    while tasks := one.take(50):
        assert len(tasks) <= 51
        found += tasks
    assert [(task.text, task.type) for task in found] == [(name, kind) for name in names for kind in (A, AAAA)]
    assert (one.lines, one.exhausted) == (20_000, True)
    os.close(fd)


def test_what_comes_twice(tmp_path: Path) -> None:
    fd = opened(tmp_path / "names", b"a.test\nA.test.\na.test,AAAA\nb.test\na.test\nx..y\nx..y\n")
    one = feed(fd, unique=True)
    assert [(task.text, task.type) for task in one.remaining(99)] == [
        ("a.test", A), ("a.test", AAAA), ("b.test", A), ("x..y", 0), ("x..y", 0),
    ]  # fmt: skip
    assert one.repeated == 2
    os.close(fd)


def test_a_line_without_end_takes_no_memory(pipe: tuple[int, int]) -> None:
    read, write = pipe
    one = feed(read)
    for _ in range(10):
        os.write(write, b"x" * CHUNK)
        one.may_read = True
        assert one.take(1) == []
        assert len(one.rest) <= MAX_LINE
    os.write(write, b"\nb.test\n")
    os.close(write)
    one.may_read = True
    tasks = one.remaining(9)
    assert [len(task.text) for task in tasks] == [MAX_LINE, 6]


def test_a_network_in_the_middle_is_no_whole_line(tmp_path: Path) -> None:
    fd = opened(tmp_path / "names", b"a.test\n10.0.0.0/8\n")
    one = feed(fd)
    assert len(one.take(5)) == 5
    assert (one.lines, one.whole_lines) == (2, 1)
    os.close(fd)


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    one = feed(fd)
    one.may_read = True
    with pytest.raises(LocalFailure, match="cannot read the names: Is a directory"):
        one.take(1)
    os.close(fd)
