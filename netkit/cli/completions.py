"""Completion scripts for bash, zsh and fish, written from the command tree: every word stands in them, a TAB starts
no Python.

    python -m netkit.cli.completions --write   write completions/netkit.bash, _netkit and netkit.fish
    python -m netkit.cli.completions --check   end with 1 if one of them is not what would be written

`netkit --show-completion` and `--install-completion` hand out these files. No library does it: those there are know
argparse or an older Click, and would import every command to find its options.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netkit.dns.types import FREQUENT
from netkit.errors import BadInput, LocalFailure

PROGRAM = "netkit"
FILES = {"bash": "netkit.bash", "zsh": "_netkit", "fish": "netkit.fish"}
CHECKOUT = Path(__file__).resolve().parents[2] / "completions"
INSTALLED = Path(__file__).resolve().parent / "scripts"
# What an option may be given where its type does not say: the values of --trace need its "=".
VALUES = {"--type": " ".join(FREQUENT)}
ATTACHED = {"--trace": "text json hex"}


@dataclass(frozen=True, slots=True)
class Option:
    """takes: "" for a flag, "any" for a free value, "file", "directory", or the choices with blanks between."""

    names: tuple[str, ...]
    summary: str
    takes: str = ""
    attached: str = ""  # choices of a value that only follows "="


@dataclass(frozen=True, slots=True)
class Command:
    """path: "netkit http get". runs: whether a command of the user's follows `--`."""

    path: str
    options: tuple[Option, ...]
    children: tuple[tuple[str, str], ...]
    runs: bool = False


def tree() -> list[Command]:
    """Every command of the tree, parents first; this imports all command modules."""
    from typer.main import get_command

    from netkit.cli.app import build

    return list(_walk(get_command(build()), PROGRAM))


def _walk(command: Any, path: str) -> Iterator[Command]:
    names = list(getattr(command, "commands", ()))
    children = tuple((name, command.commands[name].help or "") for name in names)
    runs = any(param.param_type_name == "argument" and "--" in (param.metavar or "") for param in command.params)
    yield Command(path, tuple(_options(command)), children, runs)
    for name in names:
        yield from _walk(command.real(name), f"{path} {name}")


def _options(command: Any) -> Iterator[Option]:
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            names = (*param.opts, *param.secondary_opts)
            yield Option(names, _first_sentence(param.help or ""), _takes(param), ATTACHED.get(param.opts[0], ""))
    yield Option(("--help", "-h"), "Show this message and exit.")


def _first_sentence(text: str) -> str:
    return " ".join(text.split())


def _takes(param: Any) -> str:
    if param.is_flag or param.opts[0] in ATTACHED:
        return ""
    if choices := getattr(param.type, "choices", None):
        return " ".join(getattr(choice, "value", choice) for choice in choices)
    if param.opts[0] in VALUES:
        return VALUES[param.opts[0]]
    metavar = param.metavar or ""
    if metavar in ("FILE", "PATH"):
        return "file"
    return "directory" if metavar == "DIR" else "any"


def bash(commands: Sequence[Command]) -> str:
    """The script for bash 4 and later; it needs no bash-completion and works under `set -u`."""
    replies = {
        "any": "COMPREPLY=()",
        "file": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
        "directory": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur")',
    }
    takes, offers = [], []
    for command in commands:
        for option in command.options:
            values = option.takes or option.attached
            if not values:
                continue
            reply = replies.get(values, f'mapfile -t COMPREPLY < <(compgen -W "{values}" -- "$cur")')
            places = "|".join(f'"{command.path}:{name}"' for name in option.names)
            if option.attached:
                reply = f"((equals)) && {{ {reply}; return; }}"
                takes.append(f"    {places}) {reply} ;;")
            else:
                takes.append(f"    {places}) {reply}; return ;;")
        flags = " ".join(name for option in command.options for name in option.names)
        words = " ".join(name for name, _ in command.children)
        offers.append(f'    "{command.path}") flags="{flags}" words="{words}" ;;')
    valued = "|".join(
        f'"{command.path}:{name}"'
        for command in commands
        for option in command.options
        if option.takes
        for name in option.names
    )
    paths = "|".join(f'"{command.path}"' for command in commands[1:])
    newline = "\n"
    return f"""\
# bash completion of {PROGRAM}; made by python -m netkit.cli.completions
_{PROGRAM}() {{
    local cur=${{COMP_WORDS[COMP_CWORD]-}} prev= at={PROGRAM} flags= words= word i equals=0 after=-1
    COMPREPLY=()
    ((COMP_CWORD > 0)) && prev=${{COMP_WORDS[COMP_CWORD - 1]}}
    # bash cuts --option=value into three words
    if [[ $cur == "=" ]]; then cur= equals=1; elif [[ $prev == "=" ]]; then
        prev=${{COMP_WORDS[COMP_CWORD - 2]}} equals=1
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${{COMP_WORDS[i]}}
        if [[ $word == "--" ]]; then after=$i; break; fi
        case "$at:$word" in
        {valued}) ((i++)); [[ ${{COMP_WORDS[i]-}} == "=" ]] && ((i++)); continue ;;
        esac
        case "$at $word" in
        {paths}) at+=" $word" ;;
        esac
    done
    if ((after >= 0)); then
        if ((after == COMP_CWORD - 1)); then mapfile -t COMPREPLY < <(compgen -c -- "$cur")
        else compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); fi
        return
    fi
    case "$at:$prev" in
{newline.join(takes)}
    esac
    ((equals)) && return
    case "$at" in
{newline.join(offers)}
    esac
    [[ $cur == -* ]] && words=$flags
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}}
complete -F _{PROGRAM} {PROGRAM}
"""


def zsh(commands: Sequence[Command]) -> str:
    """The script for zsh: `_arguments` for each command, with descriptions."""
    cases = []
    for command in commands:
        specs = []
        for option in command.options:
            tails = {
                "": "",
                "any": ":value: ",
                "file": ":file:_files",
                "directory": ":directory:_files -/",
            }
            tail = tails.get(option.takes, f":value:({option.takes})")
            for name in option.names:
                summary = _zsh_quote(option.summary)
                if option.attached:
                    specs.append(f"'*{name}=-[{summary}]::form:({option.attached})'")
                elif option.takes and name.startswith("--"):
                    specs.append(f"'*{name}=[{summary}]{tail}'")
                else:
                    specs.append(f"'*{name}[{summary}]{tail}'")
        if command.children:
            listed = " ".join(f"'{name}:{_zsh_quote(summary)}'" for name, summary in command.children)
            specs.append("'1: :{_describe command names}'")
        else:
            listed = ""
            # Names and URLs: nothing to offer. A bare message here would keep options from being completed.
            specs.append("'(-)*:: :_normal'" if command.runs else "'*:name:{ : }'")
        arguments = " \\\n            ".join(specs)
        cases.append(f"    '{command.path}')\n        names=({listed})\n        _arguments -s {arguments}\n        ;;")
    paths = "|".join(f"'{command.path}'" for command in commands[1:])
    valued = "|".join(
        f"'{command.path}:{name}'"
        for command in commands
        for option in command.options
        if option.takes
        for name in option.names
    )
    newline = "\n"
    return f"""\
#compdef {PROGRAM}
# zsh completion of {PROGRAM}; made by python -m netkit.cli.completions
_{PROGRAM}() {{
    local at={PROGRAM}
    local -a names
    integer i depth=0
    for ((i = 2; i < CURRENT; i++)); do
        [[ $words[i] == -- ]] && break
        case "$at:$words[i]" in
        {valued}) ((i++)); continue ;;
        esac
        case "$at $words[i]" in
        {paths}) at+=" $words[i]"; depth=i-1 ;;
        esac
    done
    words=("${{(@)words[depth+1,-1]}}")
    ((CURRENT -= depth))
    case "$at" in
{newline.join(cases)}
    esac
}}
if [ "$funcstack[1]" = "_{PROGRAM}" ]; then _{PROGRAM} "$@"; else compdef _{PROGRAM} {PROGRAM}; fi
"""


def _zsh_quote(text: str) -> str:
    for char in "\\[]:":
        text = text.replace(char, f"\\{char}")
    return text.replace("'", "'\\''")


def fish(commands: Sequence[Command]) -> str:
    """The script for fish 3: one `complete` a word, guarded by where on the command line it stands."""
    lines = []
    for command in commands:
        at = f"-n '__{PROGRAM}_at \"{command.path}\"'"
        for name, summary in command.children:
            lines.append(f"complete -c {PROGRAM} -f {at} -a {name} -d {_fish_quote(summary)}")
        for option in command.options:
            names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)
            tails = {"": "", "any": " -x", "file": " -r -F", "directory": " -x -a '(__fish_complete_directories)'"}
            tail = tails.get(option.takes, f" -x -a {_fish_quote(option.takes)}")
            lines.append(f"complete -c {PROGRAM} {at} {names}{tail} -d {_fish_quote(option.summary)}")
            for value in option.attached.split():
                described = _fish_quote(option.summary)
                lines.append(f"complete -c {PROGRAM} -f {at} -a {option.names[0]}={value} -d {described}")
        if not command.children and not command.runs:
            lines.append(f"complete -c {PROGRAM} -f {at}")
    valued = "\n".join(
        f"            case {_fish_quote(command.path)}\n                set valued "
        + " ".join(name for option in command.options if option.takes for name in option.names)
        for command in commands
        if any(option.takes for option in command.options)
    )
    paths = " ".join(_fish_quote(command.path) for command in commands[1:])
    newline = "\n"
    return f"""\
# fish completion of {PROGRAM}; made by python -m netkit.cli.completions
function __{PROGRAM}_at
    set -l at {PROGRAM}
    set -l skip 0
    for word in (commandline -opc)[2..]
        if test $skip = 1
            set skip 0
            continue
        end
        set -l valued
        switch $at
{valued}
        end
        if contains -- $word $valued
            set skip 1
            continue
        end
        switch "$at $word"
            case {paths}
                set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end
{newline.join(lines)}
"""


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


WRITERS = {"bash": bash, "zsh": zsh, "fish": fish}


def script(shell: str) -> str:
    """The completion script of a shell, as it is shipped. Raises BadInput, LocalFailure."""
    if shell not in FILES:
        raise BadInput(f"there is no completion for {shell!r}: the shells are {', '.join(FILES)}")
    for folder in (CHECKOUT, INSTALLED):
        try:
            return (folder / FILES[shell]).read_text()
        except OSError:
            continue
    raise LocalFailure(f"the completion script {FILES[shell]} is not where it was installed: {INSTALLED}")


def this_shell() -> str:
    """The shell that runs us: by $SHELL, as the parent may be a script. Raises BadInput."""
    name = Path(os.environ.get("SHELL", "")).name
    if name in FILES:
        return name
    raise BadInput(
        f"cannot tell the shell from SHELL={os.environ.get('SHELL', '')!r}",
        hint="name it: --install-completion=bash, zsh or fish",
    )


def place(shell: str) -> Path:
    """Where the shell loads a user's completions from by itself; zsh needs the folder in its fpath."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    folders = {
        "bash": data / "bash-completion" / "completions",
        "zsh": data / "zsh" / "site-functions",
        "fish": config / "fish" / "completions",
    }
    return folders[shell] / {"bash": PROGRAM, "zsh": FILES["zsh"], "fish": FILES["fish"]}[shell]


def install(shell: str) -> tuple[Path, str | None]:
    """Write the script where the shell finds it: (its path, what the user still has to do). No rc file is touched."""
    text, path = script(shell), place(shell)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text)
        aside.replace(path)
    except OSError as exc:
        raise LocalFailure(f"cannot write {path}: {exc.strerror}") from exc
    todo = {
        "bash": "open a new shell; if TAB does nothing there, the package bash-completion is missing: "
        f"put `source {path}` into ~/.bashrc",
        "zsh": f"put `fpath=({path.parent} $fpath)` before `compinit` in ~/.zshrc, unless it is there",
        "fish": None,
    }
    return path, todo[shell]


def main(argv: Sequence[str]) -> int:
    if list(argv) not in (["--write"], ["--check"]):
        print("usage: python -m netkit.cli.completions --write | --check", file=sys.stderr)
        return 2
    commands = tree()
    stale = []
    for shell, write in WRITERS.items():
        text, file = write(commands), CHECKOUT / FILES[shell]
        if argv[0] == "--write":
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
        elif not file.exists() or file.read_text() != text:
            stale.append(file.name)
    if stale:
        print(f"out of date: {', '.join(stale)}; run python -m netkit.cli.completions --write", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
