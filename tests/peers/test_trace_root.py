"""`netkit resolve --trace-root` beside `dig +trace`, down the lab's small internet; delv on its keys.

dig looks the name servers' names up as the system does, and gives up at the first one that does not help. So it runs
with a hosts file of its own, in which those that do not help are at the address of the one that does.
"""

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netkit.lab import Lab, running

Run = Callable[..., subprocess.CompletedProcess[str]]
Program = Callable[[str], str]
Way = list[tuple[str, frozenset[str]]]  # each zone that is led to, and its name servers

HOSTS = """\
127.0.0.1 localhost ns1.lab.test ns2.lab.test ns1.signed.test
127.0.53.1 a.root
127.0.53.2 ns.test lame.test closed.test
"""
ROOT = (".", frozenset({"a.root."}))
TEST = ("test.", frozenset({"lame.test.", "closed.test.", "ns.test."}))
LAB = ("lab.test.", frozenset({"ns1.lab.test.", "ns2.lab.test."}))
SIGNED = ("signed.test.", frozenset({"ns1.signed.test."}))
REVERSE = ("127.in-addr.arpa.", frozenset({"ns1.lab.test."}))
CASES = [
    ("www.lab.test.", "A", [ROOT, TEST, LAB]),
    ("mx1.good.lab.test.", "A", [ROOT, TEST, LAB]),
    ("many.lab.test.", "A", [ROOT, TEST, LAB]),
    ("www.signed.test.", "A", [ROOT, TEST, SIGNED]),
    ("www.unsigned.signed.test.", "A", [ROOT, TEST, SIGNED]),
    ("nosuch.lab.test.", "A", [ROOT, TEST, LAB]),
    ("nosuch.", "A", [ROOT]),
    ("1.0.0.127.in-addr.arpa.", "PTR", [ROOT, REVERSE]),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running() as lab:
        yield lab


@pytest.fixture
def port(lab: Lab) -> str:
    return lab.environment["NETKIT_LAB_ROOT"].rpartition(":")[2]


def ours(netkit: Run, lab: Lab, name: str, rdtype: str) -> tuple[Way, set[str]]:
    """The referrals of the name's own way, and the data at its end."""
    done = netkit(
        "resolve",
        "--trace-root",
        f"@{lab.environment['NETKIT_LAB_ROOT']}",
        "--json",
        "-t",
        rdtype,
        name.rstrip(".") or ".",
    )
    found = json.loads(done.stdout)
    steps = [one for one in found["steps"] if one["referral"] and one["depth"] == 0]
    way = [(one["referral"], frozenset(one["name_servers"])) for one in steps]
    return way, {one["data"] for one in found["answers"]}


def theirs(text: str, name: str, rdtype: str) -> tuple[Way, set[str]]:
    """The same from lines of a zone file: NS records of one owner after the other are a referral."""
    found: dict[str, set[str]] = {}
    data = set()
    for line in text.splitlines():
        if not (match := re.fullmatch(r"(\S+)\s+\d+\s+IN\s+(\S+)\s+(\S+)", line)):
            continue
        owner, kind, value = match.groups()
        if kind == "NS":
            found.setdefault(owner, set()).add(value)
        if (owner, kind) == (name, rdtype):
            data.add(value)
    return [(owner, frozenset(names)) for owner, names in found.items()], data


@pytest.mark.parametrize(("name", "rdtype", "expected"), CASES)
def test_the_way_is_digs(
    name: str, rdtype: str, expected: Way, lab: Lab, port: str, netkit: Run, program: Program, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(HOSTS)
    apart = [program("unshare"), "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    dig = f"{program('dig')} @127.0.53.1 -p {port} +trace +nodnssec -t {rdtype} {name}"
    dig = f"mount --bind {hosts} /etc/hosts && exec {dig}"
    done = subprocess.run([*apart, "sh", "-c", dig], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    way, data = ours(netkit, lab, name, rdtype)
    assert (way, data) == theirs(done.stdout, name, rdtype)
    assert way == expected
    assert bool(data) == ("nosuch" not in name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("www.signed.test", {"fully validated"}),
        ("nosuch.signed.test", {"negative response, fully validated"}),
        ("www.lab.test", {"unsigned answer"}),
        ("www.unsigned.signed.test", {"unsigned answer"}),
    ],
)
def test_delv_validates_from_the_labs_root(
    name: str, words: set[str], lab: Lab, port: str, program: Program, tmp_path: Path
) -> None:
    anchor = Path(lab.environment["NETKIT_LAB_ROOT_ANCHOR"]).read_text().split()
    keys = tmp_path / "bind.keys"
    keys.write_text(f'trust-anchors {{ . static-ds {anchor[3]} {anchor[4]} {anchor[5]} "{anchor[6]}"; }};\n')
    argv = [program("delv"), "@127.0.0.1", "-p", port, "-a", str(keys), "+root=.", name, "A"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    found = re.findall(r"^; (.*(?:validated|unsigned answer))$", done.stdout, re.MULTILINE)
    assert set(found) == words, done.stdout + done.stderr
