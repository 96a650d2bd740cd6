"""Why the system refused, in the words netkit uses everywhere: "refused", "reset", "no route to host"."""

import errno
from collections.abc import Sequence

REASONS = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "no answer",
    errno.EADDRNOTAVAIL: "address not available",
    errno.ENOENT: "no such socket",
    errno.EACCES: "permission denied",
    errno.EPROTOTYPE: "another type of socket",  # connect(2): a stream to a unix socket of datagrams, or the reverse
    errno.EAGAIN: "queue full",  # connect(2): of a unix socket, or no local port is left
}

EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # this machine has no more to give
LOCAL = frozenset({*EXHAUSTED, errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT})  # its refusals, not the network's


def would_block(exc: OSError) -> bool:
    """Whether a non-blocking call says "not now": EAGAIN, or TLS that waits for the other side.

    TLS's are told by name, since whoever has plain sockets alone does not import ssl (12 ms of CPU).
    """
    return isinstance(exc, BlockingIOError) or type(exc).__name__ in ("SSLWantReadError", "SSLWantWriteError")


def reason_of(exc: OSError) -> str:
    """The reason of an OSError in a few words."""
    return REASONS.get(exc.errno or 0, exc.strerror or str(exc))


def told(target: str, tried: Sequence[tuple[str, str]]) -> str:
    """Why each address did not connect, behind its name; the reason alone where it is the target that was named."""
    if len(tried) == 1 and tried[0][0] == target:
        return tried[0][1]
    return ", ".join(f"{address} {reason}" for address, reason in tried)
