"""`netkit resolve` against NSD, authoritative for a zone of odd records, with dig as second opinion."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ZONE = r"""
$ORIGIN odd.test.
$TTL 300
@        SOA   ns hostmaster 1 3600 900 86400 60
@        NS    ns
@        MX    10 mail
@        MX    20 mail.elsewhere.test.
@        TXT   "v=spf1 -all" "with \"quotes\" and \\ and \027[31m"
@        CAA   0 issue "ca.test"
ns       A     127.0.0.1
mail     A     192.0.2.25
www      A     192.0.2.80
www      AAAA  2001:db8::80
a1       CNAME a2
a2       CNAME www
away     CNAME www.elsewhere.test.
gone     CNAME nosuch
loop1    CNAME loop2
loop2    CNAME loop1
*.wild   A     192.0.2.1
only4    A     192.0.2.4
_s._tcp  SRV   1 2 443 www
a\.b     A     192.0.2.46
typed    TYPE65534 \# 3 010203
sub      NS    ns.sub
ns.sub   A     127.0.0.1
"""


@pytest.fixture
def nsd(
    program: Callable[[str], str], free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> str:
    """HOST:PORT of an NSD that serves odd.test."""
    path, port = program("nsd"), free_port()
    big = "".join(f"big A 198.51.{number // 200}.{number % 200 + 1}\n" for number in range(400))
    (tmp_path / "odd.test.zone").write_text(ZONE + big)
    (tmp_path / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    chroot: ""
    zonesdir: "{tmp_path}"
    pidfile: "{tmp_path}/nsd.pid"
    zonelistfile: "{tmp_path}/zone.list"
    xfrdfile: "{tmp_path}/xfrd.state"
    xfrdir: "{tmp_path}"
    database: ""
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: odd.test
    zonefile: odd.test.zone
""")
    daemon(path, "-d", "-c", str(tmp_path / "nsd.conf"), port=port)
    return f"127.0.0.1:{port}"


@pytest.fixture
def dig(program: Callable[[str], str], nsd: str) -> Callable[..., list[str]]:
    """The data that `dig +short` prints for a name and type."""
    path, port = program("dig"), nsd.rpartition(":")[2]

    def run(name: str, rdtype: str) -> list[str]:
        argv = [path, "@127.0.0.1", "-p", port, "+short", "+tries=1", name, rdtype]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()

    return run


@pytest.mark.parametrize(
    ("name", "rdtype"),
    [
        ("odd.test", "MX"),
        ("odd.test", "TXT"),
        ("odd.test", "SOA"),
        ("odd.test", "NS"),
        ("odd.test", "CAA"),
        ("www.odd.test", "A"),
        ("www.odd.test", "AAAA"),
        ("any.wild.odd.test", "A"),
        ("_s._tcp.odd.test", "SRV"),
        (r"a\.b.odd.test", "A"),
        ("big.odd.test", "A"),
        ("WWW.Odd.Test", "A"),
    ],
)
def test_data_is_what_dig_shows(name: str, rdtype: str, nsd: str, dig: Callable[..., list[str]], netkit: Run) -> None:
    done = netkit("resolve", f"@{nsd}", "--short", "-t", rdtype, name)
    assert (done.returncode, done.stderr) == (0, "")
    expected = dig(name, rdtype)
    assert expected
    assert sorted(done.stdout.splitlines()) == sorted(expected)


def test_a_large_answer_comes_over_tcp(nsd: str, netkit: Run) -> None:
    done = netkit("resolve", f"@{nsd}", "--json", "-t", "A", "big.odd.test")
    document = json.loads(done.stdout)
    assert (document["transport"], len(document["answers"]), document["tries"]) == ("tcp", 400, 2)


def test_aliases_are_followed(nsd: str, netkit: Run) -> None:
    document = json.loads(netkit("resolve", f"@{nsd}", "--json", "-t", "A", "a1.odd.test").stdout)
    assert [answer["type"] for answer in document["answers"]] == ["CNAME", "CNAME", "A"]
    assert (document["canonical"], document["addresses"]) == ("www.odd.test.", ["192.0.2.80"])


@pytest.mark.parametrize(
    ("name", "rdtype", "outcome", "code"),
    [
        ("nosuch.odd.test", "A", "nxdomain", 1),
        ("only4.odd.test", "AAAA", "nodata", 1),
        ("gone.odd.test", "A", "dangling_cname", 1),
        ("loop1.odd.test", "A", "cname_loop", 5),
        ("www.foreign.test", "A", "refused", 9),
        ("away.odd.test", "A", "refused", 9),
        ("www.sub.odd.test", "A", "lame", 9),
    ],
)
def test_every_other_outcome(name: str, rdtype: str, outcome: str, code: int, nsd: str, netkit: Run) -> None:
    done = netkit("resolve", f"@{nsd}", "--json", "-t", rdtype, name)
    document = json.loads(done.stdout)
    assert (document["outcome"], document["exit_code"], done.returncode) == (outcome, code, code)
    assert document["server"] == nsd
    assert document["error"]["kind"] == outcome


def test_an_unknown_type(nsd: str, netkit: Run) -> None:
    done = netkit("resolve", f"@{nsd}", "--short", "-t", "TYPE65534", "typed.odd.test")
    assert done.stdout == "\\# 3 010203\n"


def test_no_escape_reaches_standard_output(nsd: str, netkit: Run) -> None:
    for form in ([], ["--short"], ["--json"], ["--color", "always"]):
        done = netkit("resolve", f"@{nsd}", *form, "-t", "TXT", "odd.test")
        assert done.returncode == 0
        assert "\x1b[31m with" not in done.stdout
        assert "\\027[31m" in done.stdout.replace("\\\\027", "\\027")
