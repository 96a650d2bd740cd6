"""The three ready signals, each to a real reader."""

import os
import socket
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.net.ready import Ready

LINES = ["http http://127.0.0.1:8080", "dns udp://127.0.0.1:5300"]
TEXT = "http http://127.0.0.1:8080\ndns udp://127.0.0.1:5300\n"


def test_a_descriptor_gets_the_lines_and_the_end() -> None:
    read, write = os.pipe()
    with Ready(fd=write, notify="") as ready:
        ready.tell(LINES)
    with os.fdopen(read) as reader:
        assert reader.read() == TEXT


def test_a_descriptor_that_is_not_open_is_refused_before_anything() -> None:
    for fd in (10_000, 2**40):
        with pytest.raises(BadInput, match=f"--ready-fd {fd}: no such descriptor is open"):
            Ready(fd=fd, notify="")


def test_a_reader_that_left() -> None:
    read, write = os.pipe()
    os.close(read)
    with pytest.raises(LocalFailure, match=f"--ready-fd {write}: Broken pipe"), Ready(fd=write, notify="") as ready:
        ready.tell(LINES)
    os.close(write)


def test_a_file_appears_whole_and_goes_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    with Ready(file=file, notify="") as ready:
        assert not file.exists()
        ready.tell(LINES)
        assert file.read_text() == TEXT
        assert list(tmp_path.iterdir()) == [file]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_another_server_wrote_since_stays(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    with Ready(file=file, notify="") as first:
        first.tell(LINES)
        with Ready(file=file, notify="") as second:
            second.tell(["other"])
            first.stopping()
            assert file.read_text() == "other\n"
    assert not file.exists()


def test_a_file_that_was_there_and_nothing_started_stays(tmp_path: Path) -> None:
    file = tmp_path / "ready"
    file.write_text("old")
    with Ready(file=file, notify=""):
        pass
    assert file.read_text() == "old"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="the folder does not exist"):
        Ready(file=tmp_path / "nosuch" / "ready", notify="")


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_is_told_start_and_stop(tmp_path: Path, abstract: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"@netkit-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind("\0" + name[1:] if abstract else name)
        monkeypatch.setenv("NOTIFY_SOCKET", name)
        with Ready() as ready:
            ready.tell(LINES)
            assert systemd.recv(1000) == ("READY=1\nSTATUS=" + "; ".join(LINES)).encode()
        assert systemd.recv(1000) == b"STOPPING=1"


def test_a_notify_socket_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="No such file or directory"), Ready(notify=str(tmp_path / "s")) as ready:
        ready.tell(LINES)


def test_a_notify_socket_of_an_unknown_kind() -> None:
    with pytest.raises(BadInput, match="only /paths and @abstract names"):
        Ready(notify="vsock:2:9999")
