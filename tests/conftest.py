"""What every test may use: a clean environment, netkit in a process of its own, and the unit of time limits."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

# Time limits in tests are in this unit, a millisecond stretched by the machine's slowness; nothing is timed.
MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000

FORGOTTEN = ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "NO_COLOR", "COLUMNS", "TERMINAL_WIDTH")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No NETKIT_*, colour or proxy variable of the person who runs the tests reaches them."""
    for name in list(os.environ):
        of_netkit = name.startswith("NETKIT_") and name not in ("NETKIT_PEERS", "NETKIT_TEST_MS")
        if name in FORGOTTEN or of_netkit or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


Finished = subprocess.CompletedProcess[str]


@pytest.fixture
def netkit() -> Callable[..., Finished]:
    """Run `netkit ARGS` as a process with its output in pipes: netkit("resolve", "localhost").stdout."""

    def run(*args: str, env: dict[str, str] | None = None, **options: object) -> Finished:
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [sys.executable, "-m", "netkit", *args],
            env={**os.environ, **(env or {})},
            **{
                "stdin": subprocess.DEVNULL,
                "capture_output": True,
                "text": True,
                "timeout": 60_000 * MS,
                "check": False,
                **options,
            },
        )

    return run
