"""A netkit that was forked does what one that was started does: tests/warm.py."""

import os
import signal
import subprocess
from typing import Any

import pytest

from tests.conftest import MS
from tests.warm import Process

PIPES = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
SURROUNDINGS = "echo $X; pwd; umask; ls /proc/self/fd | wc -l; ulimit -a; grep 'Sig[BIC]' /proc/self/status"


def ended(argv: list[str], *, warm: bool) -> tuple[int, bytes, bytes]:
    options: dict[str, Any] = {**PIPES, "env": {**os.environ, "X": "a \udcff b"}}
    if not warm:
        options["close_fds"] = True  # which it is anyway, but said
    with Process(*argv, **options) as process:
        assert (process.news != -1) is warm
        out, err = process.communicate(timeout=60_000 * MS)
    return process.returncode, out, err


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no pidfd_open(2) on this system")
@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--version"], 0),
        (["resolve", "localhost", "192.0.2.1", "-s", "127.0.0.1:1"], 3),
        (["resolve", "--nosuch"], 2),
        (["lab", "--port", "0", "--", "sh", "-c", f"{SURROUNDINGS}; exit 7"], 7),
        (["lab", "--port", "0", "--", "sh", "-c", "kill -9 $$"], 128 + signal.SIGKILL),
    ],
)
def test_it_is_as_a_cold_one(argv: list[str], code: int) -> None:
    warm, cold = (ended(argv, warm=one) for one in (True, False))
    assert warm == cold
    assert warm[0] == code


def test_what_is_read_at_the_start_needs_one() -> None:
    with Process("--version", **PIPES, env={**os.environ, "PYTHONIOENCODING": "latin-1"}) as process:
        assert process.news == -1
        process.communicate(timeout=60_000 * MS)
