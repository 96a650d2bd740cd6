"""The completion script for fish: one `complete` a word, each guarded by where on the command line it may stand."""

from collections.abc import Iterator, Sequence

from netkit.cli.completions.tree import PROGRAM, Command, Option, Takes, paths, places

SCRIPT = r"""# fish completion of @P@; made by python -m netkit.cli.completions

# Whether the words before the cursor lead to the command $argv[1]; behind `--` to "COMMAND --".
function __@P@_at
    set -l at @P@
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        if test "$word" = --
            set at "$at --"
            break
        end
        switch "$at:$word"
            case @VALUED@
                set skip 1
                continue
        end
        switch "$at $word"
            case @PATHS@
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end

# What completes the user's own command behind `--`.
function __@P@_command
    set -l words (commandline -opc)
    set -l own (contains -i -- -- $words)
    complete -C (string join ' ' -- (string escape -- $words[(math $own + 1)..]) (commandline -ct))
end

complete -c @P@ -f
@LINES@
"""


def script(commands: Sequence[Command]) -> str:
    """The text of completions/netkit.fish."""
    parts = {
        "P": PROGRAM,
        "VALUED": places(commands, "'").replace("|", " ") or "''",
        "PATHS": paths(commands, "'").replace("|", " ") or "''",
        "LINES": "\n".join(line for command in commands for line in _lines(command)),
    }
    text = SCRIPT
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _lines(command: Command) -> Iterator[str]:
    at = f"""complete -c {PROGRAM} -n '__{PROGRAM}_at "{command.path}"'"""
    for name, summary in command.children:
        yield f"{at} -a {name} -d {_quote(summary)}"
    for option in command.options:
        names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
        yield f"{at} {names}{_value(option)} -d {_quote(option.summary)}"
    if command.runs:
        yield f"""complete -c {PROGRAM} -n '__{PROGRAM}_at "{command.path} --"' -a '(__{PROGRAM}_command)'"""


def _value(option: Option) -> str:
    words = " ".join(option.choices)
    match option.takes:
        case Takes.NOTHING:
            return ""
        case Takes.FILE:
            return " -r -F"
        case Takes.DIRECTORY:
            return " -x -a '(__fish_complete_directories)'"
        case Takes.CHOICE:
            return f" -x -a '{words}'"
        case Takes.LIST:
            return f" -x -a '(__fish_append , {words})'"
        case Takes.ATTACHED:  # without -r or -x the value stands behind "=" only
            return f" -f -a '{words}'"
        case _:
            return " -x"


def _quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
