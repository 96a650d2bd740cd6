"""`chat join` with a terminal for its output alone: the lines in colour."""

from rich.console import RenderableType
from rich.text import Text

from netkit.cli.output.chat.join import Shown
from netkit.cli.output.chat.line import styled


def render(shown: Shown, *, quiet: bool = False) -> RenderableType:
    line = Text.from_ansi(styled(shown.one, clock=shown.clock))
    line.overflow = "fold"
    return line
