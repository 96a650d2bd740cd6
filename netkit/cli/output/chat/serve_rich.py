"""`chat serve` on a terminal: the conversation, names in colour, the server's own doings dim."""

from rich.console import RenderableType
from rich.text import Text

from netkit.chat.event import Event
from netkit.cli.output.chat.serve import SHOWN, text
from netkit.cli.output.escape import visible

NAMES = ("green", "cyan", "magenta", "yellow", "blue", "bright_green", "bright_cyan", "bright_magenta")


def render(event: Event, *, quiet: bool = False) -> RenderableType | None:
    if event.event not in SHOWN:
        return None
    line = Text(overflow="fold")
    line.append(event.time.astimezone().strftime("%H:%M:%S "), "dim")
    shown = visible(text(event))
    if event.event == "listening":
        return line.append(shown, "bold green")
    if event.event != "say":
        return line.append(shown, "yellow" if event.event in ("drop", "limit", "refused", "kick") else "dim")
    if event.reason not in ("say", "me"):
        return line.append(shown, "dim")
    name = f"[{visible(event.name)}]"
    line.append(name, f"bold {NAMES[sum(event.name.encode()) % len(NAMES)]}")
    return line.append(shown.removeprefix(name))
