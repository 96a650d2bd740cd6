"""What was typed into `chat join`, for arrow up: in memory, and in a file of the user's alone for the next time.

Passwords are in neither. A file that cannot be read or written is none: one then has what was typed since the start.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from prompt_toolkit.history import History

from netkit.net.whole_file import write_whole

MAX_LINES = 1000  # that are kept
MAX_BYTES = 1024 * 1024  # of a file that is read; what is more was not written here


def history_file() -> Path:
    from platformdirs import user_state_path

    return user_state_path("netkit") / "chat" / "history"


class Typed(History):
    """file: None for memory alone. secret: whether what is typed now is a password."""

    def __init__(self, file: Path | None, secret: Callable[[], bool]) -> None:
        super().__init__()
        self._file = file
        self._secret = secret
        if file is not None:
            with suppress(OSError):
                file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def load_history_strings(self) -> Iterable[str]:
        """The latest first, as prompt_toolkit wants them; a file that has grown is cut."""
        if self._file is None:
            return []
        try:
            with self._file.open("rb") as stream:
                data = stream.read(MAX_BYTES)
        except OSError:
            return []
        lines = data.decode("utf-8", "replace").splitlines()
        if len(lines) > 2 * MAX_LINES:
            lines = lines[-MAX_LINES:]
            with suppress(OSError):
                write_whole(self._file, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)
        return lines[: -MAX_LINES - 1 : -1]

    def append_string(self, string: str) -> None:
        if not self._secret() and not string.startswith("/op "):
            super().append_string(string)
            del self._loaded_strings[MAX_LINES:]

    def store_string(self, string: str) -> None:
        if self._file is None or not string.isprintable():
            return
        with suppress(OSError, ValueError):  # a lone surrogate is no UTF-8
            data = f"{string}\n".encode()
            fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(fd, data)
            finally:
                os.close(fd)
