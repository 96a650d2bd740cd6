"""What every test may use: a clean environment, netkit in a process of its own, and the unit of time limits."""

import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import settings

from tests.warm import Process
from tests.warm import run as run_netkit

# Time limits in tests are in this unit, a millisecond stretched by the machine's slowness; nothing is timed.
settings.register_profile("netkit", deadline=None)  # no test times anything: a loaded machine is as good as another
settings.load_profile("netkit")
MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Result = TypeVar("Result")

FORGOTTEN = (
    "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS", "TERMINAL_WIDTH", "RES_OPTIONS", "LOCALDOMAIN"
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test comes first, so that it does not run alone at the end, where others run beside it."""
    items.sort(key=lambda item: item.name != "test_every_step_is_as_expected")


def in_time(seconds: float, call: Callable[[], Result], *, before: Callable[[], None] = lambda: None) -> Result:
    """What it returns, where it takes less: what is slow by itself is so each time, a busy machine is not.

    before: what each time begins with, whose time does not count.
    """
    for _ in range(5):
        before()
        began = monotonic()
        found = call()
        took = monotonic() - began
        if took < seconds:
            return found
    raise AssertionError(f"it took {took:.3f} s, at best of five times")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No NETKIT_*, colour or proxy variable of the person who runs the tests reaches them."""
    for name in list(os.environ):
        of_netkit = name.startswith("NETKIT_") and name not in ("NETKIT_PEERS", "NETKIT_TEST_MS")
        if name in FORGOTTEN or of_netkit or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """The path of a real program: program("nsd"); skipped when missing, a failure with NETKIT_PEERS=required."""

    def find(name: str) -> str:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if path is None:
            reason = f"{name} is not installed: tests/peers/install"
            if os.environ.get("NETKIT_PEERS") == "required":
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


Finished = subprocess.CompletedProcess[str]


@pytest.fixture
def netkit() -> Callable[..., Finished]:
    """Run `netkit ARGS` as a process with its output in pipes: netkit("resolve", "localhost").stdout."""

    def run(*args: str, env: dict[str, str] | None = None, **options: Any) -> Finished:
        usual = {"text": True, "timeout": 60_000 * MS, "stdin": subprocess.DEVNULL}
        return run_netkit(*args, env={**os.environ, **(env or {})}, **{**usual, **options})

    return run


class Shown(NamedTuple):
    """What a command wrote to its terminal (both streams), as it came, and how it ended."""

    text: str
    returncode: int

    @property
    def lines(self) -> list[str]:
        """Without colour, and without the spaces that fill a line."""
        return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", self.text).splitlines()]

    @property
    def screen(self) -> list[str]:
        """What stands there at the end, without what has come and gone, such as a line on what is waited for."""
        import pyte

        shown = pyte.Screen(300, 400)
        pyte.Stream(shown).feed(self.text.replace("\n", "\r\n"))
        return "\n".join(line.rstrip() for line in shown.display).rstrip("\n").split("\n")


@pytest.fixture
def terminal() -> Callable[..., Shown]:
    """Run `netkit ARGS` with a terminal for all three streams: terminal("resolve", "localhost").lines."""

    def run(*args: str, columns: int = 80, env: dict[str, str] | None = None) -> Shown:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", **(env or {})}
        process = Process(*args, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)
        seen = b""
        while chunk := _read(ours):
            seen += chunk
        os.close(ours)
        return Shown(seen.decode().replace("\r\n", "\n"), process.wait(60_000 * MS))

    return run


def _read(terminal: int) -> bytes:
    """What comes next; nothing once the last process of the terminal has closed it (EIO)."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""
