"""What the standard `email` package and dkimpy make of whole messages: exactly what went in, and a valid signature."""

import email
import email.policy
from collections.abc import Callable
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.mail.dots import DotReader
from netkit.mail.mailbox import Mailbox
from netkit.mail.message.body import MAX_NAME
from netkit.mail.message.compose import Attachment, Composer
from netkit.mail.message.dkim import Signer

ANN = Mailbox("", "ann@x.test")
LINE = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"])
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200)


def whole(composer: Composer) -> bytes:
    message = composer.message()
    data = b"".join(message.chunks())
    assert len(data) == message.content.size
    assert max(len(line) for line in data.split(b"\r\n")) <= 998
    return data


def modern(data: bytes) -> EmailMessage:
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    for part in found.walk():
        assert part.defects == []
        assert [value.defects for value in part.values()] == [()] * len(part)
    return found


def classic(found: Message, name: str) -> str:
    return str(make_header(decode_header(found[name].replace("\r\n", ""))))


def text_of(part: Message) -> str:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode().replace("\r\n", "\n")


def ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(LINE, max_size=150),
    st.lists(st.text(LINE, max_size=80), min_size=1, max_size=4),
    st.lists(st.tuples(st.text(LINE, min_size=1, max_size=60), st.binary(max_size=300)), min_size=1, max_size=3),
    TEXT,
    TEXT,
)
def test_a_whole_message(
    tmp_path: Path, subject: str, names: list[str], files: list[tuple[str, bytes]], text: str, html: str
) -> None:
    attachments = []
    for number, (name, content) in enumerate(files):
        path = tmp_path / str(number)
        path.write_bytes(content)
        attachments.append(Attachment(str(path), name=name, kind="image/png", cid="a.b" if number == 0 else None))
    to = [Mailbox(name, f"u{number}@x.test") for number, name in enumerate(names)]
    data = whole(
        Composer(
            sender=Mailbox(names[0], "ann@x.test"), to=to, cc=to[:1], subject=subject, text=text.encode(),
            html=html.encode(), attachments=attachments,
        )
    )  # fmt: skip
    found, old = modern(data), email.message_from_bytes(data)
    assert (found["subject"], classic(old, "subject")) == (subject, subject)
    # email.policy.default, as of Python 3.11, keeps the space between two encoded words of a name (RFC 2047 6.2)
    assert [(str(make_header(decode_header(name))), box) for name, box in getaddresses([old["to"]])] == [
        (box.name, box.address) for box in to
    ]
    assert [box.addr_spec for box in found["to"].addresses] == [box.address for box in to]
    assert [box.addr_spec for box in found["from"].addresses] == ["ann@x.test"]
    assert [box.addr_spec for box in found["cc"].addresses] == [to[0].address]
    plain, rich, *rest = [part for part in found.walk() if not part.is_multipart()]
    assert (text_of(plain), text_of(rich)) == (ended(text), ended(html))
    assert [part.get_payload(decode=True) for part in rest] == [content for _, content in files]
    assert [part.get_filename() for part in rest] == [name.strip() for name, _ in files]  # `email` strips it
    assert [part.get_content_disposition() for part in rest] == ["inline"] + ["attachment"] * (len(files) - 1)
    assert rest[0]["content-id"] == "<a.b>"


def test_long_names(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    path = str(tmp_path / "f")
    for name in ("日" * 85, "x" * MAX_NAME, 'x"' * 127, ".", "..", "a/b", "a;b=c", "%41", " "):
        attached = modern(whole(Composer(sender=ANN, attachments=[Attachment(path, name=name)])))
        assert list(attached.walk())[-1].get_filename() == name.strip()
    for wrong in (
        Attachment(path, name="日" * 86),
        Attachment(path, kind="x/" + "x" * MAX_NAME),
        Attachment(path, cid="x" * 256),
    ):
        with pytest.raises(BadInput, match="of more than 255 bytes"):
            Composer(sender=ANN, html=b"x", attachments=[wrong])
    for name in ("n" * 3000, "n " * 3000 + "n", 'a,"b\\' * 60, "日" * 3000):
        data = whole(Composer(sender=Mailbox(name, "ann@x.test"), subject="s"))
        ((found, address),) = getaddresses([email.message_from_bytes(data)["from"]])
        assert (str(make_header(decode_header(found))), address) == (name, "ann@x.test")


def test_a_thousand_recipients() -> None:
    to = [Mailbox(f"Person {number}" if number % 2 else "", f"u{number}@x.test") for number in range(1000)]
    found = modern(whole(Composer(sender=ANN, to=to)))
    assert [(box.display_name, box.addr_spec) for box in found["to"].addresses] == [(b.name, b.address) for b in to]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, bytes]:
    """A private key's file, and what DNS says of it (RFC 6376 3.6.1)."""
    private = generate_private_key(65537, 2048)
    path = tmp_path_factory.mktemp("dkim") / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).split(b"\n")[1:-2]
    return str(path), b"v=DKIM1; k=rsa; p=" + b"".join(public)


def test_dkimpy_verifies_the_signature(key: tuple[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(range(256)) * 500)
    composer = Composer(
        sender=Mailbox("Bée", "ann@example.test"),
        to=[Mailbox("", f"u{number}@x.test") for number in range(100)],
        subject="café " * 60,
        text=b".\n..\n" + b"long " * 500,
        attachments=[Attachment(str(tmp_path / "f"))],
    )
    message = Signer(key[0], "sel").sign(composer.message())
    data = b"".join(message.chunks())
    assert len(data) == message.content.size
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return key[1]

    assert dkim.verify(data, dnsfunc=dns) is True
    assert asked == [b"sel._domainkey.example.test."]
    assert dkim.verify(data.replace(b"\r\n", b"\n"), dnsfunc=dns) is True  # as `--dry-run` prints it
    assert dkim.verify(data.replace(b"Subject: ", b"Subject: x"), dnsfunc=dns) is False
    assert dkim.verify(data[:-4] + b"x\r\n", dnsfunc=dns) is False


def test_a_dry_run_is_signed(key: tuple[str, bytes], netkit: Callable[..., Any]) -> None:
    options = ["--from", "ann@example.test", "--to", "b@x.test", "--subject", "é", "--text", ".\n"]
    signing = ["--dkim-key", key[0], "--dkim-selector", "sel"]
    for more, undotted in (([], False), (["--wire"], True)):
        done = netkit("smtp", "send", *options, *signing, "--dry-run", *more, text=False)
        assert (done.stderr, done.returncode) == (b"", 0)
        data = DotReader().feed(done.stdout).data if undotted else done.stdout
        assert data.endswith(b"\n.\r\n" if undotted else b"\n.\n")
        assert dkim.verify(data, dnsfunc=lambda name, timeout=5: key[1]) is True
