"""The completion script for bash.

It needs neither bash-completion nor a bash newer than 3.2 (what macOS has), starts no process but for files and
commands, and works under `set -eu`. bash cuts words at the characters of COMP_WORDBREAKS, so `--color=always` is three
words where `=` is among them and one where it is not.
"""

from collections.abc import Sequence

from netkit.cli.completions.tree import PROGRAM, Command, Option, Takes, paths, places

SCRIPT = r"""# bash completion of @P@; made by python -m netkit.cli.completions

# Offer those of the words $2 that go on from what is typed; $1 stands before each.
_@P@_words() {
    local word IFS=$' \t\n'
    for word in $2; do
        if [[ $word == "$cur"* ]]; then COMPREPLY+=("$1$word"); fi
    done
}

# The same for a list with commas between: the last word of it is at the cursor.
_@P@_list() {
    local before=
    case $cur in *,*) before=${cur%,*}, cur=${cur##*,} ;; esac
    compopt -o nospace 2>/dev/null || :
    _@P@_words "$glued$before" "$1"
}

# What `compgen $1` finds: -f files, -d directories, -c commands.
_@P@_generated() {
    local word
    while IFS= read -r word; do COMPREPLY+=("$glued$word"); done < <(compgen "$1" -- "$cur")
}

# Readline's own completion of files ($2: default or dirnames) quotes what needs it; bash 3.2 cannot ask for it here.
_@P@_files() {
    if [[ -z $glued ]] && compopt -o "$2" 2>/dev/null; then return 0; fi
    compopt -o filenames 2>/dev/null || :
    _@P@_generated "$1"
}

# A command of the user's from word $1 on: by its own completion where bash-completion can find it.
_@P@_command() {
    if declare -F _comp_command_offset >/dev/null; then _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then _command_offset "$1"
    elif (($1 == COMP_CWORD)) && [[ $cur != */* ]]; then _@P@_generated -c
    else _@P@_files -f default
    fi
}

_@P@() {
    local cur=${COMP_WORDS[COMP_CWORD]-} prev=${COMP_WORDS[COMP_CWORD - 1]-}
    local at=@P@ word i=1 after=0 equals=0 glued= flags= words=
    COMPREPLY=()
    if [[ $cur == "=" ]]; then
        cur= equals=1
    elif [[ $prev == "=" ]] && ((COMP_CWORD > 1)); then
        prev=${COMP_WORDS[COMP_CWORD - 2]-} equals=1
    elif [[ $cur == --*=* ]]; then
        prev=${cur%%=*} glued=${cur%%=*}= cur=${cur#*=} equals=1
    fi
    while ((i < COMP_CWORD)); do
        word=${COMP_WORDS[i]-}
        i=$((i + 1))
        if [[ $word == "--" ]]; then after=$i; break; fi
        if [[ ${COMP_WORDS[i]-} == "=" ]]; then i=$((i + 2)); continue; fi
        case "$at:$word" in
        @VALUED@)
            if ((i == COMP_CWORD - 1)); then prev=; fi # that word is a value, whatever it looks like
            i=$((i + 1))
            ;;
        esac
        case "$at $word" in
        @PATHS@) at+=" $word" ;;
        esac
    done
    case $prev in
    "<" | ">" | ">>" | "2>" | "2>>" | "&>" | ">|") _@P@_files -f default; return 0 ;;
    esac
    if ((after)); then
        case $at in
        @RUNS@) _@P@_command "$after" ;;
        esac
        return 0
    fi
    case "$at:$prev" in
@VALUES@
    esac
    if ((equals)); then return 0; fi
    case $at in
@OFFERS@
    esac
    if [[ $cur == -* ]]; then words=$flags; fi
    _@P@_words "" "$words"
}
complete -F _@P@ @P@
"""


def script(commands: Sequence[Command]) -> str:
    """The text of completions/netkit.bash."""
    values, offers = [], []
    for command in commands:
        for option in command.options:
            if option.takes is not Takes.NOTHING:
                at = "|".join(f'"{command.path}:{name}"' for name in option.names)
                values.append(f"    {at}) {_reply(option)} ;;")
        flags = " ".join(name for option in command.options for name in option.names)
        words = " ".join(name for name, _ in command.children)
        offers.append(f'    "{command.path}") flags="{flags}" words="{words}" ;;')
    parts = {
        "P": PROGRAM,
        "VALUED": places(commands, '"') or '""',
        "PATHS": paths(commands, '"') or '""',
        "RUNS": "|".join(f'"{command.path}"' for command in commands if command.runs) or '""',
        "VALUES": "\n".join(values),
        "OFFERS": "\n".join(offers),
    }
    text = SCRIPT
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _reply(option: Option) -> str:
    words = " ".join(option.choices)
    match option.takes:
        case Takes.FILE:
            return f"_{PROGRAM}_files -f default; return 0"
        case Takes.DIRECTORY:
            return f"_{PROGRAM}_files -d dirnames; return 0"
        case Takes.CHOICE:
            return f'_{PROGRAM}_words "$glued" "{words}"; return 0'
        case Takes.LIST:
            return f'_{PROGRAM}_list "{words}"; return 0'
        case Takes.ATTACHED:
            return f'if ((equals)); then _{PROGRAM}_words "$glued" "{words}"; return 0; fi'
        case _:
            return "return 0"
