import json

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from netkit.chat.entry import Entry
from netkit.chat.web_frames import entries, frame, message


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65535, b"\x81\x7e\xff\xff"),
        (65536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_a_frame_is_what_rfc_6455_says(size: int, head: bytes) -> None:
    made = frame(b"x" * size)
    assert made == head + b"x" * size
    client = ClientProtocol(parse_uri("ws://x/"), state=OPEN, max_size=None)
    client.receive_data(made)
    (got,) = client.events_received()
    assert isinstance(got, Frame)
    assert (got.opcode, got.fin, bytes(got.data)) == (Opcode.TEXT, True, b"x" * size)


def test_an_entry_has_its_place_its_time_and_who_said_it() -> None:
    said = Entry("say", "lobby", "bob", "hü <b>".encode(), b"\n", member=7, node="n", time=1.23456, seq=9)
    made = json.loads(entries([said])[2:])
    assert made == {
        "type": "entries",
        "entries": [{"seq": 9, "kind": "say", "name": "bob", "text": "hü <b>", "time": 1.235, "id": 7, "node": "n"}],
    }


def test_what_is_no_text_becomes_some() -> None:
    assert json.loads(entries([Entry("say", "r", "x", b"\xff")])[2:])["entries"][0]["text"] == "\\xff"
    assert message("notice", text="\ud800")[2:] == b'{"type":"notice","text":"\\ud800"}'
