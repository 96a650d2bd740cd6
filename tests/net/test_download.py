"""A file that is whole or not there, its part, and who may write to it."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.net.download import Download


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


def begun(path: Path, data: bytes = b"new") -> Download:
    download = Download(str(path))
    download.open()
    download.write(data)
    return download


def test_the_name_is_there_when_the_file_is_whole(file: Path) -> None:
    file.write_bytes(b"old")
    download = begun(file)
    assert (file.read_bytes(), Path(f"{file}.part").read_bytes()) == (b"old", b"new")
    download.commit(modified=1e9)
    assert (file.read_bytes(), file.stat().st_mtime, os.listdir(file.parent)) == (b"new", 1e9, ["file"])


def test_a_part_is_left_unless_it_is_empty(file: Path) -> None:
    assert begun(file).close() == f"{file}.part"
    assert begun(file, b"").close() is None
    assert os.listdir(file.parent) == []


def test_a_part_is_taken_over(file: Path) -> None:
    assert not Download(str(file)).reopen()
    begun(file).close()
    download = Download(str(file))
    assert (download.reopen(), download.size, b"".join(download.read())) == (True, 3, b"new")
    download.truncate(2)
    download.write(b"xt")
    download.commit()
    assert file.read_bytes() == b"next"


def test_two_do_not_write_into_one_part(file: Path) -> None:
    download = begun(file)
    with pytest.raises(LocalFailure, match=rf"file\.part is being written by \S+ \(pid {os.getpid()}\)") as caught:
        Download(str(file)).open()
    assert caught.value.kind == "locked"
    code = f"from netkit.net.download import Download\nDownload({str(file)!r}).reopen()"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert f"(pid {os.getpid()})" in other.stderr
    assert Path(f"{file}.part").read_bytes() == b"new"
    download.close()
    begun(file).commit()


def test_the_part_of_a_file_that_has_just_become_whole_is_another_one(file: Path) -> None:
    """Who opened it before it was renamed must not write into the whole file."""
    first = begun(file)
    fd = os.open(f"{file}.part", os.O_RDWR)
    first.commit()
    os.close(fd)
    second = begun(file, b"newer")
    assert file.read_bytes() == b"new"
    second.commit()
    assert file.read_bytes() == b"newer"


def test_a_part_with_a_second_name_is_a_whole_file(file: Path) -> None:
    """Whoever was killed between giving the file its name and taking the part's away must not lose it now."""
    begun(file).close()
    os.link(f"{file}.part", file)
    assert not Download(str(file)).reopen()
    assert os.listdir(file.parent) == ["file"]
    os.link(file, f"{file}.part")
    begun(file, b"other").close()
    assert (file.read_bytes(), Path(f"{file}.part").read_bytes()) == (b"new", b"other")


def names(path: Path) -> Iterator[str]:
    return (f"{path}{suffix}" for suffix in ("", ".1", ".2"))


def test_a_new_name_replaces_nothing(file: Path) -> None:
    file.write_bytes(b"old")
    Path(f"{file}.1").symlink_to("/nosuch")
    download = begun(file)
    download.commit_new(names(file))
    assert (download.name, file.read_bytes(), Path(f"{file}.2").read_bytes()) == (f"{file}.2", b"old", b"new")
    assert not os.path.exists(f"{file}.part")
    with pytest.raises(LocalFailure, match="File exists"):
        begun(file).commit_new(names(file))


def test_a_new_name_where_files_have_one_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # link(2) on FAT

    monkeypatch.setattr(os, "link", link)
    file.write_bytes(b"old")
    begun(file).commit_new(names(file))
    assert (file.read_bytes(), Path(f"{file}.1").read_bytes()) == (b"old", b"new")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_a_part_that_is_no_file_is_refused(file: Path, make: object) -> None:
    make(f"{file}.part")  # type: ignore[operator]
    with pytest.raises(LocalFailure, match=r"file\.part"):
        Download(str(file)).open()


def test_links_are_followed_for_the_user_alone(file: Path) -> None:
    elsewhere = file.parent / "elsewhere"
    file.symlink_to(elsewhere)
    begun(file).commit()
    assert (elsewhere.read_bytes(), file.is_symlink()) == (b"new", True)
    download = Download(str(file), follow=False)
    download.open()
    download.write(b"newer")
    download.commit()
    assert (elsewhere.read_bytes(), file.read_bytes(), file.is_symlink()) == (b"new", b"newer", False)


def test_a_part_is_never_written_through_a_link(file: Path) -> None:
    victim = file.parent / "victim"
    victim.write_bytes(b"safe")
    Path(f"{file}.part").symlink_to(victim)
    for act in (Download.open, Download.reopen):
        with pytest.raises(LocalFailure, match="it is a symbolic link"):
            act(Download(str(file)))
    assert victim.read_bytes() == b"safe"


def test_devices_are_written_directly() -> None:
    download = Download("/dev/null")
    download.open()
    download.write(b"x")
    assert (download.reopen(), download.close()) == (True, None)
    with pytest.raises(LocalFailure, match=re.escape("cannot write /dev/full: No space left on device")):
        begun(Path("/dev/full"))


def test_a_pipe_is_written_through_its_descriptor() -> None:
    """Its name in /proc leads to one that no file has, pipe:[4711]."""
    reads, writes = os.pipe()
    download = Download(f"/dev/fd/{writes}")
    download.open()
    download.write(b"through")
    download.commit()
    os.close(writes)
    with os.fdopen(reads, "rb") as stream:
        assert stream.read() == b"through"


@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}", "/proc/{pid}/fd/{}", "link"])
def test_a_descriptor_of_a_file_is_written_where_it_stands(file: Path, form: str) -> None:
    """And the file is not replaced under who has it open."""
    with file.open("w+b", buffering=0) as opened:
        opened.write(b"before, ")
        name = form.format(opened.fileno(), pid=os.getpid())
        if form == "link":
            name = str(file.parent / form)
            os.symlink("more", name)
            os.symlink(f"/dev/fd/{opened.fileno()}", file.parent / "more")
        download = Download(name)
        assert (download.direct, download.reopen()) == (True, False)
        download.open()
        download.write(b"new")
        download.commit(modified=1e9)
        opened.write(b", behind")
        assert os.path.samestat(os.fstat(opened.fileno()), file.stat())
    assert file.read_bytes() == b"before, new, behind"
    assert "file.part" not in os.listdir(file.parent)


def test_descriptors_that_cannot_be_written_are_refused_first(file: Path) -> None:
    file.touch()
    with file.open("rb") as opened:
        name = f"/dev/fd/{opened.fileno()}"
        with pytest.raises(LocalFailure, match=f"cannot write {name}: Bad file descriptor"):
            Download(name)
    with pytest.raises(LocalFailure, match=f"cannot write {name}: Bad file descriptor"):
        Download(name)
    with pytest.raises(LocalFailure, match="does not exist"):
        Download("/dev/fd/x/y")


def test_a_descriptor_that_does_not_wait_is_waited_for() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    read: list[bytes] = []
    with os.fdopen(reads, "rb") as stream:
        reader = threading.Thread(target=lambda: read.append(stream.read()))
        reader.start()
        download = Download(f"/dev/fd/{writes}")
        download.open()
        download.write(bytes(1_000_000))
        download.commit()
        os.close(writes)
        reader.join()
    assert read == [bytes(1_000_000)]


def test_folders_are_no_files(tmp_path: Path) -> None:
    for name in (str(tmp_path), f"{tmp_path}/"):
        with pytest.raises(BadInput, match="is a folder"):
            Download(name)
    with pytest.raises(LocalFailure, match="does not exist"):
        Download(f"{tmp_path}/none/file")
