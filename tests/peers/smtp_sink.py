"""Postfix's smtp-sink: takes messages and throws them away, and refuses or hangs up wherever its options say."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.peers.daemons import await_port
from tests.ports import find_free_port

BACKLOG = "100"


@contextmanager
def smtp_sink(program: str, *options: str) -> Iterator[str]:
    """127.0.0.1:PORT of one that runs with these options."""
    port = find_free_port()
    who = ["-u", "nobody"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="netkit-sink-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as output:
            argv = [program, *who, *options, f"127.0.0.1:{port}", BACKLOG]
            sink = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            await_port(sink, port, log)
            yield f"127.0.0.1:{port}"
        finally:
            sink.terminate()
            sink.wait(20)
