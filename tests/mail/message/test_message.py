"""Messages composed: what the standard `email` package reads back from them, and what no value can do to a header."""

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.errors import BadInput, LocalFailure
from netkit.mail.header_address import addresses
from netkit.mail.header_text import decode
from netkit.mail.mailbox import Mailbox
from netkit.mail.message.body import TextBody
from netkit.mail.message.compose import Attachment, Composer, date, media_type
from netkit.mail.message.content import Message
from netkit.mail.message.header import address_field, text_field

ANN = Mailbox("", "ann@x.test")


def whole(message: Message) -> bytes:
    data = b"".join(message.chunks())
    assert len(data) == message.content.size
    assert data.endswith(b"\r\n")
    assert b"\r" not in data.replace(b"\r\n", b"")
    assert b"\n" not in data.replace(b"\r\n", b"")
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    return data


def read(message: Message) -> EmailMessage:
    found = email.message_from_bytes(whole(message), policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def test_a_text() -> None:
    message = Composer(sender=ANN, to=[Mailbox("Bob", "bob@x.test")], subject="hi", text=b"Hello\n.\n").message()
    data = whole(message)
    assert message.content.eight_bit is False
    head, _, body = data.partition(b"\r\n\r\n")
    assert body == b"Hello\r\n.\r\n"
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"Date: ")
    assert lines[1].startswith(b"Message-ID: <")
    assert lines[1].endswith(b"@x.test>")
    assert lines[2:] == [
        b"From: ann@x.test",
        b"To: Bob <bob@x.test>",
        b"Subject: hi",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=us-ascii",
        b"Content-Transfer-Encoding: 7bit",
    ]


def test_each_message_has_its_own_id() -> None:
    composer = Composer(sender=ANN, text=b"x")
    assert read(composer.message())["Message-ID"] != read(composer.message())["Message-ID"]


def test_ids_and_dates_that_are_given_stand() -> None:
    given = [("Date", "Fri, 02 Jan 2026 03:04:05 +0000"), ("Message-Id", "<a@b>")]
    found = read(Composer(sender=ANN, headers=given).message())
    assert found.get_all("date") == ["Fri, 02 Jan 2026 03:04:05 +0000"]
    assert found.get_all("message-id") == ["<a@b>"]


TEXTS = [
    "",
    "a",
    "café ✓\n",
    "x" * 2000 + "\n",
    "x" * 100_000,
    "trailing  \n \n",
    ".\n..\nFrom x\n",
    "日本語" * 200,
    "a\tb=\n",
    "\x00\x01",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_texts_come_back(text: str, ends: str) -> None:
    data = b"".join(TextBody(text.replace("\n", ends).encode(), "plain").chunks())
    assert data.isascii()
    assert max(len(line) for line in data.split(b"\r\n")) <= 78
    found = email.message_from_bytes(data, policy=email.policy.default)
    back = found.get_payload(decode=True)
    assert isinstance(back, bytes)
    wanted = text.replace("\n", "\r\n")
    assert back.decode() == (wanted if not wanted or wanted.endswith("\r\n") else wanted + "\r\n")


@settings(max_examples=100)
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=300))
def test_any_text_comes_back(text: str) -> None:
    found = email.message_from_bytes(b"".join(TextBody(text.encode(), "html").chunks()), policy=email.policy.default)
    back = found.get_payload(decode=True)
    assert isinstance(back, bytes)
    assert back.decode().replace("\r\n", "\n") == (text if not text or text.endswith("\n") else text + "\n")


def test_parts(tmp_path: Path) -> None:
    logo, data = tmp_path / "logo.png", tmp_path / 'd,ä "t".bin'
    logo.write_bytes(bytes(range(256)) * 3)
    data.write_bytes(b"\r\n.\r\n" * 20_001)
    found = read(
        Composer(
            sender=ANN,
            text=b"plain",
            html=b'<img src="cid:logo">',
            attachments=[
                Attachment(str(data)),
                Attachment(str(logo), cid="logo", kind="image/png"),
                Attachment(str(logo), name="renamed.txt"),
            ],
        ).message()
    )
    assert [part.get_content_type() for part in found.walk()] == [
        "multipart/mixed",
        "multipart/related",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "image/png",
        "application/octet-stream",
        "text/plain",
    ]
    leaves = [part for part in found.walk() if not part.is_multipart()]
    assert leaves[2]["Content-ID"] == "<logo>"
    assert leaves[2].get_content_disposition() == "inline"
    assert leaves[2].get_payload(decode=True) == logo.read_bytes()
    assert leaves[3].get_filename() == 'd,ä "t".bin'
    assert leaves[3].get_payload(decode=True) == data.read_bytes()
    assert leaves[4].get_filename() == "renamed.txt"


@pytest.mark.parametrize("size", [0, 1, 2, 3, 56, 57, 58, 57_000, 57_001, 114_000])
def test_sizes_are_known_before(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * size)
    found = read(Composer(sender=ANN, attachments=[Attachment(str(file))]).message())
    assert [part.get_payload(decode=True) for part in found.walk()][2] == b"x" * size


def test_what_cannot_be_attached(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match="No such file"):
        Composer(sender=ANN, attachments=[Attachment(str(tmp_path / "none"))])
    with pytest.raises(LocalFailure, match="Is a directory"):
        Composer(sender=ANN, attachments=[Attachment(str(tmp_path))])
    with pytest.raises(LocalFailure, match="no regular file"):
        Composer(sender=ANN, attachments=[Attachment("/dev/zero")])
    with pytest.raises(BadInput, match="--inline is for what --html shows"):
        Composer(sender=ANN, text=b"x", attachments=[Attachment("/etc/passwd", cid="a")])


@pytest.mark.parametrize("name", ["From", "to", "CC", "Bcc", "Subject", "MIME-Version", "Content-Type"])
def test_own_fields_are_not_written_twice(name: str) -> None:
    with pytest.raises(BadInput, match="netkit writes that field itself"):
        Composer(sender=ANN, headers=[(name, "x")])


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\n", "ä", "a\x7f"])
def test_what_is_no_name_of_a_field(name: str) -> None:
    with pytest.raises(BadInput, match="no name of a field"):
        Composer(sender=ANN, headers=[(name, "x")])


@pytest.mark.parametrize(
    "value",
    [
        "a\r\nBcc: x",
        "a\nb",
        "a\rb",
        "trailing\n",
        "a\0",
        "a\x1b[31m",
        "a\x7f",
        "A =?UTF-8?Q?=0A?=Bcc: x",
        "=?utf-8?b?DQo=?=",
    ],
)
def test_no_value_begins_a_field(value: str) -> None:
    with pytest.raises(BadInput):
        text_field("Subject", value)


SUBJECTS = [
    "",
    "a",
    "café",
    "a" * 500,
    "日本語" * 100,
    "=?utf-8?q?not_encoded?=",
    "a  b   c",
    "👩‍💻 ok" * 20,
    'q "x" (y)',
    "x" * 2000,
]


@pytest.mark.parametrize("value", SUBJECTS)
def test_subjects_come_back(value: str) -> None:
    raw = text_field("Subject", value)
    assert raw.isascii()
    assert raw.endswith(b"\r\n")
    lines = raw.removesuffix(b"\r\n").split(b"\r\n")
    assert all(line.startswith(b" ") and line.strip() for line in lines[1:])
    assert all(len(line) <= 78 or b" " not in line.strip().removeprefix(b"Subject: ") for line in lines)
    found = email.message_from_bytes(raw + b"\r\n", policy=email.policy.default)
    assert found["Subject"] == value
    assert decode(raw.partition(b":")[2].removesuffix(b"\r\n")).text == value


WORDS = st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"])


@settings(max_examples=200)
@given(st.text(WORDS, max_size=120))
def test_any_subject_comes_back(value: str) -> None:
    raw = text_field("Subject", value)
    assert decode(raw.partition(b":")[2].removesuffix(b"\r\n")).text == value
    assert all(len(line) <= 78 for line in raw.split(b"\r\n")) or value.isascii()


@settings(max_examples=100)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Zl", "Zp"]), max_size=30),
        min_size=1,
        max_size=5,
    )
)
def test_any_names_come_back(names: list[str]) -> None:
    boxes = [Mailbox(name, f"u{n}@x.test") for n, name in enumerate(names)]
    raw = address_field("To", boxes)
    assert raw.isascii()

    assert [(box.name, box.address) for box in addresses(raw.partition(b":")[2])] == [
        (b.name, b.address) for b in boxes
    ]


@pytest.mark.parametrize("value", ["a" + " " * 2000 + "b", "a" + " " * 900 + "b" * 200, "x" * 998])
def test_no_line_is_longer_than_998_bytes(value: str) -> None:
    """Whatever a value has many of: letters without a space, or spaces."""
    for raw in (text_field("Subject", value), address_field("To", [Mailbox(value, "a@b.test")])):
        assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert decode(text_field("Subject", value).partition(b":")[2].removesuffix(b"\r\n")).text == value


def test_an_address_in_another_field_stays_one() -> None:
    composer = Composer(sender=ANN, headers=[("Reply-To", "Jü <j@x.test>, k@x.test"), ("X-Note", "Jü <j@x.test>")])
    found = read(composer.message())
    assert [(one.display_name, one.addr_spec) for one in found["Reply-To"].addresses] == [
        ("Jü", "j@x.test"),
        ("", "k@x.test"),
    ]
    assert found["X-Note"] == "Jü <j@x.test>"
    assert composer.message().content.utf8 is False
    assert Composer(sender=ANN, headers=[("Sender", "jü@x.test")]).message().content.utf8 is True


def test_a_thousand_recipients_fold() -> None:
    raw = address_field("To", [Mailbox("", f"user{n}@x.test") for n in range(1000)])
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    found = email.message_from_bytes(raw + b"\r\n", policy=email.policy.default)
    assert len(found["To"].addresses) == 1000


def test_utf8_is_needed_for_what_stands_before_the_at_alone() -> None:
    assert Composer(sender=ANN, to=[Mailbox("Jü", "j@x.test")], subject="ü").message().content.utf8 is False
    assert Composer(sender=ANN, to=[Mailbox("", "jü@x.test")]).message().content.utf8 is True


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.png", "image/png"),
        ("a.eml", "application/octet-stream"),
        ("a.tar.gz", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("data:x/y z,a", "application/octet-stream"),
    ],
)
def test_media_types(name: str, kind: str) -> None:
    assert media_type(name) == kind


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    for zone, wanted in (("UTC", "Fri, 02 Jan 2026 03:04:05 +0000"), ("XXX+03:30", "Thu, 01 Jan 2026 23:34:05 -0330")):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert date(1767323045) == wanted
    monkeypatch.undo()
    time.tzset()
