"""A line on standard error that says what is waited for, once that lasts over a second and somebody sits there."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from netkit.cli.output.sink import Form, Output, make_console

SECONDS = 1.0


class Waiting:
    """Used as `with`; the line is gone when the block ends, and while `aside` holds."""

    def __init__(self, out: Output, words: str) -> None:
        self.words = words
        self.color = out.color
        self.status: Any = None
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        if out.form is Form.HUMAN and sys.stderr.isatty() and not out.quiet:  # beside what grep shows it would disturb
            self._timer = threading.Timer(SECONDS, self._begin)
            self._timer.daemon = True

    def __enter__(self) -> "Waiting":
        if self._timer:
            self._timer.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._timer:
            self._timer.cancel()
        with self._lock:
            self._timer = None
            if self.status:
                self.status.stop()
                self.status = None

    @contextmanager
    def aside(self) -> Iterator[None]:
        with self._lock:
            if self.status:
                self.status.stop()
            yield
            if self.status:
                self.status.start()

    def _begin(self) -> None:
        from netkit.cli.output.escape import visible

        with self._lock:
            if self._timer is None:  # it has ended meanwhile
                return
            self.status = make_console(sys.stderr, self.color).status(visible(self.words))
            self.status.start()
