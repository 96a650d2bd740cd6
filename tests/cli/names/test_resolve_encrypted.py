"""`netkit resolve` over TLS and HTTPS, from the lab: every mode, padding, and what is missing without an extra."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.conftest import Shown

Run = Callable[..., subprocess.CompletedProcess[str]]
SCHEMES = ("tls", "https")


@pytest.fixture(params=SCHEMES)
def at(request: pytest.FixtureRequest, lab: Mapping[str, str]) -> list[str]:
    """The server, and whom to trust."""
    server = {"tls": lab["NETKIT_LAB_DNS_TLS"], "https": lab["NETKIT_LAB_HTTPS"]}[request.param]
    return [f"@{server}", "--cacert", lab["NETKIT_LAB_CA"]]


def test_answers_and_their_transport(at: list[str], netkit: Run) -> None:
    done = netkit("resolve", *at, "--json", "-t", "A", "many.lab.test", "nosuch.lab.test", "servfail.lab.test")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["outcome"], one["exit_code"]) for one in found] == [("answer", 0), ("nxdomain", 1), ("servfail", 9)]
    assert {one["transport"] for one in found} == {at[0][1:].partition(":")[0]}


def test_validated(at: list[str], lab: Mapping[str, str], netkit: Run) -> None:
    options = ("--trust-anchor", lab["NETKIT_LAB_ANCHOR"], "--json", "-t", "A")
    for name, outcome, code in (("www", "answer", 0), ("tampered", "bogus", 6)):
        done = netkit("resolve", *at, *options, f"{name}.signed.test")
        document = json.loads(done.stdout)
        assert (document["outcome"], done.returncode) == (outcome, code)
    assert document["dnssec"]["verdict"] == "bogus"


def test_compared_with_a_server_in_the_clear(at: list[str], dns: str, netkit: Run) -> None:
    done = netkit("resolve", "--compare", *at, f"@{dns}", "-t", "MX", "--json", "lab.test")
    views = json.loads(done.stdout)["views"]
    assert [view["outcome"] for view in views if view["source"] != "system"][:2] == ["answer", "answer"]
    assert len({tuple(view["data"]) for view in views[:2]}) == 1
    assert done.returncode == 0


def test_the_zones_own_servers_are_found_through_it(at: list[str], dns: str, netkit: Run) -> None:
    port = dns.rpartition(":")[2]
    done = netkit("resolve", "--authoritative", "--port", port, *at, "--json", "www.lab.test")
    document = json.loads(done.stdout)
    assert document["zone"] == "lab.test."
    assert {one["serial"] for one in document["servers"] if one["address"] == "127.0.0.1"} == {2026010101}


def test_without_its_authority_no_mode_asks(at: list[str], dns: str, netkit: Run) -> None:
    for mode in ([], ["--authoritative"], ["--validate"]):
        done = netkit("resolve", *mode, at[0], "-t", "A", "www.lab.test")
        assert done.returncode == 6
        assert "this machine does not trust" in done.stderr
    compared = netkit("resolve", "--compare", "--json", at[0], f"@{dns}", "-t", "A", "www.lab.test")
    unproven, plain = json.loads(compared.stdout)["views"][:2]
    assert (unproven["outcome"], unproven["data"], plain["outcome"]) == ("tls", [], "answer")
    assert "this machine does not trust" in unproven["rejected"][0]["reason"]


def test_the_next_server_is_asked_and_why_is_told(lab: Mapping[str, str], terminal: Callable[..., Shown]) -> None:
    port = lab["NETKIT_LAB_DNS_TLS"].rpartition(":")[2]
    servers = [f"@tls://{name}:{port}#127.0.0.1" for name in ("expired.lab.test", "ns1.lab.test")]
    done = terminal("resolve", *servers, "--cacert", lab["NETKIT_LAB_CA"], "-t", "A", "www.lab.test", columns=200)
    assert done.returncode == 0
    assert f"not used: 127.0.0.1:{port}: tls: the certificate was refused: certificate has expired" in done.screen
    failed = terminal("resolve", servers[0], "--cacert", lab["NETKIT_LAB_CA"], "-t", "A", "www.lab.test", columns=200)
    assert (failed.returncode, failed.text.count("has expired")) == (6, 1)


@pytest.mark.parametrize("options", [[], ["--jobs", "2"], ["--concurrency", "3"], ["--rate", "900/s"]])
def test_many_names(options: list[str], at: list[str], netkit: Run) -> None:
    lines = ["many.lab.test", "nosuch.lab.test", "a..b", "127.0.0.1", "servfail.lab.test"]
    text = "\n".join(lines * 40)
    done = netkit("resolve", *at, "-t", "A", "--json", "--ordered", *options, "-i", "-", input=text)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["input"], one["outcome"]) for one in found] == 40 * list(
        zip(lines, ["answer", "nxdomain", "badname", "answer", "servfail"], strict=True)
    )
    scheme = at[0][1:].partition(":")[0]
    assert {one["transport"] for one in found} == {scheme, None}
    alone = netkit("resolve", *at, "-t", "A", "--json", "many.lab.test")
    [same] = map(json.loads, alone.stdout.splitlines())
    for document in (found[0], same):
        document.pop("time")
        document.pop("elapsed_ms")
    assert found[0] == same
    assert done.returncode == 8


def test_many_full_names(at: list[str], netkit: Run) -> None:
    text = "127.0.0.1\nalias.lab.test\n127.0.0.77\n"
    done = netkit("fqdn", "-s", at[0][1:], *at[1:], "--ordered", "-i", "-", input=text)
    assert done.stdout == (
        "127.0.0.1\twww.lab.test\tconfirmed\nalias.lab.test\twww.lab.test\tanswer\n"
        "127.0.0.77\twww.lab.test\tunconfirmed\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    done = netkit("fqdn", "-s", at[0][1:], "-i", "-", input=text)
    assert (done.returncode, done.stderr) == (6, "netkit: 3 of 3 questions failed: 3 tls\n")


def test_every_step_of_many_names(at: list[str], netkit: Run) -> None:
    done = netkit("resolve", *at, "--trace", "-t", "A", "-i", "-", input="www.lab.test\n")
    assert done.stdout == "www.lab.test\tA\tanswer\t127.0.0.1\n"
    for word in ("socket ", "connect ", "tls ", "send ", "recv "):
        assert word in done.stderr


@pytest.mark.parametrize(("options", "size"), [((), 128), (("--pad", "256"), 256), (("--pad", "0"), 0)])
def test_padding(options: tuple[str, ...], size: int, at: list[str], netkit: Run) -> None:
    done = netkit("resolve", *at, *options, "--trace=json", "-t", "A", "www.lab.test")
    reply = [json.loads(line) for line in done.stderr.splitlines() if "reply NOERROR" in line]
    assert [one["size"] for one in reply] == [468 if size else 57]


def test_without_aioquic_it_is_said_what_is_missing(lab: Mapping[str, str], tmp_path: Path) -> None:
    """The package is not found, as where the extra was not installed."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'aioquic':\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
    )
    path = os.pathsep.join((str(tmp_path), os.getcwd()))
    done = subprocess.run(
        [sys.executable, "-m", "netkit", "resolve", "@quic://127.0.0.1:1", "a.test"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == (
        "netkit: DNS over QUIC needs aioquic, which is not installed\nhint: pip install 'netkit-cli[doq]'\n"
    )


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("tls://192.0.2.1/path", "only https:// has a path"),
        ("tls://dns.test#dns.test", "the IP address of the name"),
        ("tls://192.0.2.1#192.0.2.2", "the IP address of the name"),
        ("https://dns.test/dns?x=1", "the path has a character that none may have"),
        ("quic://", ""),
        ("doh://dns.test", ""),
    ],
)
def test_servers_that_are_none(server: str, said: str, netkit: Run) -> None:
    done = netkit("resolve", f"@{server}", "a.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
