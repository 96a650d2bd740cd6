"""The lab's mail pages: everything that a message holds is text there, whatever it is; limits and policies hold."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import closing
from html.parser import HTMLParser
from typing import Any

import pytest

from netkit.lab import Lab, odd_messages, running
from netkit.lab.mail import page, seed
from netkit.lab.mail.page_text import disposition, escaped, file_name, size_text
from netkit.lab.mail.view import view
from netkit.mail.smtp.server import Envelope
from netkit.mail.smtp.server_parameters import MailParameters, RcptParameters


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(bind=["127.0.0.1"]) as lab:
        yield lab


def put(lab: Lab, data: bytes, *recipients: str, sender: str = "a@x.test", **options: Any) -> str:
    """The message's id."""
    envelope = Envelope("me", sender, recipients or ("b@y.test",), data, None)
    queued = lab.store.deliver(envelope._replace(**options))
    assert queued
    return queued


def get(lab: Lab, target: str) -> tuple[http.client.HTTPResponse, bytes]:
    endpoint = lab.listening["http"][0].endpoint
    with closing(http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=20)) as connection:
        connection.request("GET", target)
        response = connection.getresponse()
        return response, response.read()


class Tags(HTMLParser):
    """What a browser makes of a page: its tags with their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


OURS = {
    *("html", "meta", "title", "link", "header", "a", "span", "nav", "div", "main", "ul", "li", "bdi", "time", "p"),
    *("article", "h1", "h2", "dl", "dt", "dd", "pre", "iframe", "b", "br", "code"),
}
STRANGE = dict(seed.strange())


@pytest.mark.parametrize("name", STRANGE)
def test_no_message_brings_a_tag_or_an_attribute_of_its_own(lab: Lab, name: str) -> None:
    uidl = put(lab, STRANGE[name], "odd@page.test")
    for show in ("html", "text", "headers", "source"):
        response, body = get(lab, f"/mail/{uidl}?show={show}")
        assert (response.status, response.headers["Content-Security-Policy"]) == (200, page.PAGE_POLICY)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        for tag, attributes in Tags(body).found:
            assert tag in OURS
            assert not [each for each in attributes if each.startswith("on") or each == "style"]
            if tag == "iframe":
                assert attributes["sandbox"] in (None, "")
                assert attributes["src"] == f"/mail/{uidl}/html"
            assert attributes.get("href", "/") == "data:," or re.match(r"/mail\b", attributes.get("href") or "/mail")
        assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", body)
    document = json.loads(get(lab, f"/mail/api/{uidl}")[1])
    assert document["id"] == uidl
    for each in document["files"][:20]:
        response, _ = get(lab, each["url"])
        assert (response.status, response.headers["Content-Type"]) == (200, "application/octet-stream")
        assert response.headers["Content-Disposition"].startswith("attachment; filename=")
    assert get(lab, f"/mail/{uidl}/raw")[1] == STRANGE[name]
    assert get(lab, "/mail?mailbox=odd%40page.test")[0].status == 200


def test_the_html_of_a_message_may_nothing(lab: Lab) -> None:
    uidl = put(lab, STRANGE["hostile-html"])
    response, body = get(lab, f"/mail/{uidl}/html")
    assert response.headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'self'; sandbox"
    )
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert b"<not-shown-meta" in body
    assert b"<meta" not in body
    assert b'<img src="data:image/png;base64,iVBOR' in body
    assert get(lab, f"/mail/{put(lab, STRANGE['dots'])}/html")[0].status == 404


def test_pictures_inside_have_a_limit() -> None:
    picture = b"Content-Type: image/png\r\nContent-ID: <p>\r\n\r\n" + b"x" * (5 << 20)
    svg = b"Content-Type: image/svg+xml\r\nContent-ID: <s>\r\n\r\n<svg/>"
    html = b"Content-Type: text/html\r\n\r\n<img src=cid:p><img src='cid:p'><img src=cid:s><img src=cid:none>"
    data = b"Content-Type: multipart/related; boundary=b\r\n\r\n" + b"".join(
        b"--b\r\n%b\r\n" % each for each in (html, picture, svg)
    )
    shown = view(data).html or ""
    assert shown.count("data:image/png") == 1
    assert shown.endswith("<img src='cid:p'><img src=cid:s><img src=cid:none>")


def test_a_message_with_all_of_it(lab: Lab) -> None:
    data = (
        b"From: =?utf-8?Q?Ann_=3Cb=3E?= <ann@x.test>\r\nTo: b@y.test, Bob <c@y.test>\r\nCc: Team: d@y.test;\r\n"
        b"Subject: =?utf-8?Q?caf=C3=A9?= <i>\r\nDate: Fri, 02 Jan 2026 03:04:05 +0100\r\n"
        b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nHello <b>you</b>\r\n--m\r\n"
        b"Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\n--m--\r\n"
    )
    asked, asked_for = MailParameters(None, "8BITMIME", True, "FULL", "e<1>"), (RcptParameters(("NEVER",), None),)
    uidl = put(lab, data, sender="", user="u<1>", asked=asked, asked_for=asked_for)
    shown = Tags(get(lab, f"/mail/{uidl}")[1]).text
    for text in (
        *("café <i>", "Ann <b> <ann@x.test>", "b@y.test, Bob <c@y.test>", "d@y.test", "2026-01-02 02:04:05 UTC"),
        *("from <>", "to b@y.test", "as u<1>", "RET FULL", "ENVID e<1>", "BODY 8BITMIME", "NOTIFY NEVER", "SMTPUTF8"),
        *("Hello <b>you</b>", "a.pdf", "application/pdf"),
    ):
        assert text in shown
    response, body = get(lab, f"/mail/{uidl}/part/2")
    assert (response.headers["Content-Disposition"], body) == (
        "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf",
        b"hi",
    )
    told = json.loads(get(lab, f"/mail/api/{uidl}")[1])
    assert told["text"] == "Hello <b>you</b>"
    assert (told["html"], told["cut"]) == (None, False)
    assert told["files"] == [
        {"number": 2, "name": "a.pdf", "kind": "application/pdf", "size": 3, "url": f"/mail/{uidl}/part/2"}
    ]
    assert told["headers"][3] == ["Subject", "café <i>"]


@pytest.mark.parametrize(
    "target",
    ["/mail/nosuch", "/mail/lab99999999", "/mail/lab00000001/html", "/mail/lab00000001/part/2",
     "/mail/lab00000001/part/x", "/mail/lab00000001/part/0", "/mail/..%2f..", "/mail/api/nosuch", "/mail/nosuch/raw"],
)  # fmt: skip
def test_what_is_not_there(lab: Lab, target: str) -> None:
    response, _ = get(lab, target)
    assert response.status in (400, 404)
    assert response.headers["Content-Type"].startswith("text/plain")


def test_mailboxes_and_pages_of_the_list() -> None:
    with running(bind=["127.0.0.1"]) as lab:
        body = get(lab, "/mail/")[1]
        assert "No mail yet" in Tags(body).text
        ids = [put(lab, b"Subject: n\r\n\r\n", f"<&'{n % 2}\"@y") for n in range(501)]
        tags = Tags(get(lab, "/mail")[1])
        links = [attributes["href"] for tag, attributes in tags.found if tag == "a"]
        assert [link for link in links if link and link.startswith("/mail/lab")] == [f"/mail/{id}" for id in ids[:0:-1]]
        assert f"/mail?mailbox=%2A&before={ids[1]}" in links
        last = Tags(get(lab, f"/mail?mailbox=%2A&before={ids[1]}")[1])
        assert [attrs["href"] for tag, attrs in last.found if tag == "a" and f"/mail/{ids[0]}" == attrs["href"]]
        (box,) = [link for link in links if link and "0%22" in link]
        assert "<&'0\"@y" in tags.text
        shown = Tags(get(lab, box or "")[1])
        assert (
            len([tag for tag, attrs in shown.found if tag == "a" and str(attrs["href"]).startswith("/mail/lab")]) == 251
        )
        assert b'http-equiv="refresh"' in get(lab, "/mail?live=1")[1]
        assert b"refresh" not in get(lab, "/mail")[1]
        assert get(lab, "/mail/style.css")[0].headers["Content-Type"] == "text/css; charset=utf-8"


NAMES = {
    "../../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "..": "part-1.bin",
    "": "part-1.bin",
    " .bashrc": "bashrc",
    "\u202egpj.exe": "gpj.exe",
    "café\r\nSet-Cookie: a=b.txt": "caféSet-Cookie_ a=b.txt",
    "nul\x00.txt": "_nul.txt",
    "con": "_con",
    "COM1.txt": "_COM1.txt",
    'a"b<c>|d?*.txt': "a_b_c__d__.txt",
    "x" * 400 + ".txt": "x" * 96 + ".txt",
    "x" * 400: "x" * 100,
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_files(name: str) -> None:
    assert file_name(name, "application/octet-stream", 1) == NAMES[name]


def test_names_in_a_header_end_no_line_and_no_quote() -> None:
    assert file_name("", "text/html", 3) == "part-3.html"
    assert (
        disposition('é"\\\r\n;.txt')
        == "attachment; filename=\"_____;.txt\"; filename*=UTF-8''%C3%A9%22%5C%0D%0A%3B.txt"
    )


def test_text_for_html() -> None:
    assert (
        escaped('<a href="\'">&\x1b\x00\n\t\x9b\u202e\x7f')
        == "&lt;a href=&quot;&#x27;&quot;&gt;&amp;\\x1b\\x00\n\t\\x9b\\u202e\\x7f"
    )
    assert [size_text(each) for each in (0, 1023, 1024, 1 << 20)] == ["0 B", "1023 B", "1.0 kB", "1.0 MB"]


def test_a_long_source_is_cut(lab: Lab) -> None:
    uidl = put(lab, b"Subject: x\r\n\r\n" + b"y" * page.MAX_SOURCE)
    assert b"Download has all" in get(lab, f"/mail/{uidl}?show=source")[1]
    many = put(lab, odd_messages.many_parts("many"))
    body = get(lab, f"/mail/{many}")[1]
    assert b"more parts than are shown" in body
    assert body.count(b'<li><a href="/mail/') == page.MAX_FILES
