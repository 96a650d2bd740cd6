"""The options that commands share, each defined once, and the parsers and types of durations, sizes, rates and shares.

Every leaf takes `json`, `color`, `quiet` and `trace` (tests/cli/test_tree.py checks it) and builds an `Output` and a
trace listener from them.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

OUTPUT, TIME, TLS = "Output", "Time", "TLS"

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
THOUSANDS = {"": 1, "k": 10**3, "m": 10**6}
MULTIPLES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}


def split_number(text: str) -> tuple[float, str]:
    """A number and the unit behind it. Raises ValueError, nan and inf included."""
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if not digits or not digits.isascii() or digits.strip() != digits or "_" in digits or digits[0] in "+-":
        raise ValueError(text)
    return float(digits), text[len(digits) :].lower()


def parse_duration(text: str | float) -> float:
    """Seconds of `500ms`, `2s`, `1m`, `1h`; a bare number is seconds. Raises BadParameter; zero is refused.

    A number is an option's default, which Typer hands to the parser as well.
    """
    if not isinstance(text, str):
        return text
    try:
        number, unit = split_number(text)
        seconds = number * UNITS[unit or "s"]
    except (ValueError, KeyError):
        raise typer.BadParameter(f"{text[:40]!r} is not a duration: write 500ms, 2s or 1m") from None
    if not 0 < seconds <= 1e9:
        raise typer.BadParameter(f"{text[:40]!r}: a duration is more than zero and less than 32 years")
    return seconds


def parse_size(text: str | int) -> int:
    """Bytes of `64K`, `1M`, `2G` (1024-based) or a bare number. Raises BadParameter."""
    if not isinstance(text, str):
        return text
    try:
        number, unit = split_number(text)
        size = number * MULTIPLES[unit.removesuffix("ib").removesuffix("b")]
    except (ValueError, KeyError):
        raise typer.BadParameter(f"{text[:40]!r} is not a size: write 4096, 64K or 1M") from None
    if not size < 2**63:  # what a file's size can be; infinity and nan fall here as well
        raise typer.BadParameter(f"{text[:40]!r} is too large")
    if size != int(size):
        raise typer.BadParameter(f"{text!r} is not a whole number of bytes")
    return int(size)


def parse_rate(text: str | float) -> float:
    """Times per second of `10/s`, `600/m`, `5/500ms`, `20k/s` (1000-based); a bare number is per second.

    Raises BadParameter.
    """
    if not isinstance(text, str):
        return text
    count, slash, span = text.partition("/")
    try:
        number, unit = split_number(count)
        every = parse_duration(span if span[:1].isdecimal() else f"1{span}") if span else 1
        rate = number * THOUSANDS[unit] / every
        if slash and not span:
            raise ValueError(text)
    except (ValueError, KeyError, typer.BadParameter):
        raise typer.BadParameter(f"{text[:40]!r} is not a rate: write 10/s or 600/m") from None
    if not 0 < rate <= 1e9:
        raise typer.BadParameter(f"{text[:40]!r}: a rate is more than zero and at most 1e9/s")
    return rate


def parse_share(text: str | float) -> float:
    """A probability or share, 0 to 1, of `5%`, `0.1%` or `0.05`. Raises BadParameter."""
    if not isinstance(text, str):
        return text
    digits = text.removesuffix("%")
    try:
        number, unit = split_number(digits)
        share = number / 100 if digits != text else number
        if unit or not 0 <= share <= 1:
            raise ValueError
    except ValueError:
        raise typer.BadParameter(f"{text[:40]!r} is not a share: write 5% or 0.05, at most 100%") from None
    return share


class Color(StrEnum):
    auto = "auto"
    always = "always"
    never = "never"


Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines, one object per result.", rich_help_panel=OUTPUT)]
ColorOption = Annotated[
    Color,
    typer.Option("--color", help="Colour: on a terminal, always, or never (also NO_COLOR).", rich_help_panel=OUTPUT),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print results and errors alone.", rich_help_panel=OUTPUT)]
Trace = Annotated[
    str,
    typer.Option(
        "--trace",
        metavar="[text|json|hex]",
        envvar="NETKIT_TRACE",
        show_envvar=True,
        show_default=False,
        help="Show every socket-level step on stderr: --trace, --trace=json or --trace=hex.",
        rich_help_panel=OUTPUT,
    ),
]


def option(*names: str, help: str, panel: str | None = None, default: str | None = None, **more: Any) -> Any:
    """An option's type. default: what the help says of it, where that is not the value itself."""
    if default is not None:
        more["show_default"] = default
    return typer.Option(*names, help=help, rich_help_panel=panel, **more)


def duration(*names: str, **more: Any) -> Any:
    return option(*names, parser=parse_duration, metavar="DURATION", **more)


def size(*names: str, **more: Any) -> Any:
    return option(*names, parser=parse_size, metavar="SIZE", **more)


def rate(*names: str, **more: Any) -> Any:
    return option(*names, parser=parse_rate, metavar="RATE", **more)


def share(*names: str, **more: Any) -> Any:
    return option(*names, parser=parse_share, metavar="SHARE", **more)


def timeout(seconds: str) -> Any:
    """The type of a `--timeout` whose default is `seconds`, as text for the help."""
    return duration("--timeout", help="Give up after this long, all told.", panel=TIME, default=seconds)


def trusting(panel: str) -> Any:
    return option("--cacert", metavar="FILE", help="Trust these certificates (PEM).", panel=panel)


def unverified(panel: str) -> Any:
    return option("--insecure", help="Do not verify certificates.", panel=panel)


def of_version(number: int, panel: str) -> Any:
    """The type of `-4` and of `-6`."""
    return option(f"-{number}", help=f"IPv{number} addresses alone.", panel=panel)


Cacert = Annotated[Path | None, trusting(TLS)]
Insecure = Annotated[bool, unverified(TLS)]


def family_of(four: bool, six: bool) -> int:
    """The address family that -4 and -6 leave. Raises BadInput."""
    import socket  # not what every command needs

    from netkit.errors import BadInput

    if four and six:
        raise BadInput("-4 and -6 exclude each other")
    return socket.AF_INET if four else socket.AF_INET6 if six else socket.AF_UNSPEC
