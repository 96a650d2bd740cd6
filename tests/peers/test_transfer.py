"""Zone transfers from Knot DNS, by name and with a key, against what dig gets of the same server."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import dns.zone
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
HEAD = """$TTL 300
@ SOA ns hostmaster {serial} 3600 900 86400 60
@ NS ns
ns A 127.0.0.1
@ TXT "with \\"quotes\\" and \\027[31m"
_s._tcp SRV 1 2 443 www
typed TYPE65534 \\# 3 010203
a\\.b A 192.0.2.46
"""
SECRET = "c2VjcmV0IHRoYXQgbm9ib2R5IGVsc2Uga25vd3M="  # of the test alone
MANY = "".join(f"host{number} A 198.51.{number // 200}.{number % 200 + 1}\n" for number in range(3000))


class Knot:
    def __init__(self, folder: Path, port: int, control: str) -> None:
        self.folder, self.port, self.control = folder, port, control

    def __str__(self) -> str:
        return f"127.0.0.1:{self.port}"

    def write(self, serial: int, records: str) -> None:
        (self.folder / "moved.test.zone").write_text(HEAD.format(serial=serial) + records)

    def reload(self) -> None:
        argv = [self.control, "-c", str(self.folder / "knot.conf"), "-b", "zone-reload", "moved.test"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr + done.stdout


@pytest.fixture
def knot(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> Knot:
    server = Knot(tmp_path, free_port(), program("knotc"))
    (tmp_path / "db").mkdir()
    server.write(1, MANY)
    (tmp_path / "knot.conf").write_text(f"""
server:
    listen: 127.0.0.1@{server.port}
    rundir: {tmp_path}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {tmp_path}/knot.sock
database:
    storage: {tmp_path}/db
key:
  - id: mover.test
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: open
    address: 127.0.0.1
    action: transfer
  - id: signed
    key: mover.test
    action: transfer
template:
  - id: default
    storage: {tmp_path}
    journal-content: changes
    zonefile-sync: -1
    zonefile-load: difference
zone:
  - domain: moved.test
    acl: open
  - domain: locked.test
    file: moved.test.zone
    acl: signed
""")
    daemon(program("knotd"), "-c", str(tmp_path / "knot.conf"), port=server.port)
    return server


def read(text: str, origin: str = "moved.test") -> dns.zone.Zone:
    return dns.zone.from_text(text, origin, relativize=False)


def dig(program: Callable[[str], str], knot: Knot, *words: str) -> str:
    argv = [program("dig"), "@127.0.0.1", "-p", str(knot.port), "+nocomments", "+nocmd", "+nostats", "+onesoa", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_zone_is_the_one_that_dig_gets(knot: Knot, program: Callable[[str], str], netkit: Run) -> None:
    done = netkit("resolve", f"@{knot}", "-t", "AXFR", "moved.test")
    assert (done.returncode, done.stderr) == (0, "")
    ours, theirs = read(done.stdout), read(dig(program, knot, "-t", "AXFR", "moved.test"))
    assert ours == theirs
    assert len(done.stdout.splitlines()) == len(MANY.splitlines()) + 7


def test_differences_make_the_new_zone_of_the_old(knot: Knot, netkit: Run) -> None:
    before = set(netkit("resolve", f"@{knot}", "-t", "AXFR", "moved.test").stdout.splitlines())
    knot.write(2, MANY.replace("host7 A 198.51.0.8\n", "") + "new A 192.0.2.7\n")
    knot.reload()
    done = netkit("resolve", f"@{knot}", "-t", "IXFR=1", "moved.test")
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.partition("\t") for line in done.stdout.splitlines()]
    assert {sign for sign, _, _ in lines} == {"-", "+"}
    gone, new = ({line for sign, _, line in lines if sign == one} for one in "-+")
    assert any(line.startswith("host7.moved.test.") for line in gone)
    after = set(netkit("resolve", f"@{knot}", "-t", "AXFR", "moved.test").stdout.splitlines())
    assert before - gone | new == after
    nothing = netkit("resolve", f"@{knot}", "-t", "IXFR=2", "moved.test")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "nothing newer" in nothing.stderr


def test_a_zone_that_wants_a_key(knot: Knot, tmp_path: Path, netkit: Run) -> None:
    right, wrong = tmp_path / "right.key", tmp_path / "wrong.key"
    right.write_text(f'key "mover.test" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n')
    wrong.write_text('key "mover.test" { algorithm hmac-sha256; secret "AAAA"; };\n')
    without = netkit("resolve", f"@{knot}", "-t", "AXFR", "locked.test")
    assert (without.returncode, without.stdout) == (9, "")
    assert "NOTAUTH" in without.stderr
    refused = netkit("resolve", f"@{knot}", "--tsig-file", str(wrong), "-t", "AXFR", "locked.test")
    assert (refused.returncode, refused.stdout) == (7, "")
    assert SECRET not in refused.stderr
    done = netkit("resolve", f"@{knot}", "--tsig-file", str(right), "-t", "AXFR", "locked.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(read(done.stdout, "locked.test").nodes) > 3000


def test_a_zone_that_is_not_there(knot: Knot, netkit: Run) -> None:
    done = netkit("resolve", f"@{knot}", "-t", "AXFR", "nosuch.test")
    assert (done.returncode, done.stdout) == (9, "")
    assert "has no authority for the zone (NOTAUTH)" in done.stderr
