"""`lab seed` and `lab wait` on a terminal: a line a message."""

from typing import TYPE_CHECKING

from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.lab.mail import Seen, texts

if TYPE_CHECKING:
    from netkit.lab.mail.seed import Seeded

STYLES = ("bright_black", "green", "cyan")


def render(result: "Seeded | Seen", *, quiet: bool = False) -> Text:
    *first, last = (visible(text) for text in texts(result))
    line = Text()
    for text, style in zip(first, STYLES, strict=False):
        line.append(f"{text or '<>'}  ", style)
    return line.append(last, "bold")
