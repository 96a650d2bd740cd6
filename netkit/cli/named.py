"""A command with those of its options alone that its words can mean: what is not named is its default.

Typer and Click make every option anew at each start, 45 microseconds each and as much again to parse; `http get` has
70, and people write three. Where the words hold one that no option has, or ask for help, the command stays as it is,
so that what is said about it knows all of them.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

HELP = {"--help", "-h"}


def narrowed(command: Callable[..., Any], words: Sequence[str]) -> Callable[..., Any]:
    """The command for these words; itself when they may mean anything."""
    parameters = inspect.signature(command, eval_str=True).parameters
    owners: dict[str, str] = {}
    kept: set[str] = set()
    for name, parameter in parameters.items():
        names = _names(parameter)
        if not names:
            kept.add(name)  # an argument, or what the environment may give
        owners |= dict.fromkeys(names, name)
    for word in words:
        if not word.startswith("-") or word in ("-", "--"):
            continue
        meant = [word.partition("=")[0]] if word.startswith("--") else [f"-{letter}" for letter in word[1:]]
        if meant[0] not in owners or HELP.intersection(meant):
            return command
        kept.update(owners[one] for one in meant if one in owners)  # of -ufred also -e, should there be one
    if len(kept) == len(parameters):
        return command
    defaults = {name: parameter.default for name, parameter in parameters.items() if name not in kept}

    @wraps(command)
    def called(**given: Any) -> Any:
        return command(**defaults, **given)

    shown = [parameters[name] for name in parameters if name in kept]
    called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in shown]
    )
    called.__annotations__ = {one.name: one.annotation for one in shown}
    return called


def _names(parameter: inspect.Parameter) -> list[str]:
    """Of an option that can be left out; none of what has to be there."""
    for info in getattr(parameter.annotation, "__metadata__", ()):
        first = getattr(info, "default", None)  # where Typer keeps the first name, when it is Annotated
        declared = [first, *(info.param_decls or ())] if isinstance(first, str) else []
        if not declared or parameter.default is inspect.Parameter.empty or info.envvar is not None or info.is_eager:
            return []
        return [name for names in declared for name in names.split("/")]
    return []
