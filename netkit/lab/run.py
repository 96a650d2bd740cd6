"""Runs a lab until a signal, or round a command: `serve` and `run_command`. Both are called from synchronous code."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from netkit.errors import LocalFailure
from netkit.lab.lab import Lab
from netkit.net.inherit import VARIABLES
from netkit.net.loop import Loop
from netkit.net.ready import NOTIFY_SOCKET, Ready

T = TypeVar("T")
FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(lab: Lab, *, ready: Ready, attach: Callable[[Loop], None] | None = None) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; a second one ends it at once, whatever it is closing.

    attach: gets a loop that tells when a descriptor takes more, for a log that does not wait for its reader.
    """

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            for number in FORWARDED:
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL)
            lab.stop()

        for number in FORWARDED:
            loop.add_signal_handler(number, stop)
        with _carried(lab) as carried:
            if attach:
                attach(carried)
            async with lab:
                with ready:
                    ready.tell(lab.addresses)
                    await lab.serve()

    _run(main())


@contextmanager
def _carried(lab: Lab) -> Iterator[Loop]:
    """A Loop that has its turns from asyncio; what is raised in one ends the lab.

    Not add_writer: uvloop's makes a descriptor non-blocking, for all processes that share it.
    """
    loop = Loop()
    running = asyncio.get_running_loop()

    def turn() -> None:
        try:
            loop.turn(0)
        except Exception as exc:
            running.remove_reader(loop.fileno())
            lab.fail(exc)

    running.add_reader(loop.fileno(), turn)
    try:
        yield loop
    finally:
        running.remove_reader(loop.fileno())
        loop.close()


def run_command(lab: Lab, command: Sequence[str], *, ready: Ready) -> int:
    """Run the command while the lab serves, with NETKIT_LAB_* in its environment; its exit code, 128+N for a signal N.

    SIGINT, SIGTERM and SIGHUP are passed on to it, except a Ctrl-C that the terminal sends to both anyway.
    Raises LocalFailure when it cannot be started.
    """

    async def main() -> int:
        async with lab:
            with ready:
                ready.tell(lab.addresses)
                return await _supervise(command, child_environment(lab.environment))

    return _run(main())


def child_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """This process's environment with the variables, and without what was meant for this process alone."""
    ours = {*VARIABLES, NOTIFY_SOCKET}
    return {name: value for name, value in os.environ.items() if name not in ours} | dict(variables)


async def _supervise(command: Sequence[str], environment: Mapping[str, str]) -> int:
    loop = asyncio.get_running_loop()
    child: asyncio.subprocess.Process | None = None
    early: list[signal.Signals] = []  # those that came before there was somebody to pass them on to

    def forward(number: signal.Signals) -> None:
        if number is signal.SIGINT and _in_foreground():
            return  # the terminal sent it to the whole group: the command has it already
        if child is None:
            early.append(number)
            return
        with suppress(ProcessLookupError):
            child.send_signal(number)

    for number in FORWARDED:  # before it runs: who hears from it that it does may send one at once
        loop.add_signal_handler(number, forward, number)
    try:
        child = await asyncio.create_subprocess_exec(*command, env=environment)
    except FileNotFoundError as exc:
        raise LocalFailure(f"{command[0]}: command not found", kind="command_not_found") from exc
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or str(exc)
        raise LocalFailure(f"{command[0]}: cannot run it: {reason}", kind="command_failed") from exc

    for number in early:
        forward(number)
    code = await child.wait()
    return 128 - code if code < 0 else code


def _in_foreground() -> bool:
    """Whether this process's group is the one that the terminal sends its Ctrl-C to."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _run(main: Coroutine[Any, Any, T]) -> T:
    """asyncio.run on uvloop where it is there; an exception nobody awaits is one line on stderr, no traceback."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    with suppress(ImportError):
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.get_loop().set_exception_handler(_report)
        return runner.run(main)


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    exc = context.get("exception")
    if isinstance(exc, (OSError, asyncio.CancelledError)):
        return  # a client went away at a bad moment
    reason = f"{type(exc).__name__}: {exc}" if exc else context.get("message", "")
    sys.stderr.write(ascii(f"netkit: lab: {reason}")[1:-1] + "\n")
