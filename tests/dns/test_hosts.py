"""The hosts file with its odd lines."""

from pathlib import Path

import pytest

from netkit.dns.hosts import Line, addresses_of, hosts_path, names_of, parse_hosts, read_hosts
from netkit.errors import LocalFailure


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("127.0.0.1 localhost\n", [Line("127.0.0.1", ("localhost",))]),
        ("127.0.1.1\tHOST.example.com. HOST\r\n", [Line("127.0.1.1", ("host.example.com", "host"))]),
        ("2001:DB8:0::1 a # b c\n#127.0.0.1 d\n", [Line("2001:db8::1", ("a",))]),
        ("fe80::1%lo link\n", [Line("fe80::1", ("link",))]),
        ("127.0.0.1\nx y\n1.2.3 short\n010.0.0.1 octal\n", []),
        ("# note\x0c6.6.6.6 evil\n# note\u20286.6.6.6 evil\n", []),
        ("192.0.2.1 good e\x1b[31mvil a\u202eb\n192.0.2.2 \x07\n", [Line("192.0.2.1", ("good",))]),
    ],
)
def test_parse_hosts(text: str, lines: list[Line]) -> None:
    assert list(parse_hosts(text)) == lines


LINES = (
    Line("192.0.2.1", ("a.test", "a")),
    Line("::ffff:192.0.2.3", ("mapped",)),
    Line("2001:db8::1", ("a.test",)),
    Line("192.0.2.1", ("b",)),
    Line("192.0.2.2", ("A.test".lower(),)),
)


def test_names_to_addresses() -> None:
    assert addresses_of("A.Test.", LINES) == ("192.0.2.1", "2001:db8::1", "192.0.2.2")
    assert addresses_of("a", LINES) == ("192.0.2.1",)
    assert addresses_of("test", LINES) == ()


def test_addresses_to_names() -> None:
    assert names_of("192.0.2.1", LINES) == ("a.test", "a")
    assert names_of("2001:0DB8::0:1", LINES) == ("a.test",)
    assert names_of("::ffff:c000:203", LINES) == ("mapped",)
    assert names_of("192.0.2.9", LINES) == ()


def test_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "hosts"
    path.write_bytes(b"\xff\xfe x\n192.0.2.1 a\n")
    monkeypatch.setenv("NETKIT_HOSTS", str(path))
    assert read_hosts() == (Line("192.0.2.1", ("a",)),)
    assert read_hosts(str(tmp_path / "none")) == ()
    with pytest.raises(LocalFailure) as caught:
        read_hosts(str(tmp_path))
    assert caught.value.message == f"cannot read the hosts file {tmp_path}: Is a directory"
    monkeypatch.delenv("NETKIT_HOSTS")
    assert hosts_path() == "/etc/hosts"


def test_a_file_without_end() -> None:
    with pytest.raises(LocalFailure, match="/dev/zero is larger than 64 MiB: it is no hosts file"):
        read_hosts("/dev/zero")
