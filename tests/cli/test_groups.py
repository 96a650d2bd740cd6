"""Groups of options: a command takes one value, Typer and the help see every option of it."""

from typing import Annotated, Any, NamedTuple

import pytest
import typer
from typer.main import get_command

from netkit.cli.groups import NONE, grouped
from netkit.cli.options import option


class Inner(NamedTuple):
    tries: Annotated[int, option("--tries", min=1, help="So often.", panel="Query")] = 3


class Group(NamedTuple):
    types: Annotated[list[str], option("--type", "-t", help="Types.", panel="Query")] = NONE
    inner: Inner = Inner()
    tcp: Annotated[bool, option("--tcp", help="TCP.", panel="Query")] = False


@grouped
def command(
    group: Group, name: Annotated[str, typer.Argument()], short: Annotated[bool, option("--short", help="S")] = False
) -> tuple[Group, str, bool]:
    """Says what it was given."""
    return group, name, short


def made() -> Any:
    app = typer.Typer(add_completion=False)
    app.command()(command)
    return get_command(app)


def run(*argv: str) -> Any:
    made_command = made()
    with made_command.make_context("command", list(argv)) as ctx:
        return made_command.invoke(ctx)


def test_the_command_takes_one_value() -> None:
    expected = Group(["A", "MX"], Inner(5), True)
    assert run("-t", "A", "-t", "MX", "--tries", "5", "--tcp", "--short", "host") == (expected, "host", True)


def test_what_is_not_given_is_the_fields_default() -> None:
    assert run("host") == (Group([], Inner(3), False), "host", False)


def test_typer_sees_every_option_in_its_place() -> None:
    assert [param.name for param in made().params] == ["types", "tries", "tcp", "name", "short"]
    assert [getattr(param, "rich_help_panel", None) for param in made().params] == ["Query"] * 3 + [None] * 2


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(Exception, match="0 is not in the range x>=1"):
        run("--tries", "0", "host")


def test_an_option_in_two_groups_is_a_mistake_of_the_program() -> None:
    def twice(group: Group, inner: Inner) -> None: ...

    with pytest.raises(TypeError, match="twice: more than one of its groups has tries"):
        grouped(twice)
