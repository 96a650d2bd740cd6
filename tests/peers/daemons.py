"""What tests and benches need to start a real server of their own: a free port, and to know when it accepts."""

import socket
import subprocess
from pathlib import Path
from time import monotonic

ARRIVE = 20.0  # seconds until a message that a server has taken is in its maildir


def find_free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and UDP now."""
    for _ in range(50):
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free for both TCP and UDP")


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
