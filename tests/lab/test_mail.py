"""The lab's mail servers over real sockets, with the standard library's clients."""

import poplib
import smtplib
from collections.abc import Iterator

import pytest

from netkit.lab import Lab, running


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(bind=["127.0.0.1"]) as lab:
        yield lab


def where(lab: Lab, name: str) -> tuple[str, int]:
    endpoint = lab.listening[name][0].endpoint
    return endpoint.host, endpoint.port


def mailbox(lab: Lab, user: str) -> list[bytes]:
    """Every message of a mailbox."""
    client = poplib.POP3(*where(lab, "pop3"), timeout=20)
    client.user(user)
    client.pass_("any")
    messages = [b"".join(line + b"\r\n" for line in client.retr(n + 1)[1]) for n in range(client.stat()[0])]
    client.quit()
    return messages


def test_lmtp_says_for_each_recipient_what_became_of_it(lab: Lab) -> None:
    with smtplib.LMTP(*where(lab, "lmtp"), timeout=20) as client:
        assert client.docmd("EHLO me")[0] == 500
        client.ehlo_or_helo_if_needed()
        assert client.has_extn("pipelining")
        assert client.mail("a@lab.test")[0] == 250
        assert [client.rcpt(name)[0] for name in ("one@lmtp.test", "two@lmtp.test")] == [250, 250]
        code, _ = client.data(b"Subject: x\r\n\r\ny\r\n")
        assert (code, client.getreply()[0]) == (250, 250)
    assert mailbox(lab, "one@lmtp.test") == mailbox(lab, "two@lmtp.test") == [b"Subject: x\r\n\r\ny\r\n"]
