"""Where results go: JSON Lines, plain text, or Rich on a terminal; decided once, when a command starts.

A command family has a view module `netkit.cli.output.<family>` with

    document(result) -> dict     the JSON object: all keys, always; bytes and datetimes are converted here
    documents(result) -> Iterable[dict]    instead, where one result is several objects
    plain(result) -> Iterable[str]    lines for a pipe: uncut, no colour, exact content

and `netkit.cli.output.<family>_rich`, imported for a terminal alone, with

    render(result, *, quiet) -> RenderableType | None

What stays in place below the results while a command goes on is in `<family>_live`; it imports the two, they not it.

How a command uses it:

    out = Output("names.resolve", json=json, color=color, quiet=quiet)
    for result in operation(..., on_event=listener(trace)):
        out.show(result)
    return combine(...)
"""

import os
import sys
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from netkit.cli.options import Color
from netkit.cli.output.escape import visible_json
from netkit.cli.output.say import NOTE, say
from netkit.cli.output.stdout import told_json
from netkit.errors import NetkitError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from rich.console import Console, RenderableType


class Form(Enum):
    HUMAN = "human"
    PLAIN = "plain"
    JSON = "json"


def fail(exc: NetkitError) -> None:
    """The error that ends a command, for a reader of JSON: time and error alone, behind what was shown before it."""
    sys.stdout.write(encode({"time": now(), "error": failure(exc)}) + "\n")


class Output:
    """Shows results in the form that was asked for; each `show` is flushed."""

    def __init__(self, family: str, *, json: bool = False, color: Color = Color.auto, quiet: bool = False) -> None:
        self.family = family
        self.quiet = quiet
        self.color = color
        told_json(json)
        if json:
            self.form = Form.JSON
        elif color is Color.always or sys.stdout.isatty():
            self.form = Form.HUMAN
        else:
            self.form = Form.PLAIN
        self._views = import_module(f"netkit.cli.output.{family}")
        self._console: Console | None = None
        self.print_above: Callable[[RenderableType], None] | None = None  # set while a live display is below

    def show(self, result: Any) -> None:
        """Write one result."""
        if self.form is Form.JSON:
            documents = getattr(self._views, "documents", None)
            for document in documents(result) if documents else [self._views.document(result)]:
                sys.stdout.write(encode(document) + "\n")
        elif self.form is Form.PLAIN:
            sys.stdout.writelines(f"{line}\n" for line in self._views.plain(result))
        else:
            renderable = import_module(f"netkit.cli.output.{self.family}_rich").render(result, quiet=self.quiet)
            if renderable is not None and self.print_above:
                self.print_above(renderable)
            elif renderable is not None:
                # Rich forgets how a Text of its own is to be cut; a command to be copied is the terminal's to wrap.
                no_wrap, overflow = getattr(renderable, "no_wrap", None), getattr(renderable, "overflow", None)
                self.console.print(renderable, no_wrap=no_wrap, overflow=overflow, crop=False)
        sys.stdout.flush()

    def note(self, line: str, hint: str | None = None) -> None:
        """A diagnostic on standard error, silent with --quiet."""
        if not self.quiet:
            say(line, hint, mark=NOTE)

    def error(self, exc: NetkitError) -> None:
        """One target's failure while others go on; never silent."""
        say(f"netkit: {exc.message}", exc.hint)

    @property
    def console(self) -> "Console":
        """The Rich console on standard output; markup, emoji codes and highlighting of data are off."""
        if self._console is None:
            self._console = make_console(sys.stdout, self.color)
        return self._console


def make_console(stream: Any, color: Color) -> "Console":
    """A Rich console for a stream (42 ms of CPU to import, so for terminals alone)."""
    from rich.console import Console

    forced = True if color is Color.always else None
    plain = color is Color.never or (color is Color.auto and bool(os.environ.get("NO_COLOR")))
    return Console(
        file=stream, force_terminal=forced, no_color=plain, markup=False, emoji=False, highlight=False, soft_wrap=False
    )


def encode(document: dict[str, Any]) -> str:
    """One line of JSON: readable where text is harmless, escaped where a terminal would act on it or UTF-8 lacks it."""
    import json

    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"  # as every JSON text is (RFC 8259, 8.1)
    return visible_json(json.dumps(document, ensure_ascii=not utf8, allow_nan=False))


def rfc3339(moment: "datetime") -> str:
    """A UTC moment as JSON and plain lines have it: 2026-01-02T03:04:05.678Z."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def now() -> str:
    """The time that a result is shown."""
    from datetime import UTC, datetime

    return rfc3339(datetime.now(UTC))


def exact(data: bytes) -> str | dict[str, str]:
    """Bytes for JSON: text when they are UTF-8, else {"base64": ...}."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        from base64 import b64encode

        return {"base64": b64encode(data).decode("ascii")}


def failure(exc: NetkitError | None) -> dict[str, str | None] | None:
    """The `error` object of a JSON document."""
    return None if exc is None else {"kind": exc.kind, "message": exc.message, "hint": exc.hint}
