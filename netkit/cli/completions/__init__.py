"""Completion scripts for bash, zsh and fish, written from the command tree: every word stands in them, a TAB starts
no Python.

    python -m netkit.cli.completions --write   write completions/netkit.bash, _netkit and netkit.fish
    python -m netkit.cli.completions --check   end with 1 if one of them is not what would be written

`tree` reads the commands, `bash`, `zsh` and `fish` each write one script, `files` hands the written ones out. No
library does it: those there are know argparse or an older Click, or see no command that is imported late.
"""
