"""Tells whoever waits that a server listens: a descriptor, a file, and systemd's NOTIFY_SOCKET (sd_notify(3)).

All are told after listen(), so that a script that waits may connect at once. The file is written aside and renamed
into place, hence never seen half written; it is removed at the end if it is still ours.
"""

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from netkit.errors import BadInput, LocalFailure
from netkit.net.whole_file import write_whole

NOTIFY_SOCKET = "NOTIFY_SOCKET"


class Ready:
    """Used as a context: `tell(lines)` once the sockets listen; leaving it says that the server stops.

    fd: a descriptor to write the lines to and close (`--ready-fd`). file: where to write them (`--ready-file`).
    notify: the NOTIFY_SOCKET, from the environment unless given; "" for none.
    Raises BadInput at once for a descriptor that is not open or a folder that is not there.
    """

    def __init__(self, *, fd: int | None = None, file: Path | None = None, notify: str | None = None) -> None:
        self._fd = fd
        self._file = file
        self._notify = os.environ.get(NOTIFY_SOCKET, "") if notify is None else notify
        self._written: tuple[int, int] | None = None
        if fd is not None:
            try:
                os.fstat(fd)
            except (OSError, OverflowError) as exc:
                raise BadInput(f"--ready-fd {fd}: no such descriptor is open") from exc
        if file is not None and not file.absolute().parent.is_dir():
            raise BadInput(f"--ready-file {file}: the folder does not exist")
        if self._notify and self._notify[0] not in "/@":
            raise BadInput(f"{NOTIFY_SOCKET}={self._notify}: only /paths and @abstract names are known")

    def __enter__(self) -> "Ready":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stopping()

    def tell(self, lines: Sequence[str]) -> None:
        """Say that the server listens; `lines` are its addresses, one a line. Raises LocalFailure."""
        text = "".join(f"{line}\n" for line in lines)
        if self._file is not None:
            self._write_file(self._file, text)
        if self._fd is not None:
            self._write_descriptor(self._fd, text)
        if self._notify:
            try:
                self._send("READY=1\nSTATUS=" + "; ".join(lines))
            except OSError as exc:
                raise LocalFailure(f"{NOTIFY_SOCKET}={self._notify}: {exc.strerror}", kind="ready") from exc

    def stopping(self) -> None:
        """Say that the server stops, and remove the file. Never raises: it stops anyway. A second call does nothing."""
        if self._notify:
            with suppress(OSError):
                self._send("STOPPING=1")
            self._notify = ""
        if self._file is not None and self._written:
            with suppress(OSError):
                found = self._file.stat()
                if (found.st_dev, found.st_ino) == self._written:
                    self._file.unlink()
            self._written = None

    def hand_over(self, pid: int) -> None:
        """Another process goes on, and will say itself when it stops. Never raises."""
        if self._notify:
            with suppress(OSError):
                self._send(f"MAINPID={pid}")
            self._notify = ""
        self._written = None

    def _write_descriptor(self, fd: int, text: str) -> None:
        left = text.encode()
        try:
            while left:
                left = left[os.write(fd, left) :]
        except OSError as exc:
            raise LocalFailure(f"--ready-fd {fd}: {exc.strerror}", kind="ready") from exc
        if fd > 2:  # the reader sees the end; the standard streams are not ours to close
            os.close(fd)
        self._fd = None

    def _write_file(self, file: Path, text: str) -> None:
        try:
            self._written = write_whole(file, text.encode())
        except OSError as exc:
            raise LocalFailure(f"--ready-file {file}: {exc.strerror}", kind="ready") from exc

    def _send(self, message: str) -> None:
        address = "\0" + self._notify[1:] if self._notify[0] == "@" else self._notify
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.sendto(message.encode(), address)
