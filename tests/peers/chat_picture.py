"""README's picture of the chat's page: `python -m tests.peers.chat_picture` makes it anew, by a Chromium."""

import shutil
import tempfile
from pathlib import Path

from tests.chat.web_server import chatting, until
from tests.peers.devtools import chromium

PICTURE = Path(__file__).with_name("chat_page.png")
TALK = (
    ("ann", "Is the printer on the third floor back?"),
    ("carl", "Not yet. The new toner comes at 10."),
    ("bob", "I'll look at it then"),
    ("ann", "Thank you, bob \U0001f600"),
    ("dora", "nc and a browser in one room: שלום"),
    ("bob", "/me fetches coffee"),
    ("carl", "<img src=x onerror=alert(1)>   # text is text"),
)


def main() -> None:
    path = shutil.which("chromium")
    assert path is not None, "chromium is needed: tests/peers/install"
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        chatting() as chat,
        chat.nc("ann") as ann,
        chat.nc("carl") as carl,
        chat.nc("dora") as dora,
        chromium(path, Path(folder), "--lang=en-GB", "--font-render-hinting=none") as browser,
    ):
        tab = browser.tab()
        tab.size(760, 590, scale=1)
        tab.open(f"http://127.0.0.1:{chat.web_port}/")
        tab.wait("document.getElementById('state').dataset.state === 'open'")
        tab.get("document.getElementById('text').focus()")
        tab.type("/nick bob")
        tab.enter()
        tab.wait("document.getElementById('my-name').textContent === 'bob'")
        for client in (ann, carl, dora):
            until(client, b"is now bob\r\n")
        tab.get("document.getElementById('log').replaceChildren()")
        for name, line in TALK:
            if name == "bob":
                tab.type(line)
                tab.enter()
            else:
                {"ann": ann, "carl": carl, "dora": dora}[name].sendall(line.encode() + b"\n")
            last = line.removeprefix("/me ")
            tab.wait(f"document.getElementById('log').innerText.includes({last.strip()[:12]!r})")
        tab.picture(PICTURE)


if __name__ == "__main__":
    main()
