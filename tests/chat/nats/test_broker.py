"""What a broker says before anything is told to it: one that offers no TLS learns nothing."""

import asyncio

import pytest

from netkit.chat.nats.broker import Broker, Login, is_private
from netkit.errors import Insecure

LOGIN = Login("ann", "secret")


async def open_to(info: bytes, scheme: str, login: Login | None = LOGIN) -> tuple[Insecure, bytes]:
    """What opening a connection came to, and what the broker had been told by then."""
    told = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(info)
        told.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        broker = Broker([url], "test", lambda: None, lambda: None, login=login)
        with pytest.raises(Insecure) as caught:
            await broker.open()
    return caught.value, bytes(told)


def test_tls_is_never_without() -> None:
    failure, told = asyncio.run(open_to(b'INFO {"tls_required": false, "max_payload": 1048576}\r\n', "tls"))
    assert failure.message.endswith(" offers no TLS")
    assert failure.kind == "plaintext_secret"
    assert told == b""


def test_a_login_goes_nowhere_that_others_could_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netkit.chat.nats.broker.is_private", lambda scheme, host: False)
    failure, told = asyncio.run(open_to(b'INFO {"max_payload": 1048576, "auth_required": true}\r\n', "nats"))
    assert failure.message.endswith(" would get the password in clear text")
    assert told == b""


@pytest.mark.parametrize(
    ("scheme", "host", "private"),
    [
        ("tls", "example.org", True),
        ("nats", "127.0.0.1", True),
        ("nats", "127.9.9.9", True),
        ("nats", "::1", True),
        ("nats", "localhost", True),
        ("nats", "192.0.2.1", False),
        ("nats", "example.org", False),
        ("nats", "localhost.example.org", False),
        ("nats", None, False),
    ],
)
def test_who_can_listen(scheme: str, host: str | None, private: bool) -> None:
    assert is_private(scheme, host) is private


def test_a_secret_is_not_shown() -> None:
    assert "secret" not in repr(LOGIN)


def test_who_is_cancelled_while_an_answer_comes_is_cancelled() -> None:
    """As asyncio.wait_for of Python 3.11 does, on which nats-py waits: what has come is had, and the end forgotten."""

    async def run() -> tuple[bool, list[str]]:
        broker = Broker(["nats://127.0.0.1:1"], "test", lambda: None, lambda: None)
        waiting, went_on = asyncio.Event(), list[str]()

        async def answer() -> str:
            try:
                waiting.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return "answer"
            raise AssertionError

        async def ask() -> None:
            went_on.append(await broker.attempt(answer()))

        task = asyncio.create_task(ask())
        await waiting.wait()
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), went_on

    assert asyncio.run(run()) == (True, [])
