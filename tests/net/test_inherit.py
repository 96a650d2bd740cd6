"""Sockets handed over with LISTEN_FDS, to a real child process at descriptor 3."""

import os
import socket
import subprocess
import sys

import pytest

from netkit.errors import LocalFailure
from netkit.net.inherit import inherited

CHILD = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid()) if sys.argv[1] == "ours" else "1"
os.dup2(int(sys.argv[2]), 3)
os.dup2(int(sys.argv[3]), 4)
from netkit.net.inherit import inherited
for each in inherited():
    print(each.name, each.listening, each.listening.socket.get_inheritable())
print(sorted(name for name in os.environ if name.startswith("LISTEN_")))
"""


def run(whose: str, **environment: str) -> str:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        fds = [tcp.fileno(), udp.fileno()]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", CHILD, whose, *map(str, fds)],
            pass_fds=fds,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.replace(str(tcp.getsockname()[1]), "TCP").replace(str(udp.getsockname()[1]), "UDP")


def test_ours_are_taken_and_the_variables_gone() -> None:
    assert run("ours", LISTEN_FDS="2", LISTEN_FDNAMES="web:unknown") == (
        "web tcp 127.0.0.1:TCP False\n udp 127.0.0.1:UDP False\n[]\n"
    )


def test_those_of_another_process_are_left_alone() -> None:
    assert run("theirs", LISTEN_FDS="2") == "['LISTEN_FDS', 'LISTEN_PID']\n"


@pytest.mark.parametrize("count", ["x", "-1", "9999999", "257", "²"])
def test_a_wild_number(count: str) -> None:
    with pytest.raises(LocalFailure, match="is no number from 0 to 256"):
        inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count})


def test_names_that_do_not_fit() -> None:
    with pytest.raises(LocalFailure, match="names 1 sockets, LISTEN_FDS is 2"):
        inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web"})
