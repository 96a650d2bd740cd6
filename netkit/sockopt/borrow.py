"""A socket of another process in our hands for a moment: pidfd_getfd(2), Linux 5.6.

What we get is the same open file description, so getsockopt and setsockopt act on the very same socket. Hence the
rules, which `borrowed` keeps: no timeout and no O_NONBLOCK (the flag is in the description: it would change in the
owner), no read, write or shutdown, and closed at once, since while we hold it the owner's close() sends no FIN.

Allowed to who may trace the process (ptrace(2), PTRACE_MODE_ATTACH_REALCREDS): its user, unless it is not dumpable,
Yama's ptrace_scope or a seccomp profile forbids it; root otherwise.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from netkit.errors import BadInput, LocalFailure, NetkitError, Unreachable
from netkit.events import OnEvent, Step

SYSCALL = 438  # on every architecture but alpha, whose table is shifted by 110
NOT_ALLOWED = "not_allowed"  # the kind of the error that `look` answers with what netlink tells


@contextmanager
def borrowed(pid: int, fd: int, *, on_event: OnEvent | None = None) -> Iterator[socket.socket]:
    """The socket behind a descriptor of a process. Raises Unreachable, BadInput when it is none, LocalFailure."""
    what = f"pidfd_getfd {pid}/{fd}"
    try:
        mine = _duplicate(pid, fd)
    except OSError as exc:
        failure = _explained(exc, pid, fd)
        if on_event:
            on_event(Step("socket", detail=what, result=failure.message))
        raise failure from exc
    with adopted(mine, f"{pid}/{fd}") as taken:
        if on_event:
            on_event(Step("socket", detail=what))
        yield taken
    if on_event:
        on_event(Step("close", detail=what))


@contextmanager
def adopted(fd: int, label: str) -> Iterator[socket.socket]:
    """The descriptor, which is ours, as a socket; closed in the end, its flags never touched. Raises BadInput."""
    default = socket.getdefaulttimeout()
    if default is not None:
        socket.setdefaulttimeout(None)  # it would set O_NONBLOCK in the shared description
    try:
        taken = socket.socket(fileno=fd)
    except OSError as exc:
        os.close(fd)
        raise BadInput(f"{label} is not a socket", kind="not_a_socket") from exc
    finally:
        if default is not None:
            socket.setdefaulttimeout(default)
    with taken:
        yield taken


def _duplicate(pid: int, fd: int) -> int:
    if not hasattr(os, "pidfd_open"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    import ctypes  # 5 ms of CPU, for the sockets of others alone

    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(pid)
    try:
        arguments = (ctypes.c_int(pidfd), ctypes.c_int(fd), ctypes.c_uint(0))
        if hasattr(libc, "pidfd_getfd"):  # glibc 2.36
            mine = libc.pidfd_getfd(*arguments)
        else:
            number = SYSCALL + 110 if os.uname().machine == "alpha" else SYSCALL
            mine = libc.syscall(ctypes.c_long(number), *arguments)
        if mine < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    finally:
        os.close(pidfd)
    return int(mine)  # close-on-exec, pidfd_getfd(2)


def no_process(pid: int) -> Unreachable:
    return Unreachable(f"no process {pid}", kind="no_process")


def _explained(exc: OSError, pid: int, fd: int) -> NetkitError:
    match exc.errno:
        case errno.ESRCH:
            return no_process(pid)
        case errno.EPERM | errno.EACCES:
            return LocalFailure(
                f"{pid}/{fd}: not allowed to take a descriptor of process {pid}: needs CAP_SYS_PTRACE",
                kind=NOT_ALLOWED,
                hint="run it as root or as the user of the process; ptrace_scope of Yama or a container may forbid it",
            )
        case errno.EBADF:
            return Unreachable(f"process {pid} has no descriptor {fd}", kind="no_descriptor")
        case errno.EINVAL | errno.ENOENT:  # the second on newer kernels
            return BadInput(f"{pid} is no process, but a thread of one", kind="no_process")
        case errno.ENOSYS:
            return LocalFailure(
                "sockets of other processes need pidfd_getfd(2): Linux 5.6 or newer",
                kind="missing_facility",
                hint="new:tcp4, fd:N and `try` work without it",
            )
        case _:
            return LocalFailure(f"{pid}/{fd}: pidfd_getfd: {exc.strerror}")
