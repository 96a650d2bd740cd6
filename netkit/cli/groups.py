"""Options that come in groups: a class of Annotated fields, of which a command takes one value.

    class Retrying(Group):
        tries: Annotated[int, option("--tries", min=1, help="Ask so often.", panel=QUERY)] = 3
        ...

    @grouped
    def resolve(names: Annotated[...], *, retrying: Retrying, json: Json = False) -> Exit: ...

Typer reads a command's signature, and has no word for a group; so `grouped` gives it one in which each group is
replaced by its fields, in place and in their order, and makes the value from what Typer hands in. A group may hold
others, and add to what it inherits. Their defaults are the fields' defaults, also where one calls the command and not
Typer; the group's own parameter has none. The completions and the help read what Typer made, and see options alone.

A class of its own, since a NamedTuple takes ten times as long to define as a plain class, and a dataclass thirty.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import cache, cached_property, update_wrapper
from typing import Any, Generic, Self, TypeVar, dataclass_transform

Result = TypeVar("Result")
KEYWORD_ONLY = inspect.Parameter.KEYWORD_ONLY
NONE: list[str] = []  # the default of a list: what Typer hands in is a new one
TAKEN_OVER = ("__module__", "__name__", "__qualname__", "__doc__")


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Group:
    """A field that is not given is its default, which is the class's attribute."""

    def __init__(self, **given: Any) -> None:
        self.__dict__.update(given)

    def __eq__(self, other: object) -> bool:
        kind: Any = self.__class__
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in fields(kind))

    def replaced(self, **given: Any) -> Self:
        """The same with these fields."""
        return type(self)(**self.__dict__ | given)

    @property
    def changed(self) -> list[str]:
        """The fields that are not as they are by default; for a group that holds no other."""
        kind: Any = type(self)
        return [name for name in fields(kind) if getattr(self, name) != getattr(kind, name)]


class grouped(Generic[Result]):
    """The command as Typer is to see it; made when it looks, which of a module's commands it does at one alone.

    Looking raises TypeError when an option would be there twice.
    """

    def __init__(self, command: Callable[..., Result]) -> None:
        self._command = command
        update_wrapper(self, command, assigned=TAKEN_OVER)

    def __call__(self, **named: Any) -> Result:
        given = {one.name: one.default for one in self._seen} | named
        return self._command(**{one.name: _taken(one.name, one.annotation, given) for one in self._own})

    @cached_property
    def _own(self) -> Sequence[inspect.Parameter]:
        return list(inspect.signature(self._command, eval_str=True).parameters.values())

    @cached_property
    def _seen(self) -> Sequence[inspect.Parameter]:
        seen = [one for parameter in self._own for one in _expanded(parameter)]
        names = [one.name for one in seen]
        if len(set(names)) < len(names):
            twice = {name for name in names if names.count(name) > 1}
            raise TypeError(f"{self._command.__name__}: more than one of its groups has {', '.join(sorted(twice))}")
        return seen

    @cached_property
    def __signature__(self) -> inspect.Signature:
        return inspect.Signature(self._seen)

    @property
    def __annotations__(self) -> dict[str, Any]:  # type: ignore[override]
        return {one.name: one.annotation for one in self._seen}


def is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Group)


def _expanded(parameter: inspect.Parameter) -> Sequence[inspect.Parameter]:
    """By keyword alone, which Typer uses and which lets an argument without default stand behind a group."""
    if is_group(parameter.annotation):
        return _options(parameter.annotation)
    return [parameter if parameter.kind is KEYWORD_ONLY else parameter.replace(kind=KEYWORD_ONLY)]


@cache
def _options(group: Any) -> Sequence[inspect.Parameter]:
    """Of a group and those in it; made once, for several commands of a module may have it."""
    found: list[inspect.Parameter] = []
    for name, hint in fields(group).items():
        if is_group(hint):
            found += _options(hint)
        else:
            default = getattr(group, name, inspect.Parameter.empty)
            found.append(inspect.Parameter(name, KEYWORD_ONLY, default=default, annotation=hint))
    return found


@cache
def fields(group: Any) -> dict[str, Any]:
    """The types of a group's fields by their names, those that are inherited first."""
    found: dict[str, Any] = {}
    for each in reversed(group.__mro__):
        found |= vars(each).get("__annotations__", {})
    return found


def _taken(name: str, annotation: Any, given: dict[str, Any]) -> Any:
    if not is_group(annotation):
        return given[name]
    return annotation(**{field: _taken(field, hint, given) for field, hint in fields(annotation).items()})
