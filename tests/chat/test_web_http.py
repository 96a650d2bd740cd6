import socket

import pytest

from netkit.chat.web_http import FILES, Refusal, Site, content, host_of

SITE = Site("http", names=["Chat.Test"], origins=["https://chat.example"])


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:8080", "127.0.0.1"),
        ("LOCALHOST", "localhost"),
        ("localhost.:80", "localhost"),
        ("[::1]:8080", "::1"),
        ("[::1]", "::1"),
        ("[::1", ""),
        ("[::1]x", ""),
        ("a:b", ""),
        ("a:8:8", ""),
        ("a:", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_of(header) == name


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:1", "[::1]:1", "192.0.2.7", "localhost:1", "a.localhost", "chat.test", "chat.example:1",
     socket.gethostname()],
)  # fmt: skip
def test_names_of_this_server(host: str) -> None:
    assert SITE.refusal([host], None) is None


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "localhost.evil.test", "chat.test.evil", "1.2.3"])
def test_a_name_that_somebody_else_may_have_pointed_here_is_refused(host: str) -> None:
    found = SITE.refusal([host], None)
    assert found is not None
    assert found[:2] == (403, "host")


@pytest.mark.parametrize("hosts", [[], ["a", "a"], [""]])
def test_one_host_is_needed(hosts: list[str]) -> None:
    assert SITE.refusal(hosts, None) == Refusal(400, "protocol", "one Host is needed")


@pytest.mark.parametrize("origin", ["http://localhost:8080", "HTTP://LOCALHOST:8080", "https://chat.example"])
def test_the_own_page_may_come_in_and_a_program(origin: str) -> None:
    assert SITE.refusal(["localhost:8080"], [origin]) is None
    assert SITE.refusal(["localhost:8080"], []) is None


@pytest.mark.parametrize(
    "origins",
    [
        ["http://evil.test"],
        ["https://localhost:8080"],
        ["http://localhost"],
        ["http://localhost:8081"],
        ["null"],
        [""],
        ["http://localhost:8080", "http://localhost:8080"],
        ["http://localhost:8080.evil.test"],
        ["https://chat.example.evil.test"],
        ["https://chat.example/"],
    ],
)
def test_a_page_of_another_site_may_not(origins: list[str]) -> None:
    found = SITE.refusal(["localhost:8080"], origins)
    assert found == Refusal(403, "origin", "a page of another site may not come in")


def test_every_file_is_there_with_its_type_and_the_policy() -> None:
    for path, (name, kind) in FILES.items():
        head, _, body = SITE.page("GET", f"{path}?x").partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        assert lines[0] == "HTTP/1.1 200 OK"
        assert f"Content-Type: {kind}" in lines
        assert body == content(name)
        assert f"Content-Length: {len(body)}" in lines
        assert "X-Content-Type-Options: nosniff" in lines
        (policy,) = (line for line in lines if line.startswith("Content-Security-Policy: "))
        rules = policy.partition(": ")[2].split("; ")
        assert rules[0] == "default-src 'none'"
        assert {"connect-src 'self'", "frame-ancestors 'none'", "script-src 'self'", "style-src 'self'"} <= set(rules)
        assert "unsafe" not in policy
        assert SITE.page("HEAD", path) == head + b"\r\n\r\n"


def test_nothing_else_is() -> None:
    for target in ("/nosuch", "/../../chat/web.py", "/page/chat.js", "//chat.js", "http://x/", "/chat.js/", "*"):
        assert SITE.page("GET", target).startswith(b"HTTP/1.1 404 Not Found\r\n")
    for method in ("POST", "PUT", "DELETE", "TRACE", "get"):
        answer = SITE.page(method, "/")
        assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")
        assert b"\r\nAllow: GET, HEAD\r\n" in answer


def test_the_page_has_nothing_inline_and_nothing_from_elsewhere() -> None:
    page = content("index.html").decode()
    assert page.count("<script") == page.count('<script type="module" src="chat.js"></script>') == 1
    assert "<style" not in page
    assert "style=" not in page
    assert " on" not in page.replace(" on a", "")
    for name in ("index.html", "chat.css", "chat.js", "link.js", "view.js"):
        text = content(name).decode()
        assert "//cdn" not in text
        assert "http://" not in text
        assert "https://" not in text
        assert not any(
            word in text for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(")
        )
