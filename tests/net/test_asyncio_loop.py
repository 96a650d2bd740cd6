"""Asyncio on our loop: one wait for both."""

import asyncio
import socket
from collections.abc import Iterator

import pytest

from netkit.net.asyncio_loop import AsyncioLoop, LoopSelector
from tests.loopback import LIMIT


@pytest.fixture
def loop() -> Iterator[AsyncioLoop]:
    made = AsyncioLoop()
    yield made
    made.close()


def test_streams_timers_and_our_callbacks_share_one_wait(loop: AsyncioLoop) -> None:
    seen: list[str] = []
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop.add(ours.fileno(), lambda events: seen.append(ours.recv(10).decode()))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(1_000_000))
            await writer.drain()
            writer.close()

        async def work() -> int:
            server = await asyncio.start_server(serve, "127.0.0.1", 0)
            async with server, asyncio.timeout(LIMIT):
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("localhost", port, family=socket.AF_INET)
                writer.write(b"x" * 1_000_000)
                timer = asyncio.Event()
                loop.later(0, timer.set)
                theirs.send(b"ours")
                await timer.wait()
                found = len(await reader.read(-1))
                writer.close()
                await writer.wait_closed()
            return found

        assert loop.asyncio.run_until_complete(work()) == 1_000_000
        assert seen == ["ours"]
        loop.remove(ours.fileno())


def test_it_runs_until_it_is_stopped_from_either_side(loop: AsyncioLoop) -> None:
    order: list[int] = []
    loop.later(0, lambda: order.append(1))
    loop.later(0.001, loop.stop)
    loop.run()
    assert order == [1]
    loop.stop()  # while it does not run: it does not end the next run
    loop.soon(lambda: order.append(2))
    loop.soon(loop.stop)
    loop.run()
    assert order == [1, 2]


def test_an_error_in_a_callback_of_ours_ends_the_run(loop: AsyncioLoop) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    loop.soon(fail)
    with pytest.raises(ZeroDivisionError):
        loop.run()


def test_closing_cancels_what_still_runs(loop: AsyncioLoop) -> None:
    ended: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    loop.asyncio.create_task(wait())
    loop.soon(loop.stop)
    loop.run()
    loop.close()
    assert ended == ["cancelled"]


def test_a_descriptor_is_registered_once(loop: AsyncioLoop) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        selector = LoopSelector(loop)
        selector.register(ours, 1, None)
        with pytest.raises(KeyError):
            selector.register(ours, 1, None)
        selector.modify(ours, 2, None)
        assert [key.fd for key, events in selector.select(0) if events == 2] == [ours.fileno()]
        selector.unregister(ours)
        assert ours.fileno() not in selector.get_map()
