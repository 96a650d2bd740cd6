"""DNS servers with the zone of every type: NSD, BIND and Knot, each as their makers' programs start it."""

from collections.abc import Callable
from pathlib import Path

import dns.rdata

from tests.dns.records import COMMON

SECRET = "YSBzZWNyZXQgb2YgMzIgb2N0ZXRzLCBtYWRlIHRvZGF5"
KEY = f'key "key.test" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
Program = Callable[[str], str]
Daemon = Callable[..., object]
HEAD = "$TTL 300\n@ SOA ns hostmaster 1 3600 900 86400 60\n@ NS ns\nns A 127.0.0.1\n"


def zone(unknown: tuple[str, ...] = ()) -> str:
    """types.test: a name for each type, in which it alone is; those a server does not know as RFC 3597 has it."""
    lines = [HEAD]
    for rdtype, data in COMMON.items():
        rdata = dns.rdata.from_text("IN", rdtype, data)
        written = f"TYPE{int(rdata.rdtype)} {rdata.to_generic()}" if rdtype in unknown else f"{rdtype} {data}"
        lines.append(f"{rdtype.lower()} {written}\n")
    return "$ORIGIN types.test.\n" + "".join(lines)


def nsd(program: Program, daemon: Daemon, port: int, folder: Path) -> str:
    """HOST:PORT of NSD; it signs replies with the key when a query is signed."""
    (folder / "types.test.zone").write_text(zone(("GPOS", "HIP")))
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    pidfile: "{folder}/nsd.pid"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    database: ""
    server-count: 1
    rrl-ratelimit: 0
    nsid: "ascii_nsd of the tests"
    identity: "nsd of the tests"
    version: "the tests' NSD"
remote-control:
    control-enable: no
key:
    name: key.test
    algorithm: hmac-sha256
    secret: "{SECRET}"
zone:
    name: types.test
    zonefile: types.test.zone
    provide-xfr: 127.0.0.1 key.test
""")
    daemon(program("nsd"), "-d", "-c", str(folder / "nsd.conf"), port=port)
    return f"127.0.0.1:{port}"


def named(program: Program, daemon: Daemon, port: int, folder: Path) -> str:
    """HOST:PORT of BIND: cookies are required of who knows them, keyed.test is for the key alone."""
    (folder / "types.test.zone").write_text(zone())
    (folder / "keyed.test.zone").write_text("$ORIGIN keyed.test.\n" + HEAD + "www A 192.0.2.80\n")
    (folder / "named.conf").write_text(f"""
{KEY}
options {{
    directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    recursion no;
    dnssec-validation no;
    server-id "named of the tests";
    version "the tests' BIND";
    require-server-cookie yes;
}};
controls {{ }};
zone "types.test" {{ type primary; file "types.test.zone"; check-names ignore; }};
zone "keyed.test" {{ type primary; file "keyed.test.zone"; allow-query {{ key "key.test"; }}; }};
""")
    daemon(program("named"), "-g", "-n", "1", "-c", str(folder / "named.conf"), port=port)
    return f"127.0.0.1:{port}"


def knot(program: Program, daemon: Daemon, port: int, folder: Path) -> str:
    """HOST:PORT of Knot: it has client subnets in its replies, and wants cookies of who knows them."""
    (folder / "types.test.zone").write_text(zone(("GPOS", "HIP", "ISDN", "PX", "X25")))
    (folder / "knot.conf").write_text(f"""
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
    identity: "knot of the tests"
    nsid: "knot of the tests"
    version: "the tests' Knot"
    edns-client-subnet: on
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
database:
    storage: "{folder}/db"
log:
  - target: stderr
    any: info
mod-cookies:
  - id: strict
    badcookie-slip: 1
template:
  - id: default
    storage: "{folder}"
    global-module: mod-cookies/strict
zone:
  - domain: types.test
    file: types.test.zone
    semantic-checks: off
""")
    daemon(program("knotd"), "-c", str(folder / "knot.conf"), port=port)
    return f"127.0.0.1:{port}"


SERVERS = {"nsd": nsd, "named": named, "knot": knot}
