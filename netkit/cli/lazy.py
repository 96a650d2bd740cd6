"""A Typer group whose commands are imported only when one of them is to be run.

The keys of a table are command paths ("http get"); the entry of a leaf says where its function lives, what its
one-line help is and in which panel it stands. `--help`, "did you mean" and the completion generator read the table,
so a listing imports no command module; `resolve_command` alone imports one.

Help is Rich panels on a terminal of 80 columns or more. Elsewhere it is plain text in the same sections, and Rich
(90 ms) is not loaded.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Literal, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from netkit.cli.named import narrowed

UsageError: type[Any] = typer.BadParameter.__mro__[1]  # Click's, which Typer carries inside and does not export
COMMANDS = "netkit.cli.commands"
BEHIND = "netkit.behind"  # in the context's meta: the words behind `--`, None without it
ROOMY = 80  # columns in which panels cut no name
BELOW = "Commands"  # the panel of those of a group
CONTEXT = {"help_option_names": ["--help", "-h"], "max_content_width": 110}


class Entry(NamedTuple):
    summary: str
    panel: str
    target: str = ""  # "module:function" in netkit.cli.commands; empty for a group


def help_style() -> Literal["rich"] | None:
    """Panels, or None for plain text: in a pipe, and on a terminal where panels would cut the names of options."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # which Typer has loaded

    return "rich" if get_terminal_size().columns >= ROOMY else None


def write_sections(command: Any, ctx: Any, formatter: Any) -> None:
    """The parameters and subcommands in their panels, as plain sections."""
    sections: dict[str, list[tuple[str, str]]] = {}
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record:
            title = "Arguments" if param.param_type_name == "argument" else "Options"
            sections.setdefault(getattr(param, "rich_help_panel", None) or title, []).append(record)
    for name, sub in getattr(command, "commands", {}).items():
        sections.setdefault(sub.rich_help_panel, []).append((name, sub.help or ""))
    for title, rows in sections.items():
        with formatter.section(title):
            formatter.write_dl(rows)
    if examples := getattr(command, "examples", ()):
        with formatter.section("Examples"):  # never wrapped: they are there to be copied
            formatter.write("".join(f"{'':>{formatter.current_indent}}{line}\n" for line in examples))


def split_help(docstring: str) -> tuple[str, list[str]]:
    """The text, a paragraph a line since Rich would keep the source's line ends, and the lines that begin with `$ `."""
    paragraphs, examples = [], []
    for part in docstring.split("\n\n"):
        if part.lstrip().startswith("$ "):
            examples += [line.strip().removeprefix("$ ") for line in part.strip().splitlines()]
        else:
            paragraphs.append(" ".join(part.split()))
    return "\n\n".join(paragraphs), examples


class Leaf(TyperCommand):
    """below: the group of commands whose names may follow its own, in place of what it takes."""

    below: "LazyGroup | None" = None
    examples: Sequence[str] = ()

    @property
    def commands(self) -> Mapping[str, Any]:
        return self.below.commands if self.below else {}

    def real(self, name: str) -> Any:
        assert self.below
        return self.below.real(name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Keep what stands behind `--` where the command finds it: of the arguments nobody could say any more."""
        ctx.meta[BEHIND] = args[args.index("--") + 1 :] if "--" in args else None
        try:
            rest: list[str] = super().parse_args(ctx, args)
        except UsageError as exc:  # of an option without its value Click does not say whose it is
            exc.ctx = exc.ctx or ctx
            raise
        return rest

    def get_help_option(self, ctx: Any) -> Any:
        """In a panel of its own, behind the others: Typer would put it in front of them all."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.rich_help_panel = "Help"
        return option

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Typer reads help texts as Rich's markup, and knows no commands below a leaf, nor examples."""
        if self.rich_markup_mode is None:
            return super().format_help(ctx, formatter)
        from netkit.cli.help_rich import escaped, write_behind

        with escaped(self, ctx):
            super().format_help(ctx, formatter)
        write_behind(self.commands, self.examples)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_sections(self, ctx, formatter)


class LazyGroup(TyperGroup):
    """Lists what `table` has under `prefix`; `resolve_command` alone imports a command."""

    table: ClassVar[Mapping[str, Entry]] = {}

    def __init__(self, *, prefix: str = "", **attrs: Any) -> None:
        super().__init__(**{**attrs, "rich_markup_mode": help_style()})
        self.prefix = prefix
        for path, entry in self.table.items():
            parent, _, name = path.rpartition(" ")
            if parent == prefix:
                self.add_command(self._stub(path, name, entry))

    def _stub(self, path: str, name: str, entry: Entry) -> TyperCommand | TyperGroup:
        """What listings show: of a leaf no more than its name, summary and panel."""
        panel = BELOW if self.prefix else entry.panel
        listed: dict[str, Any] = {"name": name, "help": entry.summary, "rich_help_panel": panel}
        if entry.target:
            return TyperCommand(**listed)
        return self._group(path, **listed)

    def _group(self, path: str, **attrs: Any) -> "LazyGroup":
        return type(self)(prefix=path, no_args_is_help=True, context_settings=CONTEXT, **attrs)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        found = self.real(name, rest) if name and command else None
        if isinstance(found, Leaf) and rest and rest[0] in found.commands:
            found = found.below
        return name, found, rest

    def real(self, name: str, words: Sequence[str] | None = None) -> Any:
        """The command to run: a leaf is imported here, a group is what the listing holds.

        words: those behind its name, which are all that it has to understand; without them it has every option.
        """
        path = f"{self.prefix} {name}".strip()
        entry = self.table[path]
        if not entry.target:
            return self.commands[name]
        module, _, function = entry.target.partition(":")
        leaf = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=help_style())
        command = getattr(import_module(f"{COMMANDS}.{module}"), function)
        if words is not None:
            command = narrowed(command, words)
        text, examples = split_help(command.__doc__ or "")
        leaf.command(name, help=text, cls=Leaf, context_settings=CONTEXT)(command)
        made = get_command(leaf)
        assert isinstance(made, Leaf)
        made.examples = examples
        if any(other.startswith(f"{path} ") for other in self.table):
            made.below = self._group(path, name=name)
        return made

    def format_options(self, ctx: Any, formatter: Any) -> None:
        write_sections(self, ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Nothing: `format_options` wrote them, in their panels."""
