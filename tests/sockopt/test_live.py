"""Sockets of other processes: found, read and set, and given back as they were."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from netkit.errors import BadInput, LocalFailure, No, Unreachable
from netkit.events import Step
from netkit.sockopt import borrow
from netkit.sockopt.change import change
from netkit.sockopt.processes import holders, sockets_of
from netkit.sockopt.read import each, get, show
from netkit.sockopt.target import Found, find, opened, parse_target
from tests.ports import find_free_port
from tests.sockopt.conftest import Owner, owning

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="pidfd_getfd is Linux's")

SO_RCVBUF, SO_KEEPALIVE = 8, 9


def labels(target: str) -> list[str]:
    return [found.label for found in find(parse_target(target))]


def test_set_on_a_running_process(owner: Owner) -> None:
    """The owner reads what was set, and its descriptor still blocks (the O_NONBLOCK flag is shared)."""
    (changed,) = change(owner.target("client"), ["SO_RCVBUF=70000", "keepalive=on"])
    assert [(one.asked, one.effective, one.ok) for one in changed.changes] == [
        ("70000", 140_000, True),
        ("on", True, True),
    ]
    assert changed.changes[0].why.startswith("doubled by the kernel")
    assert owner.ask("get", "client", 1, SO_RCVBUF) == "140000 True True"
    assert owner.ask("get", "client", 1, SO_KEEPALIVE) == "1 True True"


def test_a_default_timeout_is_kept_from_the_owner(owner: Owner) -> None:
    socket.setdefaulttimeout(3)
    try:
        list(show(owner.target("client")))
        list(change(owner.target("client"), ["nodelay=on"]))
        assert socket.getdefaulttimeout() == 3
    finally:
        socket.setdefaulttimeout(None)
    assert owner.ask("get", "client", 6, 1) == "1 True True"


def test_show_says_who_and_where(owner: Owner) -> None:
    (shown,) = show(owner.target("client"))
    who = shown.who
    assert (who.label, who.pid, who.fd) == (owner.target("client"), owner.pid, owner.fds["client"])
    assert who.peer == f"127.0.0.1:{owner.port}"
    assert (who.state, who.nature.text, who.uid) == ("established", "tcp4", os.getuid())
    assert who.command == Path(f"/proc/{owner.pid}/comm").read_text().rstrip("\n")
    assert shown.partial == ""
    assert len(shown.readings) > 70


def test_every_socket_of_a_process(owner: Owner) -> None:
    found = list(show(str(owner.pid)))
    assert {one.who.fd for one in found} >= set(owner.fds.values())
    assert {one.who.nature.text for one in found} == {"tcp4", "udp4", "unix"}


def test_every_socket_at_a_port_listeners_first(owner: Owner) -> None:
    assert labels(f":{owner.port}") == [owner.target("server"), owner.target("accepted")]
    assert labels(f"tcp://:{owner.port}") == labels(f":{owner.port}")
    assert labels(f"udp://:{owner.udp_port}") == [owner.target("udp")]
    with pytest.raises(Unreachable, match=f"no udp socket of this network namespace has the local port {owner.port}"):
        labels(f"udp://:{owner.port}")


def test_both_families_at_a_port() -> None:
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    with owning("v6") as owner:
        assert labels(f":{owner.port}")[0] == owner.target("server")
        (shown,) = show(owner.target("accepted"))
        assert shown.who.local == f"[::1]:{owner.port}"


@pytest.mark.parametrize("form", ["inode:{}", "socket:[{}]"])
def test_a_socket_by_its_inode(owner: Owner, form: str) -> None:
    for name in ("server", "udp", "unix"):
        inode = os.stat(f"/proc/{owner.pid}/fd/{owner.fds[name]}").st_ino
        assert labels(form.format(inode)) == [owner.target(name)]


def test_who_holds_what(owner: Owner) -> None:
    held = {one.fd: one.inode for one in sockets_of(owner.pid)}
    assert held.keys() >= set(owner.fds.values())
    inodes = {held[fd] for fd in owner.fds.values()}
    assert {one.pid for one in holders(inodes).values()} == {owner.pid}
    assert holders({2**31}) == {}


def test_the_duplicate_is_gone_at_once(owner: Owner) -> None:
    """While one is open the owner's close() sends no FIN: the peer must see it."""
    list(show(str(owner.pid)))
    owner.ask("close", "accepted")
    (client,) = get(owner.target("client"), ["tcp_info"])
    assert client.who.state == "close-wait"


def test_steps_are_told(owner: Owner) -> None:
    steps: list[Step] = []
    list(change(owner.target("client"), ["nodelay=on"], on_event=steps.append))
    label = owner.target("client")
    assert [(step.name, step.detail, step.result) for step in steps] == [
        ("socket", f"pidfd_getfd {label}", "ok"),
        ("setsockopt", "TCP_NODELAY=on", "ok"),
        ("close", f"pidfd_getfd {label}", "ok"),
    ]


def test_without_the_c_librarys_function(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """glibc before 2.36 and musl: syscall(2) itself."""
    libc = ctypes.CDLL(None, use_errno=True)
    monkeypatch.setattr(ctypes, "CDLL", lambda name, use_errno: SimpleNamespace(syscall=libc.syscall))
    (shown,) = show(owner.target("client"))
    assert shown.who.peer == f"127.0.0.1:{owner.port}"
    with pytest.raises(Unreachable, match="has no descriptor 999"):
        list(show(f"{owner.pid}/999"))


def dead() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize("form", ["{}", "{}/3"])
def test_a_dead_process(form: str) -> None:
    pid = dead()
    with pytest.raises(Unreachable, match=f"^no process {pid}$"):
        list(show(form.format(pid)))


def test_a_zombie_has_no_sockets() -> None:
    zombie = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    try:
        with pytest.raises(Unreachable, match="no process"):
            list(show(f"{zombie.pid}/3"))
    finally:
        zombie.wait()


def test_a_descriptor_that_is_no_socket(owner: Owner) -> None:
    with pytest.raises(BadInput, match=f"^{owner.pid}/0 is not a socket$"):
        list(show(f"{owner.pid}/0"))
    with pytest.raises(BadInput, match="is not a socket"):
        list(change(f"{owner.pid}/1", ["keepalive=on"]))


def test_a_descriptor_that_is_not_there(owner: Owner) -> None:
    with pytest.raises(Unreachable, match=f"^process {owner.pid} has no descriptor 999$"):
        list(show(f"{owner.pid}/999"))


def test_a_process_without_sockets() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with pytest.raises(No, match=f"process {other.pid} .* has no sockets"):
            list(show(str(other.pid)))
        other.send_signal(signal.SIGKILL)


def test_nobody_at_a_port_and_no_such_inode() -> None:
    port = find_free_port()
    with pytest.raises(Unreachable, match=f"has the local port {port}"):
        list(show(f"tcp://:{port}"))
    with pytest.raises(Unreachable, match="no socket has the inode 1"):
        list(show("inode:1"))


def test_a_number_that_another_socket_has_taken(owner: Owner) -> None:
    other = os.stat(f"/proc/{owner.pid}/fd/{owner.fds['udp']}").st_ino
    stale = Found(owner.target("client"), owner.pid, owner.fds["client"], other)
    with pytest.raises(Unreachable, match="closed meanwhile"), opened(stale):
        pass


def test_a_system_that_has_no_such_facility(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS: what is missing is named."""
    monkeypatch.delattr(os, "pidfd_open")
    with pytest.raises(LocalFailure, match=r"need pidfd_getfd\(2\): Linux 5.6 or newer") as caught:
        list(show(owner.target("client")))
    assert caught.value.kind == "missing_facility"
    assert list(show("new:tcp4"))


def test_a_system_without_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for module in ("processes", "target"):
        monkeypatch.setattr(f"netkit.sockopt.{module}.PROC", tmp_path / "none")
    for target in ("4711", ":80", "inode:5"):
        with pytest.raises(LocalFailure) as caught:
            list(show(target))
        assert caught.value.kind == "missing_facility"


def test_a_process_that_proc_hides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Mounted with hidepid=2, /proc has no entry for the processes of others."""
    monkeypatch.setattr("netkit.sockopt.processes.PROC", tmp_path)
    with pytest.raises(LocalFailure, match=r"not allowed to list .* \(hidden\): needs CAP_SYS_PTRACE"):
        list(show(str(os.getpid())))
    with pytest.raises(Unreachable, match="no process"):
        list(show(str(dead())))


def test_a_thread_is_no_process() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with socket.socket() as sock, pytest.raises(BadInput, match="is no process, but a thread of one"):
            list(show(f"{thread.native_id}/{sock.fileno()}"))
    finally:
        stop.set()
        thread.join()


def test_a_process_whose_sockets_all_went_is_not_silent(owner: Owner) -> None:
    def gone(found: Found) -> None:
        raise Unreachable(f"{found.label} went")

    with pytest.raises(Unreachable, match="went"):
        list(each(parse_target(str(owner.pid)), gone))


def test_what_the_system_says_is_explained() -> None:
    import errno

    kinds = {
        code: borrow._explained(OSError(code, os.strerror(code)), 5, 7).kind
        for code in (errno.EPERM, errno.EINVAL, errno.EMFILE)
    }
    assert kinds == {errno.EPERM: "not_allowed", errno.EINVAL: "no_process", errno.EMFILE: "local"}
