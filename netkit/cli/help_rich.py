"""What a command's help on a terminal needs beyond Typer's own: text as it is, and what stands below and behind."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text


@contextmanager
def escaped(command: Any, ctx: Any) -> Iterator[None]:
    """While this holds, `[..]` in the help of a command and its parameters is no markup."""
    described = [command, *(param for param in command.get_params(ctx) if getattr(param, "help", None))]
    texts = [one.help for one in described]
    for one, text in zip(described, texts, strict=True):
        one.help = escape(text or "")
    try:
        yield
    finally:
        for one, text in zip(described, texts, strict=True):
            one.help = text


def write_behind(commands: Mapping[str, Any], examples: Sequence[str]) -> None:
    """The commands below this one, and the examples."""
    console = Console(markup=False, highlight=False, emoji=False)
    panels: dict[str, Table] = {}
    for name, command in commands.items():
        table = panels.setdefault(command.rich_help_panel, Table.grid(padding=(0, 2, 0, 0)))
        table.add_row(Text(name, "bold cyan"), Text(command.help or ""))
    for title, table in panels.items():
        console.print(_panel(title, table))
    if examples:
        console.print(_panel("Examples", Text("\n".join(examples))))


def _panel(title: str, content: RenderableType) -> Panel:
    return Panel(content, title=title, title_align="left", border_style="dim")
