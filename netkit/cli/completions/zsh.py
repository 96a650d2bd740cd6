"""The completion script for zsh: it finds the command, then hands its options to `_arguments` with descriptions."""

from collections.abc import Iterator, Sequence

from netkit.cli.completions.tree import PROGRAM, Command, Option, Takes, paths, places

SCRIPT = r"""#compdef @P@
# zsh completion of @P@; made by python -m netkit.cli.completions
_@P@() {
    local at=@P@
    local -a names
    integer i depth=0
    for ((i = 2; i < CURRENT; i++)); do
        if [[ $words[i] == -- ]]; then
            case $at in
            @RUNS@)
                shift $i words
                ((CURRENT -= i))
                _normal
                return
                ;;
            esac
            break
        fi
        case "$at:$words[i]" in
        @VALUED@) ((i++)); continue ;;
        esac
        case "$at $words[i]" in
        @PATHS@) at+=" $words[i]"; ((depth = i - 1)) ;;
        esac
    done
    shift $depth words
    ((CURRENT -= depth))
    case $at in
@CASES@
    esac
}
if [ "$funcstack[1]" = "_@P@" ]; then _@P@ "$@"; else compdef _@P@ @P@; fi
"""


def script(commands: Sequence[Command]) -> str:
    """The text of completions/_netkit."""
    parts = {
        "P": PROGRAM,
        "VALUED": places(commands, "'") or "''",
        "PATHS": paths(commands, "'") or "''",
        "RUNS": "|".join(f"'{command.path}'" for command in commands if command.runs) or "''",
        "CASES": "\n".join(_case(command) for command in commands),
    }
    text = SCRIPT
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _case(command: Command) -> str:
    specs = [spec for option in command.options for spec in _specs(option)]
    listed = " ".join(_quote(f"{name}:{_escape(summary, ':')}") for name, summary in command.children)
    specs.append("'1: :_describe -t commands command names'" if command.children else "'*: :( )'")
    arguments = "".join(f" \\\n            {spec}" for spec in specs)
    return f"    '{command.path}')\n        names=({listed})\n        _arguments -s -S{arguments}\n        ;;"


def _specs(option: Option) -> Iterator[str]:
    """One spec of `_arguments` a name; an option that may stand once excludes its other names."""
    before = "*" if option.repeatable else f"({' '.join(option.names)})"
    summary = _escape(option.summary, "[]")
    for name in option.names:
        # `--name=` takes its value as the next word too, `-n+` in the same word too, `--name=-` behind "=" alone.
        mark = "=" if name.startswith("--") else "+"
        match option.takes:
            case Takes.NOTHING:
                mark = ""
            case Takes.ATTACHED:
                mark = "=-"
            case _:
                pass
        yield _quote(f"{before}{name}{mark}[{summary}]{_value(option)}")


def _value(option: Option) -> str:
    words, called = " ".join(option.choices), _escape(option.value, ":")
    match option.takes:
        case Takes.NOTHING:
            return ""
        case Takes.FILE:
            return f":{called}:_files"
        case Takes.DIRECTORY:
            return f":{called}:_files -/"
        case Takes.CHOICE:
            return f":{called}:({words})"
        case Takes.LIST:
            return f":{called}:_values -s , {called} {words}"
        case Takes.ATTACHED:
            return f"::{called}:({words})"
        case _:
            return f":{called}: "


def _escape(text: str, special: str) -> str:
    for char in "\\" + special:
        text = text.replace(char, f"\\{char}")
    return text


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
