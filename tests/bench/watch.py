"""What one event costs `netkit watch` with 5,000 endpoints beside what it costs with 50.

The library watches connections to a server in a process of its own, which sends a line on one of them when the line
before it was told, so that each is an event of its own; the figure is the CPU time of the watching process for each
line, and the ratio of the two. Rounds alternate, the figure is their median. ROUNDS and LINES come from the
environment.
"""

import os
import resource
import statistics
import subprocess
import sys
import time

from netkit.watch.condition import Condition
from netkit.watch.event import Event
from netkit.watch.target import parse
from netkit.watch.watcher import Watcher

ROUNDS = int(os.environ.get("ROUNDS", "7"))
LINES = int(os.environ.get("LINES", "10000"))
FEW, MANY = 50, 5000
BUDGET = 2.0

# Accepts so many connections, then sends a line on one of them at a time, each when the one before it has been taken.
SERVER = """
import resource, socket, sys
count, lines = int(sys.argv[1]), int(sys.argv[2])
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
print(listener.getsockname()[1], flush=True)
clients = [listener.accept()[0] for _ in range(count)]
for number in range(lines):
    sys.stdin.buffer.raw.read(1)
    clients[number % count].sendall(b"a line of text\\n")
sys.stdin.buffer.raw.read(1)
"""


def cost(endpoints: int) -> float:
    """Microseconds of CPU for a line."""
    argv = [sys.executable, "-c", SERVER, str(endpoints), str(LINES)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        seen = 0
        start = 0.0

        more = server.stdin.fileno()

        def on_watch(event: Event) -> None:
            nonlocal seen, start
            if event.event == "data":
                os.write(more, b".")
            elif event.event == "open":
                seen += 1
                if seen == endpoints:
                    start = time.process_time()
                    os.write(more, b".")

        targets = [parse(f"n{number}=127.0.0.1:{port}") for number in range(endpoints)]
        watcher = Watcher(targets, on_watch=on_watch, until=Condition("count", LINES))
        code = watcher.run(120)
        spent = time.process_time() - start
        server.stdin.close()
        assert int(code) == 0, f"the watch ended with {code!r}"
    return spent / LINES * 1e6


def main() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 100:
        print(f"watch: {hard} descriptors are allowed, {MANY + 100} are wanted (ulimit -n)")
        return 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    few, many, ratios = [], [], []
    for _ in range(ROUNDS):
        few.append(cost(FEW))
        many.append(cost(MANY))
        ratios.append(many[-1] / few[-1])
    ratio = statistics.median(ratios)
    kept = ratio <= BUDGET
    print(f"Python {sys.version.split()[0]}, {ROUNDS} rounds of {LINES} lines, medians")
    print(f"  {FEW:5} endpoints {statistics.median(few):8.2f} µs CPU an event")
    print(f"  {MANY:5} endpoints {statistics.median(many):8.2f} µs CPU an event")
    print(f"  x{ratio:.2f}   budget x{BUDGET:g}: {'kept' if kept else 'MISSED'}")
    return 0 if kept else 1
