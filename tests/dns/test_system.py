"""getaddrinfo(3) and getnameinfo(3), asked only for names that the C library answers from /etc/hosts or by itself."""

import socket
import threading
from typing import Any

import pytest

from netkit.dns import Outcome, resolve
from netkit.dns.system import resolve_system
from netkit.errors import Exit
from netkit.events import Step
from netkit.net.deadline import Deadline


def test_localhost() -> None:
    [found] = resolve(["localhost"], system=True)
    v4, v6 = found.resolutions
    assert found.exit is Exit.OK
    assert (v4.type, v4.outcome, v4.source, v4.data) == ("A", Outcome.ANSWER, "system", ("127.0.0.1",))
    assert (v4.name, v4.records[0].ttl, v4.server, v4.tries) == ("localhost.", None, None, 1)
    assert (v6.type, v6.source) == ("AAAA", "system")
    assert set(v6.data) <= {"::1"}


def test_the_steps() -> None:
    steps: list[Step] = []
    resolve_system("localhost", deadline=Deadline.after(20), on_event=steps.append)
    assert [(step.name, step.address, step.result) for step in steps] == [("resolve", "localhost", "ok")]
    assert "127.0.0.1" in steps[0].detail.split()


def test_the_name_of_loopback() -> None:
    [one] = resolve_system("127.0.0.1", deadline=Deadline.after(20))
    assert (one.type, one.outcome, one.name) == ("PTR", Outcome.ANSWER, "1.0.0.127.in-addr.arpa.")
    assert one.data == (socket.getnameinfo(("127.0.0.1", 0), socket.NI_NAMEREQD)[0] + ".",)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (socket.EAI_NONAME, Outcome.NXDOMAIN),
        (socket.EAI_NODATA, Outcome.NODATA),
        (socket.EAI_AGAIN, Outcome.SERVFAIL),
        (socket.EAI_FAIL, Outcome.SERVFAIL),
        (socket.EAI_SYSTEM, Outcome.SERVFAIL),
    ],
)
def test_what_the_system_says(monkeypatch: pytest.MonkeyPatch, code: int, outcome: Outcome) -> None:
    def fail(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(code, "as it says")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setattr(socket, "getnameinfo", fail)
    for text, types in (("www.test", ["A", "AAAA"]), ("192.0.2.1", ["PTR"])):
        steps: list[Step] = []
        found = resolve_system(text, deadline=Deadline.after(20), on_event=steps.append)
        assert [(one.type, one.outcome, one.detail) for one in found] == [
            (kind, outcome, "as it says") for kind in types
        ]
        assert steps == [Step("resolve", text, result="as it says")]


def test_the_system_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: over.wait())
    monkeypatch.setattr(socket, "getnameinfo", lambda *args, **options: over.wait())
    for text in ("www.test", "192.0.2.1"):
        found = resolve_system(text, deadline=Deadline.after(0.05))
        assert {one.outcome for one in found} == {Outcome.TIMEOUT}
    over.set()


def test_names_go_out_as_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own encoding of host names takes `\\.` for the end of a label, and raises UnicodeError behind it."""
    asked: list[bytes] = []

    def record(host: bytes, *args: Any, **options: Any) -> list[Any]:
        asked.append(host)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", record)
    for text in (r"\..test", r"a\.\..test.", "faß.test"):
        found = resolve_system(text, deadline=Deadline.after(20))
        assert [(one.type, one.outcome) for one in found] == [("A", Outcome.NODATA), ("AAAA", Outcome.NODATA)]
    assert asked == [rb"\..test", rb"a\.\..test", b"xn--fa-hia.test"]
