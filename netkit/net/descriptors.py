"""How many files this process may open: the soft limit is 1,024 almost everywhere, for select(2)."""

import resource
from contextlib import suppress

from netkit.errors import LocalFailure

SPARE = 50  # for everything but connections


def allow_files(number: int) -> int:
    """Let this process open so many descriptors, as far as its hard limit goes; the limit that it has then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return number if soft == resource.RLIM_INFINITY else soft
    with suppress(OSError, ValueError):  # macOS has a limit of its own below the hard one
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def demand(connections: int) -> None:
    """The same for so many connections, where it cannot be done with fewer. Raises LocalFailure."""
    wanted = connections + SPARE
    may = allow_files(wanted)
    if may < wanted:
        raise LocalFailure(
            f"{connections} connections need {wanted} descriptors, this process may have {may}",
            kind="descriptors",
            hint="ulimit -Hn shows the limit; root, or limits.conf(5), raises it",
        )
