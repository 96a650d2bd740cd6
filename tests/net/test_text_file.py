"""A file is text up to its limit; anything else is said with the name of the file and what it should be."""

import re
from pathlib import Path

import pytest

from netkit.errors import BadInput, LocalFailure
from netkit.net.text_file import read_text


def test_up_to_the_limit_and_no_octet_more(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes("ä".encode() * 1024)
    assert read_text(path, "list", limit=2048) == "ä" * 1024
    path.write_bytes(b"x" * 2049)
    with pytest.raises(BadInput) as caught:
        read_text(path, "list", limit=2048)
    assert (caught.value.message, caught.value.kind) == (f"{path} is larger than 2 KiB: it is no list", "bad_input")
    with pytest.raises(LocalFailure) as failed:
        read_text("/dev/zero", "list", limit=3 << 20, kind="lists", wrong=LocalFailure)
    assert (failed.value.message, failed.value.kind) == ("/dev/zero is larger than 3 MiB: it is no list", "lists")


def test_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a\xff")
    with pytest.raises(BadInput, match=f"^{re.escape(str(path))} is not text: it is no list$"):
        read_text(path, "list", limit=9)
    assert read_text(path, "list", limit=9, errors="replace") == "a\ufffd"
    assert read_text(path, "list", limit=9, errors="surrogateescape") == "a\udcff"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("", "Is a directory"), ("none", "No such file or directory"), ("a\0b", "embedded null byte")],
)
def test_what_cannot_be_read(tmp_path: Path, name: str, reason: str) -> None:
    path = f"{tmp_path}/{name}"
    with pytest.raises(LocalFailure) as caught:
        read_text(path, "list", limit=9, kind="lists")
    assert (caught.value.message, caught.value.kind) == (f"cannot read the list {path}: {reason}", "lists")
    if name == "none":
        assert read_text(path, "list", limit=9, missing="") == ""
