"""The lab's mail pages in a real browser: a hostile message runs nothing, fetches nothing, and stays in its frame."""

import http.server
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from netkit.lab import Event, odd_messages, running
from netkit.mail.parts import parts, text
from netkit.mail.smtp.server import Envelope
from tests.conftest import MS

Dump = Callable[[str], str]
ONERROR = "onerror=\"this.outerHTML = 'an event ran'\""
HOSTILE = odd_messages.hostile_html("hostile-html")


@pytest.fixture
def dump(program: Callable[[str], str], tmp_path: Path) -> Dump:
    """The document at a URL as the browser has it after a second of its own time."""

    def run(url: str) -> str:
        done = subprocess.run(
            [
                *(program("chromium"), "--headless", "--no-sandbox", "--no-zygote", "--no-first-run", "--disable-gpu"),
                *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"),
                *(f"--user-data-dir={tmp_path}", "--virtual-time-budget=1000", "--dump-dom", url),
            ],
            capture_output=True,
            timeout=60_000 * MS,
            check=True,
        )
        return done.stdout.decode()

    return run


@contextmanager
def serving(page: bytes) -> Iterator[tuple[str, list[str]]]:
    """The page without any policy, and what it makes a browser ask for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page if self.path == "/" else b"")

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_without_a_policy_the_message_is_as_hostile_as_it_looks(dump: Dump) -> None:
    """Else the next test would show nothing."""
    (part, *_) = parts(HOSTILE).parts
    page = text(HOSTILE, part).encode()
    with serving(re.sub(rb'<meta http-equiv="refresh"[^>]*>|<base[^>]*>', b"", page)) as (url, asked):
        assert "the script ran" in dump(url)
    assert {"/hello?style", "/hello?import"} <= set(asked)


def test_the_lab_shows_it_and_nothing_happens(dump: Dump) -> None:
    events: list[Event] = []
    with running(bind=["127.0.0.1"], on_log=events.append) as lab:
        lab.store.deliver(Envelope("me", "a@x.test", ("b@y.test",), HOSTILE, None))
        lab.store.deliver(Envelope("me", "a@x.test", ("b@y.test",), odd_messages.hostile_text("hostile-text"), None))
        html, plain = (kept.id for kept in lab.store.mailbox("b@y.test"))
        url = lab.environment["NETKIT_LAB_HTTP"]
        outside = dump(f"{url}/mail/{html}")
        inside = dump(f"{url}/mail/{html}/html")
        escaped = dump(f"{url}/mail/{plain}")
        asked = [str(event.data.get("target")) for event in events if event.event == "request"]
    assert "<title>odd: hostile-html · netkit lab</title>" in outside
    assert f'<iframe sandbox="" src="/mail/{html}/html"' in outside
    assert "This text is shown." in inside
    assert "an event ran" not in inside.replace(ONERROR, "")
    assert "<title>odd: hostile-text · netkit lab</title>" in escaped
    assert "&lt;/iframe&gt;&lt;script&gt;document.title='taken'&lt;/script&gt;" in escaped
    assert "<script" not in outside + escaped
    pages = [f"/mail/{html}", "/mail/style.css", f"/mail/{html}/html", f"/mail/{plain}"]
    assert set(asked) - {"/favicon.ico"} == set(pages)
