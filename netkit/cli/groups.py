"""Options that come in groups: a NamedTuple of Annotated fields, which a command takes as one value.

    class Retrying(NamedTuple):
        tries: Annotated[int, option("--tries", min=1, help="Ask so often.", panel=QUERY)] = 3
        ...

    @grouped
    def resolve(names: Annotated[...], retrying: Retrying, json: Json = False) -> Exit: ...

Typer reads a command's signature, and has no word for a group; so `grouped` gives it one in which each group is
replaced by its fields, in place and in their order, and makes the value from what Typer hands in. A group may hold
others. Their defaults are the fields' defaults; the group's own parameter has none. The completions and the help read
what Typer made, and see options alone. A NamedTuple, since a dataclass takes three times as long to define.
"""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, TypeVar, get_type_hints

Result = TypeVar("Result")
NONE: list[str] = []  # the default of a list: what Typer hands in is a new one


def grouped(command: Callable[..., Result]) -> Callable[..., Result]:
    """The command as Typer is to see it. Raises TypeError when an option would be there twice."""
    own = inspect.signature(command, eval_str=True).parameters
    seen = [one for parameter in own.values() for one in _expanded(parameter)]
    names = [one.name for one in seen]
    if twice := {name for name in names if names.count(name) > 1}:
        raise TypeError(f"{command.__name__}: more than one of its groups has {', '.join(sorted(twice))}")

    @wraps(command)
    def called(**given: Any) -> Result:
        return command(**{name: _taken(name, parameter.annotation, given) for name, parameter in own.items()})

    called.__signature__ = inspect.Signature(seen)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in seen}
    return called


def is_group(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, tuple) and hasattr(annotation, "_field_defaults")


def _expanded(parameter: inspect.Parameter) -> Iterator[inspect.Parameter]:
    """By keyword alone, which Typer uses and which lets an argument without default stand behind a group."""
    group = parameter.annotation
    if not is_group(group):
        yield parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        return
    for name, hint in get_type_hints(group, include_extras=True).items():
        default = group._field_defaults.get(name, inspect.Parameter.empty)
        yield from _expanded(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint))


def _taken(name: str, annotation: Any, given: dict[str, Any]) -> Any:
    if not is_group(annotation):
        return given[name]
    hints = get_type_hints(annotation, include_extras=True)
    return annotation(**{field: _taken(field, hint, given) for field, hint in hints.items()})
