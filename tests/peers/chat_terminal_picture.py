"""README's picture of `chat join`: `python -m tests.peers.chat_terminal_picture` makes it anew, by tmux."""

import io
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("chat_terminal.svg")
COLUMNS, ROWS = 80, 14


def screen(port: int) -> str:
    """What bob sees while two others speak and he types."""
    join = f"{sys.executable} -m netkit chat join 127.0.0.1:{port} --nick bob --time"
    tmux = ["tmux", "-L", f"netkit-{port}"]
    subprocess.run([*tmux, "new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), join], check=True)
    try:
        wait(tmux, "you are bob")
        with (
            socket.create_connection(("127.0.0.1", port)) as ann,
            socket.create_connection(("127.0.0.1", port)) as carl,
        ):
            ann.sendall(b"/nick ann\nIs the printer on the third floor back?\n")
            wait(tmux, "third floor")
            carl.sendall(
                b"/nick carl\nNot yet, bob. The new toner comes at 10.\n\x1b[2JESC is text\n/me fetches coffee\n"
            )
            wait(tmux, "coffee")
            subprocess.run([*tmux, "send-keys", "I'll look at it th"], check=True)
            wait(tmux, "at it th")
            return subprocess.run(
                [*tmux, "capture-pane", "-e", "-p"], check=True, capture_output=True, text=True
            ).stdout
    finally:
        subprocess.run([*tmux, "kill-server"], check=False)


def wait(tmux: list[str], text: str) -> None:
    for _ in range(200):
        if text in subprocess.run([*tmux, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout:
            return
        time.sleep(0.05)
    raise SystemExit(f"the screen never showed {text!r}")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready")
        argv = [sys.executable, "-m", "netkit", "chat", "serve", "--bind", "127.0.0.1", "-p", "0", "-q"]
        with subprocess.Popen([*argv, "--ready-file", str(ready)]) as server:
            try:
                while not ready.exists():
                    time.sleep(0.05)
                shown = screen(int(ready.read_text().split()[1].rpartition(":")[2]))
            finally:
                server.terminate()
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    console.print(Text.from_ansi(shown.rstrip()))
    svg = console.export_svg(title="netkit chat join")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing from elsewhere
    PICTURE.write_text(svg)


if __name__ == "__main__":
    main()
