"""What a completion script has to know, read from the command tree: commands, options, and what an option takes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from netkit.cli.completions.files import FILES
from netkit.cli.output.names.tsv import FIELDS
from netkit.cli.trace import FORMS
from netkit.dns.result import Outcome
from netkit.dns.types import CLASSES, FREQUENT
from netkit.lab.steps import STEPS

PROGRAM = "netkit"


class Takes(Enum):
    NOTHING = auto()  # a flag
    FREE = auto()  # a value that nothing can be offered for
    FILE = auto()
    DIRECTORY = auto()
    CHOICE = auto()  # one of `choices`
    LIST = auto()  # several of `choices`, commas between
    ATTACHED = auto()  # one of `choices` behind "=", or no value at all


# What cannot be seen from an option's type: by command path and option, or by option where it is the same everywhere.
HINTS: dict[str, tuple[Takes, Sequence[str]]] = {
    "netkit resolve --type": (Takes.LIST, tuple(FREQUENT)),
    "netkit resolve --class": (Takes.CHOICE, tuple(CLASSES)),
    "netkit resolve --fields": (Takes.LIST, FIELDS),
    "netkit resolve --only": (Takes.LIST, ("no", *Outcome)),
    "netkit resolve --except": (Takes.LIST, ("no", *Outcome)),
    "netkit resolve --fail-on": (Takes.LIST, ("failed", "no", "never", *Outcome)),
    "netkit tour --step": (Takes.CHOICE, tuple(step.name for step in STEPS)),
    "netkit --show-completion": (Takes.ATTACHED, tuple(FILES)),
    "netkit --install-completion": (Takes.ATTACHED, tuple(FILES)),
    "--trace": (Takes.ATTACHED, FORMS),
}
PLAIN = re.compile(r"[\w.+-]+")  # a word that no shell reads in a way of its own


@dataclass(frozen=True, slots=True)
class Option:
    names: tuple[str, ...]
    summary: str
    takes: Takes = Takes.NOTHING
    choices: tuple[str, ...] = ()
    value: str = "value"  # what the help calls it
    repeatable: bool = False

    @property
    def skips(self) -> bool:
        """Whether the word behind it is its value, and never a command."""
        return self.takes not in (Takes.NOTHING, Takes.ATTACHED)


@dataclass(frozen=True, slots=True)
class Command:
    """path: "netkit http get". children: names and summaries. runs: whether a command of the user's follows `--`."""

    path: str
    options: tuple[Option, ...]
    children: tuple[tuple[str, str], ...] = ()
    runs: bool = False


def read() -> list[Command]:
    """Every command of netkit, parents first; this imports all command modules."""
    from typer.main import get_command

    from netkit.cli.app import build

    return list(walk(get_command(build())))


def walk(command: Any, path: str = PROGRAM) -> Iterator[Command]:
    """The command and all below it. Raises ValueError for a word that would need quoting in a shell."""
    names = list(getattr(command, "commands", ()))
    children = tuple((name, one_line(command.commands[name].help)) for name in names)
    options = tuple(_options(command, path))
    runs = any(param.param_type_name == "argument" and "--" in (param.metavar or "") for param in command.params)
    for word in [*names, *(word for option in options for word in (*option.names, *option.choices))]:
        if not PLAIN.fullmatch(word):
            raise ValueError(f"{path}: {word!r} has characters that shells treat in ways of their own")
    yield Command(path, options, children, runs)
    for name in names:
        yield from walk(command.real(name), f"{path} {name}")


def _options(command: Any, path: str) -> Iterator[Option]:
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            takes, choices = _takes(param, path)
            names = (*param.opts, *param.secondary_opts)
            value = (param.metavar or "value").strip("[]")
            yield Option(names, one_line(param.help), takes, tuple(choices), value, param.multiple or param.count)
    yield Option(("--help", "-h"), "Show this message and exit.")


def _takes(param: Any, path: str) -> tuple[Takes, Sequence[str]]:
    for name in param.opts:
        if hint := HINTS.get(f"{path} {name}") or HINTS.get(name):
            return hint
    if param.is_flag or param.count:
        return Takes.NOTHING, ()
    if choices := getattr(param.type, "choices", None):
        return Takes.CHOICE, [str(getattr(choice, "value", choice)) for choice in choices]
    called = set((param.metavar or "").split("|"))
    if called & {"DIR", "DIRECTORY"}:
        return Takes.DIRECTORY, ()
    if called & {"FILE", "PATH"} or getattr(param.type, "name", "") in ("path", "filename"):
        return Takes.FILE, ()
    return Takes.FREE, ()


def one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def places(commands: Sequence[Command], quote: str) -> str:
    """`"path:--option"` of every option whose value is the next word, as alternatives of a `case`."""
    found = [f"{c.path}:{name}" for c in commands for option in c.options if option.skips for name in option.names]
    return "|".join(f"{quote}{place}{quote}" for place in found)


def paths(commands: Sequence[Command], quote: str) -> str:
    """The path of every command but the root, as alternatives of a `case`."""
    return "|".join(f"{quote}{command.path}{quote}" for command in commands if command.path != PROGRAM)
