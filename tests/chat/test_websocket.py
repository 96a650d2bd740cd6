"""A connection of a browser without a socket: every split, every truncation, and what is against the rules."""

import struct

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Close, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from netkit.chat.websocket import MAX_CONTROLS, MAX_HEAD, MAX_MESSAGE, BadRequest, WebSocket

HEAD = (
    b"GET /ws?x=1 HTTP/1.1\r\nHost: localhost:1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
)


def masked(data: bytes, opcode: Opcode = Opcode.TEXT, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def opened() -> WebSocket:
    wire = WebSocket()
    request = wire.head(HEAD)
    assert request is not None
    wire.accept(request)
    return wire


def code(data: bytes) -> int:
    """Of a close frame of a server."""
    assert data[0] == 0x88
    assert len(data) == 2 + data[1]
    return int.from_bytes(data[2:4], "big")


def test_the_handshake_of_rfc_6455_without_compression() -> None:
    wire = WebSocket()
    request = wire.head(HEAD)
    assert request is not None
    answer = wire.accept(request)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert b"Extensions" not in answer


def test_every_split_of_a_conversation() -> None:
    pieces = [
        masked(b'{"a":1}'),
        masked("hü".encode()[:2], fin=False),
        masked(b"", Opcode.PING),
        masked("hü".encode()[2:], Opcode.CONT),
        masked(b"x" * 300),
    ]
    talk = b"".join(pieces)
    for at in range(1, len(talk)):
        wire = opened()
        assert wire.messages(talk[:at]) + wire.messages(talk[at:]) == ['{"a":1}', "hü", "x" * 300]
        assert wire.take() == b"\x8a\x00"
        assert not wire.over
    wire = opened()
    assert [text for byte in talk for text in wire.messages(bytes([byte]))] == ['{"a":1}', "hü", "x" * 300]


def test_every_split_of_a_head() -> None:
    for at in range(1, len(HEAD)):
        wire = WebSocket()
        assert wire.head(HEAD[:at]) is None
        request = wire.head(HEAD[at:])
        assert isinstance(request, Request)
        assert (request.method, request.path) == ("GET", "/ws?x=1")


@pytest.mark.parametrize(
    "head",
    [
        b"\r\n\r\n",
        b"hello\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/0.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n",
    ],
)
def test_what_is_no_request_is_refused(head: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        WebSocket().head(head)
    assert caught.value.status == 400


def test_a_head_has_a_limit() -> None:
    wire = WebSocket()
    line = b"X: " + b"y" * 1000 + b"\r\n"
    assert wire.head(b"GET / HTTP/1.1\r\n" + line * 15) is None
    with pytest.raises(BadRequest) as caught:
        wire.head(line * 2)
    assert caught.value.status == 431
    assert MAX_HEAD == 16384


@pytest.mark.parametrize(
    "head", [b"G" * 9000, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200, b"GET / HTTP/1.1\r\n" + b"A" * 9000]
)
def test_so_have_its_lines(head: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        WebSocket().head(head)
    assert caught.value.status == 431


def test_what_comes_right_behind_the_request_is_heard() -> None:
    wire = WebSocket()
    request = wire.head(HEAD + masked(b"one") + masked(b"two")[:3])
    assert request is not None
    wire.accept(request)
    assert wire.messages(b"") == ["one"]
    assert wire.messages(masked(b"three")[:0]) == []
    with pytest.raises(BadRequest):
        WebSocket().head(HEAD + masked(b"", Opcode.PING))  # its answer would come before the handshake's


@pytest.mark.parametrize(
    ("cut", "put", "status"),
    [
        (b"Upgrade: websocket\r\n", b"", 426),
        (b"keep-alive, Upgrade", b"close", 426),
        (b"Version: 13", b"Version: 8", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"AAAA", 400),
        (b"GET", b"POST", 400),
        (b"HTTP/1.1", b"HTTP/1.0", 400),
    ],
)
def test_what_asks_for_no_websocket_gets_none(cut: bytes, put: bytes, status: int) -> None:
    wire = WebSocket()
    request = wire.head(HEAD.replace(cut, put))
    assert request is not None
    with pytest.raises(BadRequest) as caught:
        wire.accept(request)
    assert caught.value.status == status


def huge() -> bytes:
    return struct.pack("!BBQ", 0x81, 0x80 | 127, MAX_MESSAGE + 1) + b"\0\0\0\0"


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (masked(b"x", Opcode.BINARY), 1003),
        (masked(b"\xff"), 1007),
        (masked(b"\xc3", fin=False) + masked(b"(", Opcode.CONT), 1007),
        (masked(b"\xed\xa0\x80"), 1007),  # a surrogate
        (huge(), 1009),
        (masked(b"x" * 40_000, fin=False) + masked(b"x" * 40_000, Opcode.CONT), 1009),
        (Frame(Opcode.TEXT, b"not masked").serialize(mask=False), 1002),
        (b"\xc1\x80\0\0\0\0", 1002),  # compressed, which was not agreed
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that there is not
        (b"\x09\x80\0\0\0\0", 1002),  # a ping in fragments
        (b"\x89\xfe\x00\x7e\0\0\0\0" + b"x" * 126, 1002),  # a ping of 126 bytes
        (masked(b"x", Opcode.CONT), 1002),
        (masked(b"a", fin=False) + masked(b"b"), 1002),
        (masked(b"\x03", Opcode.CLOSE), 1002),
        (masked(b"\x03\xed", Opcode.CLOSE), 1002),  # 1005 is for nobody to send
        (masked(b"\x03\xe8\xff", Opcode.CLOSE), 1007),
        (masked(b"", Opcode.PONG) * (MAX_CONTROLS + 1), 1008),
        (masked(b"", fin=False) + masked(b"", Opcode.CONT, fin=False) * (MAX_CONTROLS + 1), 1008),
    ],
    ids=lambda value: "data" if isinstance(value, bytes) else str(value),  # masks are random, names must not be
)
def test_what_is_against_the_rules_ends_it_with_the_reason(data: bytes, wanted: int) -> None:
    wire = opened()
    assert wire.messages(data) == []
    assert wire.over
    assert not wire.clean
    closing = wire.take()
    while closing[:2] == b"\x8a\x00":
        closing = closing[2:]
    assert code(closing) == wanted
    assert wire.messages(masked(b"more")) == []
    assert wire.close(1001, "") == b""


def test_what_came_before_a_broken_frame_counts() -> None:
    wire = opened()
    assert wire.messages(masked(b"one") + masked(b"\xff") + masked(b"three")) == ["one"]
    assert code(wire.take()) == 1007


def test_whoever_closes_is_answered_with_his_code() -> None:
    wire = opened()
    assert wire.messages(masked(b"bye") + masked(Close(1000, "ok").serialize(), Opcode.CLOSE)) == ["bye"]
    assert (wire.over, wire.clean) == (True, True)
    assert wire.take() == b"\x88\x04\x03\xe8ok"


def test_a_reason_is_cut_between_characters() -> None:
    closing = opened().close(4003, "ü" * 100)
    client = ClientProtocol(parse_uri("ws://x/"), state=OPEN)
    client.receive_data(closing)
    assert client.close_rcvd == Close(4003, "ü" * 61)
