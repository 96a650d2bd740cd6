"""Sockets handed over by a parent, the systemd way (sd_listen_fds(3)): LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES.

They count only when LISTEN_PID is this process. The variables are taken out of the environment, so that no child
believes they are meant for it.
"""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass

from netkit.errors import LocalFailure
from netkit.net.listen import Listening, adopt

FIRST = 3  # SD_LISTEN_FDS_START
MOST = 256  # more than any server of ours has; a wild number must not make us try a million descriptors
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


@dataclass(frozen=True, slots=True)
class Inherited:
    """A socket that was handed over, and the name given to it (`FileDescriptorName=`), "" for none."""

    name: str
    listening: Listening


def inherited(environ: MutableMapping[str, str] | None = None) -> list[Inherited]:
    """The sockets handed over to this process, in their order; none when they are another's. Raises LocalFailure."""
    environment = os.environ if environ is None else environ
    pid, count, names = (environment.get(name, "") for name in VARIABLES[:3])
    if pid != str(os.getpid()) or not count:
        return []
    for name in VARIABLES:
        environment.pop(name, None)
    if not (count.isascii() and count.isdecimal()) or len(count) > 4 or int(count) > MOST:
        raise LocalFailure(f"LISTEN_FDS={count!r} is no number from 0 to {MOST}", kind="bad_descriptor")
    labels = names.split(":") if names else []
    if labels and len(labels) != int(count):
        raise LocalFailure(f"LISTEN_FDNAMES names {len(labels)} sockets, LISTEN_FDS is {count}", kind="bad_descriptor")
    return [
        Inherited(labels[number] if labels and labels[number] != "unknown" else "", adopt(FIRST + number))
        for number in range(int(count))
    ]
