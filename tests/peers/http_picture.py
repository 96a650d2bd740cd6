"""README's picture of `http get`: `python -m tests.peers.http_picture` makes it anew, on a lab of its own."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).with_name("http_terminal.svg")
COLUMNS = 84
ASKED = (
    'exec "$0" -m netkit http get --color always --cacert "$NETKIT_LAB_CA" '
    '"$NETKIT_LAB_HTTP/redirect-to?url=$NETKIT_LAB_HTTPS/json" --expect-status 200 --slo total=1s'
)


def main() -> None:
    """On the lab's usual ports, which `unshare -n` has free."""
    netkit = [sys.executable, "-m", "netkit", "lab", "-q", "-b", "127.0.0.1", "-p", "http=8080", "-p", "https=8443"]
    done = subprocess.run(
        [*netkit, "--", "sh", "-c", ASKED, sys.executable],
        env={**os.environ, "COLUMNS": str(COLUMNS)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    console = Console(width=COLUMNS, record=True, file=io.StringIO())
    console.print(Text.from_ansi(done.stdout.rstrip()), soft_wrap=True)
    svg = console.export_svg(title="netkit http get")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)  # nothing from elsewhere
    PICTURE.write_text(svg)


if __name__ == "__main__":
    main()
