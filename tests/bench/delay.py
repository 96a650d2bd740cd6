"""A slow line: a TCP proxy that hands on what it gets so many milliseconds later, each way, in order.

    python -m tests.bench.delay TO_PORT MILLISECONDS

Prints the port it listens on. What is under way is bounded, and a half-close is handed on.
"""

import asyncio
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

HELD = 4 * 1024 * 1024  # bytes under way before the sender has to wait


@contextmanager
def slow(port: str, milliseconds: int) -> Iterator[str]:
    """127.0.0.1:PORT of a proxy in a process of its own, to that port of this machine."""
    argv = [sys.executable, "-m", "tests.bench.delay", port, str(milliseconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield f"127.0.0.1:{proxy.stdout.readline().strip()}"
        finally:
            proxy.terminate()


async def one_way(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    waiting: deque[tuple[float, bytes]] = deque()
    news, room = asyncio.Event(), asyncio.Event()
    held = 0

    async def take() -> None:
        nonlocal held
        more = True
        while more:
            try:
                data = await reader.read(65536)
            except OSError:
                data = b""
            more = bool(data)
            held += len(data)
            waiting.append((loop.time() + seconds, data))
            news.set()
            room.clear()
            if held >= HELD:
                await room.wait()

    async with asyncio.TaskGroup() as group:
        group.create_task(take())
        while True:
            while not waiting:
                news.clear()
                await news.wait()
            due, data = waiting.popleft()
            await asyncio.sleep(due - loop.time())
            held -= len(data)
            room.set()
            try:
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
            except OSError:
                return


async def main(to_port: int, seconds: float) -> None:
    async def serve(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        server, ask = await asyncio.open_connection("127.0.0.1", to_port)
        await asyncio.gather(one_way(client, ask, seconds), one_way(server, answer, seconds))
        ask.close()
        answer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000))
