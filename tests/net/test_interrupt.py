"""Ctrl-C between two callbacks of a loop, in a process of its own."""

import subprocess
import sys

from tests.conftest import MS

CODE = """
import signal
from netkit.net.interrupt import between_callbacks
from netkit.net.loop import Loop
loop, done = Loop(), []
def work():
    signal.raise_signal(signal.SIGINT)
    done.append("whole")
loop.later(0, work)
try:
    with between_callbacks(loop):
        while True:
            loop.turn()  # for ever, if nothing wakes it
except KeyboardInterrupt:
    print(done, signal.getsignal(signal.SIGINT) is signal.default_int_handler)
signal.signal(signal.SIGINT, lambda *_: print("another's"))
with between_callbacks(loop):
    signal.raise_signal(signal.SIGINT)
"""


def test_what_is_under_way_is_done_first_and_a_handler_of_others_stays() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60_000 * MS, check=False
    )
    assert (done.stdout, done.stderr) == ("['whole'] True\nanother's\n", "")
