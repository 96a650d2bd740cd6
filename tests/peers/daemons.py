"""What tests and benches need to start a real server of their own: to know when it accepts, and what it was given."""

import socket
import subprocess
from pathlib import Path
from time import monotonic

ARRIVE = 20.0  # seconds until a message that a server has taken is in its maildir


def await_port(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until the process accepts TCP on the port. AssertionError, with its log, when it ends instead."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None:
                said = log.read_text() if log.exists() else ""
                raise AssertionError(f"{process.args!r} ended with {process.returncode}:\n{said}") from None
        else:
            return


def arrived(folder: Path, *found: bytes) -> list[bytes]:
    """The messages in a maildir's folder that have each of these, once there is one."""
    end = monotonic() + ARRIVE
    while monotonic() < end:
        messages = [path.read_bytes() for path in sorted(folder.glob("*"))]
        if wanted := [one for one in messages if all(text in one for text in found)]:
            return wanted
    raise AssertionError(f"no message with {found!r} arrived")
