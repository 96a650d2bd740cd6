"""The tour on a terminal: one panel a step."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.lab.tour import outcome, source
from netkit.lab.tour import Finished, LeftOut, Listed


def render(result: Finished | LeftOut | Listed, *, quiet: bool = False) -> RenderableType:
    if isinstance(result, Listed):
        line = Text(f"{result.step.name:<18}", "bold", no_wrap=True, overflow="ignore")
        line.append(f"{source(result.step):<19}", "dim")
        return line.append(visible(result.command), "cyan")
    parts: list[RenderableType] = [
        Text(f"{source(result.step)} of the tutorial", "dim"),
        Padding(Syntax(result.step.tutorial, "python", background_color="default", word_wrap=True), (0, 2)),
        Text.assemble(("$ ", "bold green"), (visible(result.command), "bold")),
    ]
    # The command printed for a terminal, and made harmless what came from a server: its colours are its own.
    printed = (result.stdout + result.stderr).rstrip("\n") if isinstance(result, Finished) else ""
    if printed:
        parts.append(Text.from_ansi(printed))
    if isinstance(result, LeftOut):
        parts.append(Text(outcome(result), "yellow"))
        return panel(parts, result.step.title, "yellow")
    parts.append(Text(outcome(result), "bold red" if result.failure else "dim" if result.exit == 0 else "yellow"))
    return panel(parts, result.step.title, "red" if result.failure else "blue")


def panel(parts: list[RenderableType], title: str, style: str) -> RenderableType:
    return Panel(
        Group(*parts),
        title=Text(title, overflow="ellipsis"),
        title_align="left",
        border_style=style,
        padding=(0, 1),
    )
