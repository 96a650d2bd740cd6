"""`netkit resolve --validate` as a process, against the lab's signed zones: every form, every verdict's exit code."""

import json
import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from netkit.cli.output.names.resolve import dnssec, message
from netkit.dns.result import Outcome, Resolution
from netkit.dns.validate.verdict import Dnssec, Link, Verdict
from netkit.lab.dns.signing import trust_anchor
from tests.dns.conftest import Scripted, reply_to, serve  # noqa: F401

Netkit = Callable[..., subprocess.CompletedProcess[str]]
Terminal = Callable[..., Any]


@pytest.fixture
def anchor(lab: Mapping[str, str]) -> str:
    return lab["NETKIT_LAB_ANCHOR"]


@pytest.fixture
def validate(netkit: Netkit, dns: str, anchor: str) -> Netkit:
    """Run it on names of the lab."""

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        return netkit("resolve", f"@{dns}", "--trust-anchor", anchor, *args)

    return run


def test_a_pipe_gets_the_verdict_as_a_column(validate: Netkit, dns: str) -> None:
    done = validate("-t", "A", "www.signed.test")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "www.signed.test.\t300\tA\t127.0.0.1\tdns\tsecure\n"
    done = validate("-t", "A", "to-unsigned.signed.test")
    assert done.returncode == 0
    assert done.stdout == (
        "to-unsigned.signed.test.\t300\tCNAME\twww.unsigned.signed.test.\tdns\tinsecure\n"
        "www.unsigned.signed.test.\t300\tA\t127.0.0.1\tdns\tinsecure\n"
    )
    assert done.stderr == (
        "netkit: to-unsigned.signed.test. A: insecure: signed.test. proves that unsigned.signed.test. has no DS: it is "
        "delegated without, so nothing from there down has to be signed\n"
    )


def test_short_is_the_data_alone_and_the_word_is_beside_it(validate: Netkit) -> None:
    done = validate("--short", "-t", "A", "www.unsigned.signed.test")
    assert (done.returncode, done.stdout) == (0, "127.0.0.1\n")
    assert done.stderr.startswith("netkit: www.unsigned.signed.test. A: insecure: ")
    assert validate("--short", "-t", "A", "tampered.signed.test").stdout == ""


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        (
            "tampered.signed.test",
            6,
            "bogus: the signatures do not prove the answer (tampered.signed.test. A: the signature of key 10288 does "
            "not fit the data), says {dns}",
        ),
        (
            "stripped.signed.test",
            6,
            "bogus: the signatures do not prove the answer (stripped.signed.test. A: no signature, and signed.test. is "
            "signed), says {dns}",
        ),
        ("nosuch.signed.test", 1, "nxdomain: no such name, says {dns}, secure"),
        ("nosuch.unsigned.signed.test", 1, "nxdomain: no such name, says {dns}, insecure"),
        (
            "www.lab.test",
            1,
            "indeterminate: whether the signatures prove the answer cannot be told (no trust anchor is at or above "
            "www.lab.test.: there are those of signed.test.), says {dns}",
        ),
    ],
)
def test_what_is_said_and_the_exit_code(validate: Netkit, dns: str, name: str, code: int, said: str) -> None:
    done = validate("-t", "A", name)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.partition("\nhint:")[0].rstrip() == f"netkit: {name} A: {said.format(dns=dns)}"


def test_what_expired_is_said_with_its_date(validate: Netkit) -> None:
    done = validate("-t", "A", "www.expired.signed.test")
    assert (done.returncode, done.stdout) == (6, "")
    assert re.search(
        r"\(expired\.signed\.test\. DNSKEY: the signature expired on 2025-01-01T00:00:00Z, \d+ days ago\)", done.stderr
    )


def test_a_forged_answer_of_the_first_server_is_told_beside_that_of_the_next(
    netkit: Netkit,
    terminal: Terminal,
    dns: str,
    anchor: str,
    serve: Callable[..., Scripted],  # noqa: F811
) -> None:
    liar = serve(lambda query, transport, number: [reply_to(query, "@ 300 IN A 192.0.2.66", options=())])
    args = ("resolve", f"@{liar}", f"@{dns}", "--trust-anchor", anchor, "-t", "A", "www.signed.test")
    told = f"not used: {liar}: bogus: signed.test. DNSKEY: "
    for form, data in (("--short", "127.0.0.1"), ("--color=never", "www.signed.test.\t300\tA\t127.0.0.1\tdns\tsecure")):
        done = netkit(*args, form)
        assert (done.returncode, done.stdout) == (0, f"{data}\n")
        assert done.stderr.startswith(f"netkit: www.signed.test A: {told}")
        assert len(done.stderr.splitlines()) == 1
        assert netkit(*args, form, "--quiet").stderr == ""
    assert [line for line in terminal(*args, columns=300).screen if line.startswith(told)]


def test_one_forged_type_of_the_default_pair_is_6(validate: Netkit) -> None:
    assert validate("tampered.signed.test").returncode == 6
    assert validate("www.signed.test").returncode == 0


def test_json_has_the_chain(validate: Netkit) -> None:
    done = validate("--json", "-t", "A", "www.expired.signed.test", "www.signed.test")
    bogus, secure = map(json.loads, done.stdout.splitlines())
    assert (done.returncode, bogus["exit_code"], secure["exit_code"]) == (8, 6, 0)
    assert (bogus["outcome"], bogus["answers"], bogus["addresses"]) == ("bogus", [], [])
    assert list(bogus["dnssec"]) == list(secure["dnssec"]) == [
        "verdict", "reason", "hint", "opt_out", "failing", "chain"
    ]  # fmt: skip
    assert bogus["dnssec"]["opt_out"] is secure["dnssec"]["opt_out"] is False
    failing = bogus["dnssec"]["failing"]
    assert failing == bogus["dnssec"]["chain"][-1]
    assert {key: failing[key] for key in ("zone", "role", "name", "type", "verdict", "key_tag", "algorithm")} == {
        "zone": "expired.signed.test.",
        "role": "keys",
        "name": "expired.signed.test.",
        "type": "DNSKEY",
        "verdict": "bogus",
        "key_tag": 53479,
        "algorithm": "ED25519",
    }
    assert failing["expires"] == "2025-01-01T00:00:00Z"
    assert failing["reason"] == bogus["dnssec"]["reason"]
    assert bogus["error"]["kind"] == "bogus"
    assert secure["dnssec"]["verdict"] == "secure"
    assert secure["dnssec"]["failing"] is secure["dnssec"]["reason"] is None
    assert [(link["role"], link["type"]) for link in secure["dnssec"]["chain"]] == [
        ("anchor", "DS"),
        ("keys", "DNSKEY"),
        ("answer", "A"),
    ]
    assert all(len(link) == 12 for link in secure["dnssec"]["chain"])


def test_a_terminal_gets_the_chain_as_a_tree(terminal: Terminal, dns: str, anchor: str) -> None:
    done = terminal("resolve", f"@{dns}", "--trust-anchor", anchor, "-t", "A", "www.expired.signed.test", columns=120)
    assert done.returncode == 6
    tree = [re.sub(r"\d{4}-\d\d-\d\d", "DATE", line) for line in done.screen]
    start = tree.index("bogus: www.expired.signed.test. A")
    assert tree[start + 1 : start + 6] == [
        "└── signed.test. secure",
        f"    ├── trust anchor 10288 · {anchor}",
        "    ├── DNSKEY 10288 · signed by 10288 ED25519 until DATE",
        "    ├── expired.signed.test. DS 53479 · signed by 10288 ED25519 until DATE",
        "    └── expired.signed.test. bogus",
    ]
    assert tree[start + 6].startswith("        └── DNSKEY 53479 · signed by 53479 ED25519 until DATE · the signature")
    plain = terminal("resolve", "-q", f"@{dns}", "--trust-anchor", anchor, "www.lab.test", columns=100)
    assert plain.screen[-1] == "indeterminate: www.lab.test. A, AAAA"


def test_the_roots_anchors_are_the_default(netkit: Netkit, dns: str) -> None:
    done = netkit("resolve", f"@{dns}", "--validate", "--json", "-t", "A", "www.signed.test")
    found = json.loads(done.stdout)
    assert (done.returncode, found["outcome"], found["dnssec"]["verdict"]) == (9, "refused", "indeterminate")
    assert found["dnssec"]["chain"][0]["key_tags"] == [20326, 38696]
    assert found["error"]["message"].startswith(
        "www.signed.test A: refused: the server refuses to answer (REFUSED) (. DNSKEY: "
    )


NEITHER = "--validate takes neither RRSIG, which nobody signs, nor another class, nor --no-edns"
ANSWERS = "--validate is for answers: neither zone transfers nor the modes are validated"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["-t", "RRSIG"], NEITHER),
        (["--class", "CH"], NEITHER),
        (["--no-edns"], NEITHER),
        (["-t", "AXFR"], ANSWERS),
        (["--compare"], ANSWERS),
        (["--trace-root"], ANSWERS),
    ],
)
def test_what_cannot_be_validated_is_2(validate: Netkit, args: list[str], said: str) -> None:
    done = validate(*args, "signed.test")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"netkit: {said}\n")


def test_anchors_that_are_none(netkit: Netkit, dns: str, tmp_path: Path) -> None:
    done = netkit("resolve", f"@{dns}", "--trust-anchor", str(tmp_path / "none"), "www.signed.test")
    assert (done.returncode, done.stdout) == (11, "")
    assert done.stderr == f"netkit: cannot read the trust anchor {tmp_path}/none: No such file or directory\n"
    (tmp_path / "page.html").write_text("<html>")
    done = netkit("resolve", f"@{dns}", "--trust-anchor", str(tmp_path / "page.html"), "www.signed.test")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"netkit: {tmp_path}/page.html: no trust anchor: ")
    assert "hint: write DS or DNSKEY records" in done.stderr


def test_what_netkit_prints_of_keys_is_an_anchor(netkit: Netkit, dns: str, tmp_path: Path) -> None:
    keys = netkit("resolve", f"@{dns}", "--zone", "-t", "DNSKEY", "signed.test").stdout
    (tmp_path / "signed.key").write_text(keys)
    done = netkit("resolve", f"@{dns}", "--trust-anchor", str(tmp_path / "signed.key"), "--json", "www.signed.test")
    assert done.returncode == 0
    assert trust_anchor().split()[3] == str(
        json.loads(done.stdout.splitlines()[0])["dnssec"]["chain"][0]["key_tags"][0]
    )


def test_a_validated_run_in_other_forms(validate: Netkit) -> None:
    assert validate("--zone", "-t", "A", "www.signed.test").stdout == "www.signed.test.\t300\tIN\tA\t127.0.0.1\n"
    done = validate("--dnssec", "-t", "A", "www.signed.test")
    assert [line.split("\t")[2] for line in done.stdout.splitlines()] == ["A", "RRSIG"]
    assert validate("--zone", "-t", "A", "tampered.signed.test").stdout == ""
    done = validate("--fields", "data,dnssec,outcome", "-t", "A", "www.signed.test", "tampered.signed.test")
    assert done.stdout == "127.0.0.1\tsecure\tanswer\n\tbogus\tbogus\n"
    assert validate("--tsv", "--fields", "data", "-t", "A", "tampered.signed.test").stdout.count("127.0.0") == 0


def test_an_unsigned_delegation_that_may_be_there_is_told() -> None:
    link = Link("t.", "denial", "abc.t.", "NSEC3", Verdict.SECURE, reason="no x.t.", opt_out=True)
    found = Dnssec(Verdict.SECURE, (link,))
    one = Resolution("x.t", "x.t.", "A", Outcome.NXDOMAIN, "dns", server="192.0.2.1:53", dnssec=found)
    assert message(one) == (
        "x.t A: nxdomain: no such name, says 192.0.2.1:53, secure "
        "(opt-out: an unsigned delegation may be there, RFC 5155 9.2)"
    )
    shown = dnssec(found)
    assert (shown["opt_out"], shown["chain"][0]["opt_out"]) == (True, True)
    below = link._replace(role="delegation")  # it is what the name is below: nothing is left open
    assert dnssec(Dnssec(Verdict.INSECURE, (below,)))["opt_out"] is False
