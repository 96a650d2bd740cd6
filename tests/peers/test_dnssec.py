"""`netkit resolve --validate` beside delv and Unbound, on zones of NSD: signed by dnspython, BIND's and NLnet's tools.

A hundred and thirty names in zones good and broken, with NSEC and with NSEC3, and every kind of name that a zone which
opts out can have or lack; delv's verdict on each is the second opinion.
"""

import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time

import pytest

from netkit.dns.lookup import resolve
from netkit.dns.result import Outcome
from netkit.dns.validate.verdict import Verdict
from tests.dns.validate.table import BOGUS, INSECURE, SECURE, TABLE, plant
from tests.dns.validate.tree import BODY, Tree, make_zone

Run = Callable[..., subprocess.CompletedProcess[str]]
Program = Callable[[str], str]

BROKEN = (
    ("www.expired.test", "A"), ("www.future.test", "A"), ("www.tampered.test", "A"), ("www.stripped.test", "A"),
    ("nosuch.nonsec.test", "A"), ("x.wild.nonsec.test", "A"), ("www.nokeys.test", "A"), ("www.naked.test", "A"),
    ("www.wrongkey.test", "A"), ("www.baddigest.test", "A"), ("www.downgrade.test", "A"), ("bogus.aliases.test", "A"),
)  # fmt: skip
IN_EACH = (
    ("www", "A"), ("nosuch", "A"), ("x.wild", "TXT"), ("www", "TXT"), ("a.b.nosuch", "A"), ("x.wild", "A"),
    ("x.y.wild", "A"), ("*.wild", "A"), ("ent", "A"), ("alias", "A"), ("x.alias", "A"), ("x.dname", "A"),
    ("nosuch.dname", "A"), ("cut", "DS"), ("secured", "DS"), ("www", "DS"), ("", "DNSKEY"), ("", "MX"), ("mixed", "MX"),
)  # fmt: skip
CHILD = f"secured NS ns.test.\nsecured DS 1 15 2 {'ab' * 32}\n"
BIND, LDNS = "dnssec-signzone", "ldns-signzone"
# zone: the program that signs it, and its options
TOOLS = {
    "bindnsec": (BIND, ()),
    "bindnsec3": (BIND, ("-3", "aabb", "-H", "0")),
    "bindopt": (BIND, ("-3", "-", "-H", "0", "-A")),
    "bind150": (BIND, ("-3", "aabb", "-H", "150")),
    "ldnsnsec3": (LDNS, ("-n", "-s", "aabb", "-t", "1")),
    "ldnsopt": (LDNS, ("-n", "-p", "-t", "0")),
    "ldns151": (LDNS, ("-n", "-s", "aabb", "-t", "151")),
}
OPTED_OUT = {"bindall": (BIND, ("-3", "-", "-H", "0", "-A")), "ldnsall": (LDNS, ("-n", "-p", "-t", "0"))}
# What a zone that opts out may have: unsigned delegations at any depth, also below names that have nothing else or that
# a wildcard stands beside, and one that is signed, to a zone that is not.
UNSIGNED = ("insec", "cut", "a.b.insecdeep", "x.under.wild", "sec")
MORE = """
*.wgone   CNAME  nosuch
dangling  CNAME  nosuch
toinsec   CNAME  www.insec
insec            NS  ns.test.
a.b.insecdeep    NS  ns.test.
x.under.wild     NS  ns.test.
"""
NAMES = (
    "", "www", "nosuch", "a.b.nosuch", "wild", "*.wild", "x.wild", "x.y.wild", "x.alias", "x.wgone", "ent", "a.ent",
    "nosuch.ent", "alias", "dangling", "toinsec", "dname", "x.dname", "nosuch.dname", "deep", "x.deep", "insec",
    "www.insec", "nosuch.insec", "a.b.insecdeep", "www.a.b.insecdeep", "b.insecdeep", "insecdeep", "x.insecdeep",
    "x.under.wild", "www.x.under.wild", "under.wild", "y.under.wild", "sec", "www.sec", "nosuch.www", "cut",
)  # fmt: skip
IN_FULL = ("bindnsec3", "bindopt", "ldnsopt")  # the others are there for one thing
ALGORITHMS = {"bindnsec3": "RSASHA256", "ldnsopt": "ED25519"}


def sign_with(
    program: Program, tool: str, options: tuple[str, ...], label: str, folder: Path, body: str
) -> tuple[Path, str]:
    """(the signed zone's file, its DS): a zone with a key-signing and a zone-signing key of the tool's own."""
    origin = f"{label}.test."
    keys = folder / label
    keys.mkdir()
    plain, signed = keys / "zone", keys / "signed"
    plain.write_text(make_zone(origin, body).to_text(relativize=False))

    def run(name: str, *args: str) -> str:
        done = subprocess.run([program(name), *args], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    algorithm = ALGORITHMS.get(label, "ECDSAP256SHA256")
    pair = [
        str(keys / run("dnssec-keygen", "-q", "-K", str(keys), "-a", algorithm, *flags, origin).strip())
        for flags in (("-f", "KSK"), ())
    ]
    if tool == BIND:
        run(
            BIND,
            "-q",
            "-S",
            "-x",
            "-K",
            str(keys),
            "-d",
            str(keys),
            "-o",
            origin,
            "-f",
            str(signed),
            *options,
            str(plain),
        )
    else:
        run(LDNS, "-f", str(signed), "-o", origin, *options, str(plain), *pair)
    return signed, run("dnssec-dsfromkey", "-2", f"{pair[0]}.key").split("DS", 1)[1].strip()


@pytest.fixture
def tree(program: Program, free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path) -> Tree:
    """NSD with all the zones, a root above them; `tree.port` is where, `root.key` and `bind.keys` are its anchor."""
    tree = Tree(now=time())
    plant(tree)
    files = {}
    for label, (tool, options) in (TOOLS | OPTED_OUT).items():
        body = BODY + (MORE + CHILD.replace("secured", "sec") if label in OPTED_OUT else CHILD)
        files[f"{label}.test."], ds = sign_with(program, tool, options, label, tmp_path, body)
        tree.delegations += f"{label} NS ns.test.\n{label} DS {ds}\n"
    tree.grow()
    below = {
        f"{child}.{label}.test.": make_zone(f"{child}.{label}.test.", BODY) for child in UNSIGNED for label in OPTED_OUT
    }
    for origin, zone in (tree.zones | below).items():
        files[origin] = tmp_path / f"{origin}zone"
        files[origin].write_text(zone.to_text(relativize=False))
    (tmp_path / "root.key").write_text(tree.anchor)
    _, _, _, tag, algorithm, digest_type, digest = tree.anchor.split()
    (tmp_path / "bind.keys").write_text(
        f'trust-anchors {{ . static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n'
    )
    tree.port = free_port()
    (tmp_path / "nsd.conf").write_text(
        f"""
server:
    ip-address: 127.0.0.1@{tree.port}
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
"""
        + "".join(f'zone:\n    name: "{origin}"\n    zonefile: "{path}"\n' for origin, path in files.items())
    )
    daemon(program("nsd"), "-d", "-c", str(tmp_path / "nsd.conf"), port=tree.port)
    return tree


def delv(path: str, port: int, folder: Path, name: str, rdtype: str) -> Verdict:
    """What delv says of each RRset, the worst of it."""
    argv = [path, "@127.0.0.1", "-p", str(port), "-a", str(folder / "bind.keys"), "+root=.", "-t", rdtype, name]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    if "resolution failed: ncache" not in done.stderr and "resolution failed" in done.stdout + done.stderr:
        return BOGUS
    words = re.findall(r"^; (?:negative response, )?(fully validated|unsigned answer)$", done.stdout, re.MULTILINE)
    assert words, done.stdout + done.stderr
    return INSECURE if "unsigned answer" in words else SECURE


def ours(port: int, folder: Path, name: str, rdtype: str) -> tuple[Outcome, Verdict]:
    [found] = resolve(
        [name], types=[rdtype], servers=[f"127.0.0.1:{port}"], trust_anchor=str(folder / "root.key"), validate=True,
        timeout=60,
    )  # fmt: skip
    [one] = found.resolutions
    assert one.dnssec is not None
    assert bool(one.records) <= (one.dnssec.verdict in (SECURE, INSECURE))
    return one.outcome, one.dnssec.verdict


def beside_delv(
    cases: list[tuple[str, str]], tree: Tree, program: Program, folder: Path
) -> tuple[dict[tuple[str, str], tuple[Outcome, Verdict]], dict[str, tuple[tuple[Outcome, Verdict], Verdict]]]:
    """(what netkit makes of each name and type, those of which delv makes something else with both)."""
    path = program("delv")
    with ThreadPoolExecutor(4) as pool:
        theirs = dict(zip(cases, pool.map(lambda case: delv(path, tree.port, folder, *case), cases), strict=True))
    found = {case: ours(tree.port, folder, *case) for case in cases}
    differ = {" ".join(case): (mine, theirs[case]) for case, mine in found.items() if mine[1] is not theirs[case]}
    return found, differ


def test_the_verdicts_are_delvs(tree: Tree, program: Program, tmp_path: Path) -> None:
    cases = [(name, rdtype) for name, rdtype, *_ in TABLE] + list(BROKEN)
    cases += [
        (f"{name}.{zone}.test".lstrip("."), rdtype)
        for zone in TOOLS
        for name, rdtype in (IN_EACH if zone in IN_FULL else IN_EACH[:3])
    ]
    found, differ = beside_delv(cases, tree, program, tmp_path)
    assert differ == {}
    for name, rdtype, outcome, verdict in TABLE:
        assert found[name, rdtype] == (outcome, verdict), name
    assert {found[case] for case in BROKEN} == {(Outcome.BOGUS, BOGUS)}
    assert found["nosuch.ldns151.test", "A"] == (Outcome.NXDOMAIN, INSECURE)
    assert found["nosuch.bind150.test", "A"] == found["nosuch.bindopt.test", "A"] == (Outcome.NXDOMAIN, SECURE)


def test_the_verdicts_are_delvs_on_every_name_of_a_zone_that_opts_out(
    tree: Tree, program: Program, tmp_path: Path
) -> None:
    cases = [
        (f"{name}.{zone}.test".lstrip("."), rdtype)
        for zone in OPTED_OUT
        for name in NAMES
        for rdtype in (("A", "TXT", "DS") if "wild" in name else ("A", "DS"))
    ]
    found, differ = beside_delv(cases, tree, program, tmp_path)
    assert differ == {}
    words = [
        found[f"{name}.bindall.test", rdtype]
        for name, rdtype in (
            ("nosuch", "A"),
            ("insec", "DS"),
            ("insec", "A"),
            ("b.insecdeep", "A"),
            ("x.wild", "A"),
            ("x.wild", "TXT"),
        )
    ]
    assert words == [
        (Outcome.NXDOMAIN, SECURE),
        (Outcome.NODATA, SECURE),
        (Outcome.NODATA, INSECURE),
        (Outcome.NODATA, SECURE),
        (Outcome.ANSWER, INSECURE),
        (Outcome.NODATA, SECURE),
    ]


@pytest.fixture
def unbound(
    tree: Tree, program: Program, free_port: Callable[[], int], daemon: Callable[..., object], tmp_path: Path
) -> str:
    """HOST:PORT of an Unbound that validates, in front of NSD."""
    port = free_port()
    (tmp_path / "unbound.conf").write_text(f"""
server:
    interface: 127.0.0.1@{port}
    username: ""
    chroot: ""
    directory: "{tmp_path}"
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
    num-threads: 1
    module-config: "validator iterator"
    trust-anchor-file: "{tmp_path}/root.key"
    local-zone: "test." nodefault
    ede: yes
remote-control:
    control-enable: no
forward-zone: # not a stub: the zones' NS lead to a port 53 that is not there
    name: "."
    forward-addr: 127.0.0.1@{tree.port}
""")
    daemon(program("unbound"), "-d", "-c", str(tmp_path / "unbound.conf"), port=port)
    return f"127.0.0.1:{port}"


def test_through_a_resolver_that_validates(unbound: str, netkit: Run, tmp_path: Path) -> None:
    """Its opinion is not asked for (CD), ours is the same; without --validate its SERVFAIL stands with its reason."""
    anchor = ("--trust-anchor", str(tmp_path / "root.key"))
    names = {
        "www.good.test": (SECURE, "answer"),
        "x.wild.bindnsec3.test": (SECURE, "answer"),
        "nosuch.ldnsnsec3.test": (SECURE, "nxdomain"),
        "x.dname.good.test": (SECURE, "answer"),
        "www.plain.test": (INSECURE, "answer"),
        "insecure.aliases.test": (INSECURE, "answer"),
        "nosuch.bindopt.test": (SECURE, "nxdomain"),
        "www.tampered.test": (BOGUS, "bogus"),
        "www.expired.test": (BOGUS, "bogus"),
        "www.baddigest.test": (BOGUS, "bogus"),
    }
    wait = ("--timeout", "60s", "--json", "-t", "A")
    done = netkit("resolve", f"@{unbound}", *anchor, *wait, *names)
    found = {one["input"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert {name: (one["dnssec"]["verdict"], one["outcome"]) for name, one in found.items()} == names
    plain = netkit("resolve", f"@{unbound}", *wait, *names)
    for one in map(json.loads, plain.stdout.splitlines()):
        verdict, outcome = names[one["input"]]
        assert one["outcome"] == ("servfail" if verdict is BOGUS else outcome)
        # Where NSEC3 opt out, a resolver sets no AD (RFC 5155 9.2), whose signatures delv calls fully validated.
        opt_out = found[one["input"]]["dnssec"]["opt_out"]
        assert opt_out == (one["input"] == "nosuch.bindopt.test")
        assert ("ad" in one["flags"]) == (verdict is SECURE and not opt_out), one["input"]
        assert one["dnssec"] is None
        if verdict is BOGUS:
            assert one["ede"], one["input"]
            assert one["ede"][0]["name"] in one["error"]["message"]
            assert one["exit_code"] == 9
