"""`python -m tests.bench AREA`: the figures netkit is judged by, as ratios measured in one run.

Each area is a module here with `main() -> int`; it prints its table and ends with 1 when a budget is missed.
"""

import sys
from importlib import import_module

AREAS = {
    "startup": "CPU time of --version, --help, leaves and a TAB, against `python -c pass`",
    "echo": "echo-server against C servers, ncat and socat: echoes/s, MB/s, CPU, memory",
    "chat": "chat serve against a C server, ncat and the tutorial's: deliveries/s, CPU, latency, memory",
    "http": "http get beside curl and HTTPie, against nginx: 1 GiB, 1,000 small URLs, one, memory",
    "mail": "2,000 subjects, 20 messages to 50 people each, over a slow line; a large attachment; smtplib, poplib",
    "dns": "resolve -i against adnshost, massdns and dns.asyncresolver: names a CPU second, memory",
    "watch": "CPU of an event with 5,000 endpoints, against 50",
}


def run() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in AREAS:
        print("usage: python -m tests.bench AREA\n" + "\n".join(f"  {name:10}{what}" for name, what in AREAS.items()))
        return 2
    code = import_module(f"tests.bench.{sys.argv[1]}").main()
    assert isinstance(code, int)
    return code


if __name__ == "__main__":
    sys.exit(run())
