"""`netkit chat serve --web` as people start it."""

import os
import signal
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Callable

import pytest

from netkit.chat.web import load
from netkit.cli.commands.chat.serve_options import origin
from netkit.cli.run import main
from netkit.errors import BadInput, LocalFailure
from tests.conftest import MS
from tests.warm import Process

Netkit = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tutorial", "--web", "0"], "--tutorial serves plain clients alone: leave --web out"),
        (["--web-origin", "https://x"], "--web-origin goes with --web"),
        (["--web", "0", "--web-origin", "chat.test"], "--web-origin chat.test: it is a scheme and a name"),
    ],
)
def test_what_does_not_go_together(options: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chat", "serve", "--port", "0", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://Chat.Test/", "https://chat.test"),
        ("https://chat.test:443", "https://chat.test"),
        ("http://chat.test:8080", "http://chat.test:8080"),
        ("http://[::1]:80", "http://[::1]"),
    ],
)
def test_an_origin_is_what_browsers_write(text: str, found: str) -> None:
    assert origin(text) == found


@pytest.mark.parametrize("text", ["chat.test", "ftp://x", "https://", "https://x/y", "https://a@x", "https://x:99999"])
def test_what_is_no_origin(text: str) -> None:
    with pytest.raises(BadInput, match=r"^--web-origin "):
        origin(text)


def test_without_websockets_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith(("netkit.chat.browser", "netkit.chat.websocket", "websockets")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(LocalFailure) as caught:
        load()
    assert (str(caught.value), caught.value.hint) == (
        "the page needs the package websockets", "pip install 'netkit-cli[chat]'",
    )  # fmt: skip


def test_the_page_of_a_process_over_tls() -> None:
    read, write = os.pipe()
    process = Process(
        *("chat", "serve", "--bind", "127.0.0.1", "--port", "0", "--web", "0", "--tls-self-signed"),
        *("--ready-fd", str(write)),
        pass_fds=[write], text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as ready:
        chat, page = ready.read().splitlines()
    name, url = page.split()
    assert (chat.partition(" ")[0], name, url[:18]) == ("tls", "web", "https://127.0.0.1:")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(url, context=context, timeout=30_000 * MS) as answer:
        assert "<title>netkit chat</title>" in answer.read().decode()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30_000 * MS)
    assert (process.returncode, err) == (0, "")
    assert out.splitlines()[1] == f"ChatServer started on {url}"
