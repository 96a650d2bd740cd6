"""A command made for its words behaves as the whole one does."""

import inspect
import shlex
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import pytest
import typer
from typer.main import get_command

from netkit.cli.app import Commands
from netkit.cli.commands.http import fetch
from netkit.cli.lazy import split_help
from netkit.cli.named import narrowed

LEAVES = [path for path, entry in Commands.table.items() if entry.target]
ENVIRONMENT = ["trace"]  # what may come from there is always looked at


def kept(line: str) -> list[str]:
    return list(inspect.signature(narrowed(fetch.get, line.split())).parameters)


EVERY = list(inspect.signature(fetch.get).parameters)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("URL", ["urls", *ENVIRONMENT]),
        ("URL -q", ["urls", "quiet", *ENVIRONMENT]),
        ("URL -qk", ["urls", "insecure", "quiet", *ENVIRONMENT]),
        ("-ufred URL", ["urls", "auth", *ENVIRONMENT]),  # r, e, d are no letters, or the value's
        ("URL --max-body=1M -", ["urls", "max_body", *ENVIRONMENT]),
        ("--header X:1 -- --json", ["urls", "header", "json", *ENVIRONMENT]),
    ],
)
def test_what_is_named_is_there(line: str, names: list[str]) -> None:
    assert set(names) <= set(kept(line))
    assert kept(line) == [name for name in EVERY if name in kept(line)]
    assert len(kept(line)) < 8


@pytest.mark.parametrize(
    "line", ["--help", "URL -h", "URL --nosuch", "URL --head X:1", "URL -hq", "URL -Z", "--header -1 URL"]
)
def test_where_in_doubt_all_of_them_are(line: str) -> None:
    assert kept(line) == EVERY


def handed_in(command: Callable[..., Any], words: list[str], narrow: bool) -> Any:
    """What the function gets when Typer runs it on these words."""
    seen: list[dict[str, Any]] = []

    @wraps(command)
    def recorder(**given: Any) -> None:
        seen.append({name: value for name, value in given.items() if name != "ctx"})

    recorder.__signature__ = inspect.signature(command)  # type: ignore[attr-defined]
    app = typer.Typer(add_completion=False)
    app.command()(narrowed(recorder, words) if narrow else recorder)
    made = get_command(app)
    with made.make_context("x", list(words)) as ctx:
        made.invoke(ctx)
    return seen[0]


@pytest.mark.parametrize("path", LEAVES)
def test_the_function_gets_the_same(path: str) -> None:
    """Of every example: the defaults that are left out are what Typer would make of them."""
    module, _, function = Commands.table[path].target.partition(":")
    command = getattr(import_module(f"netkit.cli.commands.{module}"), function)
    _, examples = split_help(command.__doc__ or "")
    assert examples
    for line in examples:
        words = shlex.split(line)[1 + len(path.split()) :]
        assert handed_in(command, words, narrow=True) == handed_in(command, words, narrow=False)
