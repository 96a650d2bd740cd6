"""What users write: endpoints with names, conditions; and what is refused."""

import pytest

from netkit.errors import BadInput
from netkit.watch.condition import Condition
from netkit.watch.condition import parse as condition
from netkit.watch.target import parse, unique


@pytest.mark.parametrize(
    ("text", "listen", "label", "kind", "endpoint", "path"),
    [
        ("127.0.0.1:80", False, "127.0.0.1:80", "connect", "127.0.0.1:80", ""),
        ("web=127.0.0.1:80", False, "web", "connect", "127.0.0.1:80", ""),
        ("udp://127.0.0.1:53", False, "udp://127.0.0.1:53", "datagram", "127.0.0.1:53", ""),
        ("tls://h.test:443", False, "tls://h.test:443", "connect", "h.test:443", ""),
        ("unix:/run/x", False, "unix:/run/x", "connect", "unix:/run/x", ""),
        ("unix-dgram:/x", False, "unix-dgram:/x", "datagram", "unix-dgram:/x", ""),
        ("d=udp://unix:/x", True, "d", "listen", "unix-dgram:/x", ""),
        (":0", True, ":0", "listen", "127.0.0.1:0", ""),
        ("udp://:9", True, "udp://:9", "listen", "127.0.0.1:9", ""),
        ("fd:3", False, "fd:3", "fd", "fd:3", ""),
        ("-", False, "stdin", "stdin", "fd:0", ""),
        ("/var/log/x", False, "/var/log/x", "file", ":0", "/var/log/x"),
        ("log=file:x=y", False, "log", "file", ":0", "x=y"),
    ],
)
def test_targets(text: str, listen: bool, label: str, kind: str, endpoint: str, path: str) -> None:
    found = parse(text, listen=listen)
    assert (found.label, found.kind, str(found.endpoint), found.path) == (label, kind, endpoint, path)


@pytest.mark.parametrize("text", ["", "host", "127.0.0.1:0", "tcp://unix-dgram:/x", "http://x:1", "file:", "a=b=c"])
def test_no_targets(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


def test_labels_differ() -> None:
    labels = [one.label for one in unique([parse("a=127.0.0.1:1"), parse("a=127.0.0.1:2"), parse("127.0.0.1:1")])]
    assert labels == ["a", "a#2", "127.0.0.1:1"]


def test_conditions() -> None:
    assert condition("all-up") == Condition("all-up")
    assert condition("5") == condition("count:5") == Condition("count", 5)
    assert [str(condition(word)) for word in ("1", "5", "all-up")] == ["1 line", "5 lines", "all-up"]
    assert condition("re:5").word == "match"
    found = condition("^ready")
    assert found.pattern is not None
    assert found.pattern.search(b"ready to go")
    assert str(found) == "a line with '^ready'"
    for text in ("0", "count:0", "9999999999", "("):
        with pytest.raises(BadInput):
            condition(text)
