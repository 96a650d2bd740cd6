"""How many connections and datagrams are still to be served, for `--count`: in one process, or shared by several.

Several share two eventfd(2): a semaphore that each takes from, and one that becomes readable for all when it is empty.
What was taken is never given back, so who finds it empty knows that it stays so.
"""

import os
import select

from netkit.errors import LocalFailure


class Count:
    """Of one process."""

    fds: tuple[int, ...] = ()  # to be kept open in a process that takes from it
    over_fd: int | None = None  # readable when nothing is left, if others take as well

    def __init__(self, number: int) -> None:
        self._left = number

    def take(self) -> bool:
        """Whether one more may be served; then it counts."""
        if not self._left:
            return False
        self._left -= 1
        return True

    @property
    def over(self) -> bool:
        return not self._left


class SharedCount(Count):
    """The same for this process and those it forks."""

    def __init__(self, number: int) -> None:
        """Raises LocalFailure where the system has no eventfd."""
        if not hasattr(os, "eventfd"):
            raise LocalFailure(
                "several processes count together by eventfd(2), which Linux alone has: --workers goes without --count",
                kind="missing_facility",
            )
        self._tokens = os.eventfd(number, os.EFD_CLOEXEC | os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
        self.over_fd: int = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.fds = (self._tokens, self.over_fd)

    def take(self) -> bool:
        try:
            os.eventfd_read(self._tokens)
        except BlockingIOError:
            return False
        if not _readable(self._tokens):
            os.eventfd_write(self.over_fd, 1)
        return True

    @property
    def over(self) -> bool:
        return _readable(self.over_fd)

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def _readable(fd: int) -> bool:
    poll = select.poll()  # select(2) knows no descriptor from 1024 on
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(0))
