"""A lab beside code that is not asynchronous: it runs in a thread of its own while a `with` block does."""

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from netkit.lab.event import OnLog
from netkit.lab.lab import Lab
from netkit.lab.mail.faults import Rule


@contextmanager
def running(
    *,
    bind: Sequence[str] = (),
    ports: Mapping[str, int] | None = None,
    zones: Sequence[Path] = (),
    faults: Sequence[Rule] = (),
    maildir: str | None = None,
    on_log: OnLog | None = None,
) -> Iterator[Lab]:
    """A lab that listens while the block runs; takes what `Lab` takes. on_log is called in the lab's thread."""
    lab = Lab(bind=bind, ports=ports, zones=zones, faults=faults, maildir=maildir, on_log=on_log)
    listens, failures = threading.Event(), list[BaseException]()
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        async with lab:
            loops.append(asyncio.get_running_loop())
            listens.set()
            await lab.serve()

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as exc:
            failures.append(exc)
        finally:
            listens.set()

    thread = threading.Thread(target=work, name="netkit lab", daemon=True)
    thread.start()
    listens.wait()
    try:
        if not failures:
            yield lab
    finally:
        if loops:
            with suppress(RuntimeError):  # it has stopped by itself: its log could not be written
                loops[0].call_soon_threadsafe(lab.stop)
        thread.join()
        if failures:
            raise failures[0]
