"""The lab's mail servers over real sockets, with the standard library's clients."""

import http.client
import json
import poplib
import re
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from netkit.errors import No, PeerError, Temporary, TimedOut, Unreachable
from netkit.lab import Lab, odd_messages, running
from netkit.lab.mail import faults, seed
from netkit.lab.mail.wait import wait
from netkit.mail.smtp.session import SCHEMES
from netkit.mail.target import Target, parse_target
from netkit.net.address import Endpoint
from netkit.net.deadline import Deadline


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


def smtp(lab: Lab) -> Target:
    return parse_target("{}:{}".format(*where(lab, "smtp")), SCHEMES)


def send(lab: Lab, to: str, *subjects: str) -> None:
    for subject in subjects:
        list(seed.seed(smtp(lab), to, iter([(subject, f"Subject: {subject}\r\n\r\n".encode())]), timeout=20))


def get(lab: Lab, target: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection(*where(lab, "http"), timeout=20)) as connection:
        connection.request("GET", target, headers=headers)
        response = connection.getresponse()
        return response, response.read()


def test_seeded_plain_and_odd_messages_arrive_byte_for_byte(lab: Lab) -> None:
    sent = list(seed.seed(smtp(lab), "plain@seed.test", seed.plain(3, "plain@seed.test"), timeout=20))
    assert [each.name for each in sent] == ["Message 1 of 3", "Message 2 of 3", "Message 3 of 3"]
    assert [data.count(b"plain@seed.test") for data in mailbox(lab, "plain@seed.test")] == [1, 1, 1]
    sent = list(seed.seed(smtp(lab), "odd@seed.test", seed.strange(), timeout=20))
    wanted = dict(seed.strange())
    assert [each.name for each in sent] == list(wanted)
    kept = [each.data for each in lab.store.open("odd@seed.test")]
    assert kept == list(wanted.values())
    assert {name for name, _ in odd_messages.messages()} < set(wanted)


def test_what_the_lab_does_not_take_is_told() -> None:
    rules = [faults.on("rcpt *@no", "550 5.1.1 no"), faults.on("rcpt *@later", "451 later")]
    with running(bind=["127.0.0.1"], faults=rules) as lab:
        for to, error in (("a@no", No), ("a@later", Temporary)):
            with pytest.raises(error, match="does not take the message 'Message 1 of 2' for a@"):
                list(seed.seed(smtp(lab), to, seed.plain(2, to), timeout=20))
        gone = smtp(lab)
    with pytest.raises(Unreachable):
        list(seed.seed(gone, "a@x", seed.plain(1, "a@x"), timeout=20))


def endpoint(lab: Lab) -> Endpoint:
    return lab.listening["http"][0].endpoint


def test_a_message_that_is_there_or_comes_is_waited_for(lab: Lab) -> None:
    send(lab, "ann@wait.test", "one", "two")
    found = wait(endpoint(lab), mailbox="Ann@wait.test", subject=re.compile("^t"), deadline=Deadline.after(20))
    assert (found["subject"], found["recipients"], found["size"]) == ("two", ["ann@wait.test"], 16)
    later = threading.Timer(0.05, send, [lab, "ann@wait.test", "three", "four"])
    later.start()
    found = wait(endpoint(lab), mailbox="ann@wait.test", subject=re.compile("four"), deadline=Deadline.after(20))
    assert found["subject"] == "four"
    later.join()
    found = wait(endpoint(lab), mailbox="*", subject=re.compile("^one$"), deadline=Deadline.after(20))
    assert found["recipients"] == ["ann@wait.test"]


def test_what_does_not_come_is_a_timeout_and_leaves_nobody_waiting(lab: Lab) -> None:
    with pytest.raises(TimedOut, match=r"^no message to bob@wait.test with 'x' in its subject within 0.05 s$"):
        wait(endpoint(lab), mailbox="bob@wait.test", subject=re.compile("x"), deadline=Deadline.after(0.05))
    with socket.create_server(("127.0.0.1", 0)) as fake:
        answer(fake, b"HTTP/1.1 404 Not Found\r\n\r\n")
        with pytest.raises(No, match="is 404"):
            wait(Endpoint("http", *fake.getsockname()), mailbox="*", subject=None, deadline=Deadline.after(20))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"SSH-2.0-x\r\n", "no HTTP server"),
        (b"HTTP/1.1 200 OK\r\n\r\n{\n", "not as a lab does"),
        (b"HTTP/1.1 200 OK\r\n\r\n[]\n", "not as a lab does"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000 + b"\n", "not as a lab does"),
        (b"HTTP/1.1 200 OK\r\n\r\n\n\n", "closed the connection"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 4_300_000, "longer than"),
    ],
)
def test_what_is_no_lab_is_told(said: bytes, reason: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as fake:
        answer(fake, said)
        with pytest.raises(PeerError, match=reason):
            wait(Endpoint("http", *fake.getsockname()), mailbox="*", subject=None, deadline=Deadline.after(20))


def answer(listener: socket.socket, said: bytes) -> None:
    """Say this to whoever comes, once, and hang up when they do or have read it."""

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            try:
                client.sendall(said)
                client.shutdown(socket.SHUT_WR)
                client.recv(1)
            except OSError:
                pass

    threading.Thread(target=serve, daemon=True).start()


def test_the_api_lists_mailboxes_and_messages() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        with smtplib.SMTP(*where(lab, "smtp"), timeout=20) as client:
            client.ehlo("me.test")
            client.mail("a@x.test", ["ENVID=e1", "RET=HDRS"])
            client.rcpt("b@y.test", ["NOTIFY=NEVER"])
            client.rcpt("C@y.test")
            client.data(
                b"Subject: =?utf-8?Q?caf=C3=A9?=\r\nFrom: A <a@x.test>\r\nDate: Fri, 02 Jan 2026 03:04:05 +0100\r\n"
                b"Message-ID: <i@x>\r\n\r\n"
            )
        send(lab, "b@y.test", "second")
        document = json.loads(get(lab, "/mail/api?mailbox=B%40y.test")[1])
        assert document["mailboxes"] == {"*": 2, "b@y.test": 2, "c@y.test": 1, "odd@lab.test": 67}
        assert [each["subject"] for each in document["messages"]] == ["second", "café"]
        assert document["more"] is False
        told = document["messages"][1]
        assert list(told) == [
            *("id", "time", "size", "sender", "recipients", "helo", "user", "body", "smtputf8", "ret", "envid"),
            *("notify", "subject", "date", "message_id", "from", "to", "cc"),
        ]
        assert told | {"id": "", "time": ""} == {
            "id": "",
            "time": "",
            "size": 112,
            "sender": "a@x.test",
            "recipients": ["b@y.test", "C@y.test"],
            "helo": "me.test",
            "user": None,
            "body": None,
            "smtputf8": False,
            "ret": "HDRS",
            "envid": "e1",
            "notify": [
                {"recipient": "b@y.test", "notify": ["NEVER"], "orcpt": None},
                {"recipient": "C@y.test", "notify": [], "orcpt": None},
            ],
            "subject": "café",
            "date": "2026-01-02T02:04:05Z",
            "message_id": "<i@x>",
            "from": [{"name": "A", "address": "a@x.test"}],
            "to": [],
            "cc": [],
        }
        newest = document["messages"][0]["id"]
        assert [each["id"] for each in json.loads(get(lab, f"/mail/api?before={newest}")[1])["messages"]] == [
            told["id"]
        ]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("[::1]:1", 200),
        ("mail.lab.test", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.com", 403),
    ],
)
def test_a_name_that_was_made_to_lead_here_sees_no_mail(lab: Lab, host: str, status: int) -> None:
    assert get(lab, "/mail/api", Host=host)[0].status == status
