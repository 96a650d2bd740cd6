"""Runs the command line: every error becomes one or two lines on standard error and an exit code.

A command module raises `NetkitError`, returns an `Exit` (or None for 0), and never prints an error or exits itself.
This is also the one place for Ctrl-C, a closed standard output and a bug's traceback.
"""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import typer

from netkit.cli.output.escape import visible
from netkit.cli.output.say import say, told_color
from netkit.cli.output.stdout import UNWRITABLE, ReaderGone, Unread, install, reads_json, told_json
from netkit.errors import BadInput, Exit, NetkitError

RANGE = re.compile(r"is not in the range (?:(?P<least>[\d.]+)<=x<=(?P<most>[\d.]+)|x>=(?P<only>[\d.]+))")
NEAR = re.compile(r" (?:Did you mean|\(Possible options:) (.+?)[?)]*$")  # what Click ends a message with
ISSUES = "the project's issue tracker"


def main(argv: Sequence[str]) -> int:
    """Run `netkit ARGV...` in this process; the exit code."""
    arguments = with_values(argv)
    options = arguments[: arguments.index("--") if "--" in arguments else None]
    told_json("--json" in options)
    told_color(options)
    install()
    try:
        code = invoke(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt as exc:
        discard_stdout()  # its reader may be what was waited for
        for note in getattr(exc, "__notes__", ()):  # what is left of it, and how to go on
            say("netkit: interrupted", note)
        code = Exit.INTERRUPTED
    except Unread as exc:
        code = 128 + exc.number
    except ReaderGone:
        return closed()
    except NetkitError as exc:
        report(exc)
        if exc.kind != UNWRITABLE:
            return finish(exc.exit, exc)
        discard_stdout()
        code = exc.exit
    except Exception as exc:
        if not interrupted(exc):
            return bug(exc, arguments)
        discard_stdout()
        code = Exit.INTERRUPTED
    return finish(code)


def interrupted(exc: BaseException | None) -> bool:
    """Whether it came up while a Ctrl-C unwound the program, which may stop in the middle of a clean-up."""
    while exc is not None:
        if isinstance(exc, KeyboardInterrupt):
            return True
        exc = exc.__context__
    return False


def invoke(arguments: Sequence[str]) -> int:
    from typer.main import get_command

    from netkit.cli.app import build
    from netkit.cli.lazy import UsageError

    try:
        with get_command(build()).make_context("netkit", list(arguments)) as ctx:
            result = ctx.command.invoke(ctx)
    except typer.Exit as exc:
        return exc.exit_code
    except typer.Abort:
        return Exit.INTERRUPTED
    except UsageError as exc:
        return usage(exc)
    return int(result or 0)


def _outside(found: re.Match[str]) -> str:
    least, most = found["least"] or found["only"], found["most"]
    return f"is outside {least} to {most}" if most else f"is less than {least}"


# Options whose value may be left out; Typer has none such, so the value is put in before it looks.
OPTIONAL_VALUES = {"--trace": "text", "--show-completion": "auto", "--install-completion": "auto"}
SHELLS = (["bash"], ["zsh"], ["fish"])


def with_values(argv: Sequence[str]) -> list[str]:
    """`--trace` alone means `--trace=text`; `--show-completion` takes the shell as `=bash` or as the next word."""
    end = argv.index("--") if "--" in argv else len(argv)
    words = []
    for at, word in enumerate(argv[:end]):
        followed = word.endswith("-completion") and argv[at + 1 : at + 2] in SHELLS
        words.append(f"{word}={OPTIONAL_VALUES[word]}" if word in OPTIONAL_VALUES and not followed else word)
    return words + list(argv[end:])


def usage(exc: Any) -> int:
    """Two lines in place of Typer's box: what is wrong, where to look. Bare groups show their help."""
    message = exc.format_message().strip()
    if type(exc).__name__ == "NoArgsIsHelpError":
        if message:
            print(message)
        return Exit.USAGE
    path = exc.ctx.command_path if exc.ctx else "netkit"
    message = RANGE.sub(_outside, message)
    near = NEAR.search(message)
    message = NEAR.sub("", message)
    message = (
        message.removesuffix(".")
        .replace("a valid int range", "a whole number")
        .replace("a valid int", "a whole number")
    )
    hint = f"did you mean {near[1]}?" if near else f"{path} --help lists what it takes"
    if path in ("netkit http get", "netkit http head") and (option := getattr(exc, "option_name", None)):
        from netkit.cli.commands.http.curl_words import meant

        if known := meant(option):
            message, hint = f"no such option: {option}", known
    error = BadInput(message[:1].lower() + message[1:], hint=hint)
    say(f"{path}: {error.message}", hint)
    return finish(error.exit, error)


def report(exc: NetkitError) -> None:
    say(f"netkit: {exc.message}", exc.hint)


def bug(exc: BaseException, arguments: Sequence[str]) -> int:
    traced = os.environ.get("NETKIT_TRACE", "") not in ("", "0")
    if traced or any(word.startswith("--trace=") for word in arguments):
        import traceback

        with suppress(OSError, ValueError):  # its message may quote a peer, and standard error may be closed
            sys.stderr.write(visible("".join(traceback.format_exception(exc)), lines=True))
    where = f"--trace shows where; please report it at {ISSUES}, with netkit --versions"
    say(f"netkit: bug: {type(exc).__name__}: {exc}", where)
    return finish(Exit.BUG)


def finish(code: int, error: NetkitError | None = None) -> int:
    """Write what is left; error: what ended the command, which a reader of JSON is told as well."""
    try:
        if error and reads_json():
            from netkit.cli.output.sink import fail

            fail(error)
        sys.stdout.flush()
    except ReaderGone:
        return closed()
    except NetkitError as exc:
        report(exc)
        discard_stdout()
        return exc.exit
    return int(code)


def closed() -> int:
    """The reader of standard output went away: end quietly, like a program that SIGPIPE ended."""
    discard_stdout()
    return Exit.CLOSED


def discard_stdout() -> None:
    """Point standard output at the null device, so that the interpreter's last flush finds no closed pipe."""
    with suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)
