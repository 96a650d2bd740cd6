"""Trust anchors: the files that people have, and what is wrong with others."""

import base64
from pathlib import Path

import dns.name
import pytest

from netkit.dns.validate.anchors import MAX_FILE, load_anchors, parse_anchors
from netkit.errors import BadInput, LocalFailure
from tests.dns.validate.tree import ds_text, make_key

KEY = make_key("z.test.")[1]
OTHER = make_key("z.test.", flags=256)[1]
DS = ds_text("z.test.", KEY)
DATA = base64.b64encode(KEY.key).decode()
HALVES = f"{DATA[:20]} {DATA[20:]}"
ZONE = dns.name.from_text("z.test.")


def test_the_roots_own() -> None:
    [(zone, anchor)] = load_anchors().items()
    assert (zone, anchor.source) == (dns.name.root, "IANA's root anchors")
    assert [(ds.key_tag, ds.algorithm, ds.digest_type) for ds in anchor.ds] == [(20326, 8, 2), (38696, 8, 2)]
    assert anchor.ds[0].digest.hex() == "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"
    assert anchor.ds[1].digest.hex() == "683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16"


@pytest.mark.parametrize(
    "text",
    [
        f"z.test. IN DS {DS}",
        f"z.test. DS {DS}\n",
        f"z.test. 3600 IN DS {DS} ; a comment",
        f"; only this\nz.test.\t172800\tIN\tDNSKEY\t257 3 15 {DATA} ; KSK; alg = ED25519 ; key id = {KEY.key_id()}\n",
        f"z.test. DNSKEY 257 3 15 (\n {HALVES} )",
        f"z.test. DNSKEY {KEY}\nz.test. DNSKEY {OTHER}\n",  # as dig prints them: the key-signing key is the anchor
        f'trust-anchors {{ z.test. static-key 257 3 15 "{HALVES}"; }};',
        f'trust-anchors {{\n  "z.test" initial-key 257 3 15 "{HALVES}"; // one\n}};',
        f'trust-anchors {{ z.test. static-ds {DS.rpartition(" ")[0]} "{DS.rpartition(" ")[2]}"; # two\n }};',
        f"/* three {'x'} */ trust-anchors {{ z.test. initial-ds {DS}; }};",
        f'managed-keys {{ z.test. initial-key 257 3 15 "{DATA}"; }};',
        f'trusted-keys {{ z.test. 257 3 15 "{DATA}"; }};',
    ],
)
def test_files_that_people_have(text: str) -> None:
    [(zone, anchor)] = parse_anchors(text, "f").items()
    assert (zone, [one.to_text() for one in anchor.ds], anchor.source) == (ZONE, [DS], "f")


def test_several_zones_and_keys() -> None:
    text = f". DS {ds_text('.', KEY)}\n. DS {ds_text('.', OTHER)}\nz.test. DS {DS}\nz.test. DS {DS}\n"
    found = parse_anchors(text, "f")
    assert {str(zone): len(anchor.ds) for zone, anchor in found.items()} == {".": 2, "z.test.": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "f has no trust anchor"),
        ("; nothing\n", "f has no trust anchor"),
        ("trust-anchors { };", "f has no trust anchor"),
        ("z.test. A 192.0.2.1", "f: z.test. A is no trust anchor: DS or DNSKEY is"),
        ("z.test. DS 1 15", "f: no trust anchor: "),
        ("$INCLUDE /etc/passwd", "f: no trust anchor: "),
        ("<html>", "f: no trust anchor: "),
        ('trust-anchors { z.test. static-key 257 3 15 "', "f: "),
        ("trust-anchors { z.test. static-key 257; };", "f: the anchor of z.test. needs four fields"),
        ('trust-anchors { z.test. static-key 257 3 15 "!!"; };', "f: no trust anchor: "),
        (f"z.test. DNSKEY 0 3 15 {DATA}", f"f: the DNSKEY {KEY.key_id() - 257} of z.test. signs no zone"),
        (f"z.test. DNSKEY 385 3 15 {DATA}", f"f: the DNSKEY {KEY.key_id() + 128} of z.test. signs no zone"),
        (f"z.test. DS 1 250 2 {'ab' * 32}", "f: no anchor of z.test. can be used: ALG250 or its digest is unknown"),
    ],
)
def test_what_is_none(text: str, reason: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_anchors(text, "f")
    assert caught.value.message.startswith(reason)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(LocalFailure, match=r"cannot read the trust anchor .*/none: No such file"):
        load_anchors(str(tmp_path / "none"))
    (tmp_path / "big").write_bytes(b";" * (MAX_FILE + 1))
    with pytest.raises(BadInput, match="big is larger than 256 KiB: it is no trust anchor"):
        load_anchors(str(tmp_path / "big"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match="binary is not text: it is no trust anchor"):
        load_anchors(str(tmp_path / "binary"))
