"""`--log FILE`: events as JSON Lines, added to a file in whole lines, by several processes if need be.

A line is one write(2) with O_APPEND. A disk that is full does not end what is logged: it is told once, and again when
it goes on; what was torn is ended by a newline first.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from netkit.cli.output.say import say
from netkit.errors import LocalFailure


class LogFile:
    """document: makes the JSON object of an event. Raises LocalFailure when the file cannot be opened."""

    def __init__(self, file: Path, document: Callable[[Any], dict[str, Any]]) -> None:
        self._file = file
        self._document = document
        self._torn = False  # the last line is not whole
        self._failed = False
        try:
            # For this user alone: what people say is nobody else's on this machine.
            self._fd = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise LocalFailure(f"--log {file}: cannot write it: {exc.strerror}", kind="unwritable") from exc

    def write(self, event: Any) -> None:
        import json

        text = json.dumps(self._document(event), allow_nan=False)  # ASCII: no control character is left as it is
        line = ("\n" if self._torn else "") + text + "\n"
        try:
            sent = os.write(self._fd, line.encode())
        except OSError as exc:
            if not self._failed:
                say(f"netkit: --log {self._file}: {exc.strerror}; events are missing from here on")
            self._failed = True
            return
        self._torn = sent < len(line)
        if self._failed and not self._torn:
            self._failed = False
            say(f"netkit: --log {self._file}: goes on")

    def close(self) -> None:
        os.close(self._fd)
