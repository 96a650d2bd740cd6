"""Groups of options: a command takes one value, Typer and the help see every option of it."""

import inspect
from typing import Annotated, Any

import pytest
import typer
from typer.main import get_command

from netkit.cli.groups import NONE, Group, grouped
from netkit.cli.options import option


class Inner(Group):
    tries: Annotated[int, option("--tries", min=1, help="So often.", panel="Query")] = 3


class Query(Group):
    types: Annotated[list[str], option("--type", "-t", help="Types.", panel="Query")] = NONE
    inner: Inner
    tcp: Annotated[bool, option("--tcp", help="TCP.", panel="Query")] = False


@grouped
def command(
    group: Query, name: Annotated[str, typer.Argument()], short: Annotated[bool, option("--short", help="S")] = False
) -> tuple[Query, str, bool]:
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
    expected = Query(types=["A", "MX"], inner=Inner(tries=5), tcp=True)
    assert run("-t", "A", "-t", "MX", "--tries", "5", "--tcp", "--short", "host") == (expected, "host", True)


def test_what_is_not_given_is_the_fields_default() -> None:
    assert run("host") == (Query(types=[], inner=Inner(tries=3), tcp=False), "host", False)


def test_a_call_without_typer_has_the_defaults_too() -> None:
    assert command(name="host", tries=5) == (Query(types=[], inner=Inner(tries=5), tcp=False), "host", False)


def test_groups_that_commands_share_have_each_the_whole_of_it() -> None:
    @grouped
    def other(inner: Inner, last: Annotated[bool, option("--last", help="L")] = False) -> Inner:
        return inner

    assert list(inspect.signature(other).parameters) == ["tries", "last"]
    assert other(tries=7) == Inner(tries=7)
    assert run("--tries", "5", "host")[0].inner == Inner(tries=5)


def test_a_group_that_adds_to_another_has_its_options_in_their_places() -> None:
    class Own(Query):
        tcp: Annotated[bool, option("--tcp", help="TCP alone.")] = True
        last: Annotated[bool, option("--last", help="L")] = False

    @grouped
    def other(own: Own) -> Own:
        return own

    assert list(inspect.signature(other).parameters) == ["types", "tries", "tcp", "last"]
    assert other() == Own(types=[], inner=Inner(tries=3), tcp=True, last=False)


def test_two_groups_are_the_same_where_kind_and_fields_are() -> None:
    assert Inner(tries=3) == Inner()
    assert Inner(tries=3) != Inner(tries=4)

    class Other(Inner): ...

    assert Other() != Inner()


def test_typer_sees_every_option_in_its_place() -> None:
    assert [param.name for param in made().params] == ["types", "tries", "tcp", "name", "short"]
    assert [getattr(param, "rich_help_panel", None) for param in made().params] == ["Query"] * 3 + [None] * 2


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(Exception, match="0 is not in the range x>=1"):
        run("--tries", "0", "host")


def test_an_option_in_two_groups_is_a_mistake_of_the_program() -> None:
    def twice(group: Query, inner: Inner) -> None: ...

    with pytest.raises(TypeError, match="twice: more than one of its groups has tries"):
        inspect.signature(grouped(twice))
