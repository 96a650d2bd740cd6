"""swaks, msmtp, curl and smtplib on the lab's SMTP and LMTP: what they send is what waits, whoever sent it."""

import poplib
import smtplib
import ssl
import subprocess
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import SMTP
from pathlib import Path
from typing import NamedTuple

import pytest

from netkit.lab import running

Program = Callable[[str], str]
ATTACHED = bytes(range(256)) * 40
HEADER = b"From: a@lab.test\nDate: Fri, 2 Jan 2026 03:04:05 +0000\nMessage-ID: <1@lab.test>\nSubject: odd\n"
PLAIN = HEADER + b"\n.\n..x\nFrom me\n\ncaf\xe9\n"


class Mail(NamedTuple):
    """A lab: the ports of its servers on 127.0.0.1, and the CA to trust."""

    smtp: str
    lmtp: str
    pop3: str
    ca: str

    def waiting(self, user: str) -> list[bytes]:
        client = poplib.POP3("127.0.0.1", int(self.pop3))
        client.user(user)
        client.pass_("netkit")
        count, _ = client.stat()
        found = [b"\r\n".join([*client.retr(number)[1], b""]) for number in range(1, count + 1)]
        client.quit()
        return found


@pytest.fixture(scope="module")
def mail() -> Iterator[Mail]:
    with running(bind=["127.0.0.1"]) as lab:
        smtp, lmtp, pop3 = (
            lab.environment[f"NETKIT_LAB_{name}"].rpartition(":")[2] for name in ("SMTP", "LMTP", "POP3")
        )
        yield Mail(smtp, lmtp, pop3, lab.environment["NETKIT_LAB_CA"])


def run(*argv: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(argv, input=given, capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done


def parts(data: bytes) -> tuple[str, list[str], bytes]:
    """The subject, the lines of the text and the attachment."""
    parsed = BytesParser(policy=SMTP).parsebytes(data)
    text, attached = parsed.iter_parts()
    return parsed["Subject"], text.get_content().splitlines(), attached.get_content()


def test_swaks(program: Program, mail: Mail, tmp_path: Path) -> None:
    (tmp_path / "all-bytes").write_bytes(ATTACHED)
    done = run(
        program("swaks"), "--server", "127.0.0.1", "--port", mail.smtp, "--from", "a@lab.test", "--helo", "peer.test",
        "--to", "swaks@lab.test,two@lab.test", "--tls", "--tls-verify", "--tls-ca-path", mail.ca, "--pipeline",
        "--auth", "LOGIN", "--auth-user", "ann", "--auth-password", "netkit",
        "--header", "Subject: from swaks", "--body", ".\n..x", "--attach", str(tmp_path / "all-bytes"),
    )  # fmt: skip
    assert b"=== TLS started" in done.stdout
    (data,) = mail.waiting("swaks@lab.test")
    assert parts(data) == ("from swaks", [".", "..x"], ATTACHED)
    assert mail.waiting("two@lab.test") == [data]


@pytest.mark.parametrize("auth", ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256"])
def test_msmtp(program: Program, mail: Mail, auth: str) -> None:
    user = f"{auth}@lab.test"
    run(
        program("msmtp"), "--host=127.0.0.1", f"--port={mail.smtp}", "--tls=on", f"--tls-trust-file={mail.ca}",
        f"--auth={auth}", "--user=ann", "--passwordeval=echo netkit", "--from=a@lab.test", user, given=PLAIN,
    )  # fmt: skip
    assert mail.waiting(user) == [PLAIN.replace(b"\n", b"\r\n")]


def test_msmtp_speaks_lmtp(program: Program, mail: Mail) -> None:
    to = [f"lmtp{number}@lab.test" for number in range(3)]
    run(
        program("msmtp"), "--protocol=lmtp", "--host=127.0.0.1", f"--port={mail.lmtp}", "--from=a@lab.test", *to,
        given=PLAIN,
    )  # fmt: skip
    assert [mail.waiting(user) for user in to] == [[PLAIN.replace(b"\n", b"\r\n")]] * 3


def test_curl(program: Program, mail: Mail, tmp_path: Path) -> None:
    message = PLAIN.replace(b"\n", b"\r\n")
    (tmp_path / "mail").write_bytes(message)
    run(
        program("curl"), "-sS", "--ssl-reqd", "--cacert", mail.ca, f"smtp://127.0.0.1:{mail.smtp}/peer.test",
        "-u", "ann:netkit", "--mail-from", "a@lab.test", "--mail-rcpt", "curl@lab.test", "-T", str(tmp_path / "mail"),
    )  # fmt: skip
    assert mail.waiting("curl@lab.test") == [message]


def test_smtplib(mail: Mail) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@lab.test", "smtplib@lab.test", "grüße"
    message.set_content(".\n..x\n")
    message.add_attachment(ATTACHED, maintype="application", subtype="octet-stream", filename="all-bytes")
    with smtplib.SMTP("127.0.0.1", int(mail.smtp)) as client:
        client.starttls(context=ssl.create_default_context(cafile=mail.ca))
        client.login("ann", "netkit")
        assert client.send_message(message) == {}
    (data,) = mail.waiting("smtplib@lab.test")
    assert parts(data) == ("grüße", [".", "..x"], ATTACHED)
