"""TSIG: key files, a signed query as dnspython reads it, and replies that are not signed as they should be."""

import os
import time
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.dns.manner import Manner
from netkit.dns.name import parse_name
from netkit.dns.result import Outcome
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, ask
from netkit.dns.tsig import Forged, Untaken, sign, verify
from netkit.dns.tsig_key import ALGORITHMS, MAX_FILE, Key, parse_key, read_key
from netkit.dns.types import A
from netkit.dns.wire import Malformed, Mismatch, Query, QueryOptions, parse
from netkit.errors import BadInput, LocalFailure
from tests.dns.conftest import Ending, Scripted, reply_to

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Serve = Callable[..., Scripted]
OCTETS = b"a secret of 24 octets..."
SECRET = b64encode(OCTETS).decode()
KEY = Key("key.test.", "hmac-sha256", OCTETS)
CLAUSE = f'key "key.test" {{\n\talgorithm hmac-sha256;\n\tsecret "{SECRET}";\n}};\n'


@pytest.mark.parametrize(
    "text",
    [
        CLAUSE,
        CLAUSE.replace("\n", " "),
        f"// made by tsig-keygen\n# once\n/* or\n twice */ {CLAUSE}",
        f'options {{ directory "/x"; }};\n{CLAUSE}zone test {{ type primary; file "key"; }};',
        f"key KEY.test. {{ secret {SECRET}; algorithm HMAC-SHA256; }};",
        f"key key.test {{ secret {SECRET}; }};",
        f"key.test:hmac-sha256:{SECRET}\n",
        f"# kdig -y\n\n  hmac-sha256:key.test:{SECRET}  # the lab's\n",
        f"key.test.:{SECRET}",
    ],
)
def test_key_files(text: str) -> None:
    assert parse_key(text) == KEY


def test_every_algorithm_is_dnspythons() -> None:
    for short, name in ALGORITHMS.items():
        for written in (short, name):
            key = parse_key(f"key.test:{written}:{SECRET}")
            assert dns.tsig.Key(key.name, key.secret, key.algorithm).algorithm in dns.tsig.HMACTSig._hashes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no key"),
        ("nonsense", "it has no key"),
        ("a:b:c:d", "it has no key"),
        (CLAUSE + CLAUSE, "it has 2 keys, where one is to be used"),
        ('key "key.test', 'its syntax is broken: a " is never closed'),
        ("key k { secret", "its syntax is broken: a { is never closed"),
        ("key k { algorithm hmac-sha256; };", "the key has no secret"),
        ("k:hmac-sha257:c2VjcmV0", f"key algorithm 'hmac-sha257' is not one of {', '.join(ALGORITHMS)}"),
        ("k:hmac-sha256:not*base64", "the key's secret is not base64"),
        ("k:hmac-sha256:", "the key's secret is not base64"),
        (f"a..b:hmac-sha256:{SECRET}", "'a..b': label 2 is empty (two dots in a row, or a dot in front)"),
    ],
)
def test_what_is_no_key_file(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_key(text)
    assert caught.value.message == message


@pytest.mark.parametrize(
    "text",
    [
        "k:SECRETxx:hmac-sha256",
        "SECRETxx:not*base64",
        "SECRETxx/+==:bXlrZXk=",
        'key k { algorithm SECRETxx; secret "hmac-sha256"; };',
        'key "SECRETxx" { algorithm hmac-sha256; };',
        'key "SECRETxx" { secret "k*"; };',
    ],
)
def test_a_secret_in_the_wrong_place_is_not_told(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_key(text)
    assert "SECRETxx" not in f"{caught.value.message} {caught.value.hint}"


def test_files_that_cannot_be_used_are_named_and_no_secret_is_told(tmp_path: Path) -> None:
    path = tmp_path / "key"
    with pytest.raises(LocalFailure, match=f"cannot read the key file {path}: No such file or directory"):
        read_key(str(path))
    path.write_text(f'key k {{ algorithm x; secret "{SECRET}"; }};')
    with pytest.raises(BadInput, match=f"{path}: key algorithm is not one of") as caught:
        read_key(str(path))
    assert SECRET not in f"{caught.value.message} {caught.value.hint} {parse_key(CLAUSE)!r} {parse_key(CLAUSE)}"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="is not text: it is no key file"):
        read_key(str(path))
    path.write_bytes(b"#" * (MAX_FILE + 1))
    with pytest.raises(BadInput, match="is larger than 64 KiB: it is no key file"):
        read_key(str(path))
    path.write_text(CLAUSE)
    assert read_key(str(path)) == KEY


@pytest.mark.parametrize("options", [QueryOptions(), QueryOptions(edns=False), QueryOptions(pad=128)])
def test_a_signed_query_is_what_dnspython_verifies(options: QueryOptions) -> None:
    query = sign(Query(7, parse_name("www.test"), A, options), KEY)
    read = dns.message.from_wire(query.wire, keyring={dns.name.from_text(KEY.name): OCTETS})
    assert (read.had_tsig, read.mac, read.id, str(read.question[0])) == (True, query.mac, 7, "www.test. IN A")


# --- replies


def made(secret: bytes = OCTETS, name: str = KEY.name) -> dns.tsig.Key:
    return dns.tsig.Key(name, secret, KEY.algorithm)


def signed_reply(query: bytes, address: str = "192.0.2.1", key: dns.tsig.Key | None = None) -> bytes:
    """A reply as a server makes it that has the key, or, with `key`, one that has another."""
    asked = dns.message.from_wire(query, keyring={dns.name.from_text(KEY.name): made()})
    reply = dns.message.from_wire(reply_to_signed(query, f"@ 60 IN A {address}"))
    reply.use_tsig(key or made())
    reply.request_mac = asked.mac or b""
    return reply.to_wire(max_size=65535)


def reply_to_signed(query: bytes, *answer: str) -> bytes:
    """An unsigned reply to a signed query."""
    asked = dns.message.from_wire(query, keyring={dns.name.from_text(KEY.name): made()})
    return reply_to(dns.message.make_query(asked.question[0].name, "A", id=asked.id).to_wire(), *answer)


def one(server: Scripted, *, replies: int = 0, tcp: bool = False) -> Reached:
    """replies: the deadline passes behind so many."""
    deadline = Ending.after(20_000 * MS)
    [reached] = ask(
        [(parse_name("www.test"), A)],
        [Server("127.0.0.1", server.port)],
        Manner(deadline, tcp, tries=1, options=QueryOptions(key=KEY), on_event=deadline.behind(replies)),
    )
    return reached


@pytest.mark.parametrize("tcp", [False, True])
def test_a_reply_that_is_signed_with_the_key(serve: Serve, tcp: bool) -> None:
    reached = one(serve(lambda query, transport, number: [signed_reply(query)]), tcp=tcp)
    assert (reached.outcome, reached.key, reached.rejected) == (Outcome.ANSWER, "key.test.", [])


FORGERIES: dict[str, Callable[[bytes], bytes]] = {
    "it is not signed": lambda query: reply_to_signed(query, "@ 60 IN A 6.6.6.6"),
    "its signature is wrong": lambda query: signed_reply(query, "6.6.6.6", made(b"another secret")),
    "it is signed with another key": lambda query: signed_reply(query, "6.6.6.6", made(OCTETS, "other.test.")),
}


@pytest.mark.parametrize("reason", FORGERIES)
def test_forged_replies_are_rejected_and_the_wait_goes_on(serve: Serve, reason: str) -> None:
    server = serve(lambda query, transport, number: [FORGERIES[reason](query), signed_reply(query)])
    reached = one(server)
    assert (reached.outcome, reached.key) == (Outcome.ANSWER, "key.test.")
    assert [r.reason for r in reached.rejected] == [f"bogus: {reason}"]


@pytest.mark.parametrize("reason", FORGERIES)
def test_forged_replies_alone_are_bogus(serve: Serve, reason: str) -> None:
    server = serve(lambda query, transport, number: [b"garbage", FORGERIES[reason](query)])
    reached = one(server, replies=2)
    assert (reached.outcome, reached.reply, reached.key) == (Outcome.BOGUS, None, None)
    assert f"bogus: {reason}" in [r.reason for r in reached.rejected]


@given(st.lists(st.tuples(st.integers(12, 400), st.integers(0, 255)), min_size=1, max_size=5), st.integers(0, 300))
def test_nothing_else_is_raised_for_any_signature(changes: list[tuple[int, int]], cut: int) -> None:
    """Signed replies with some octets changed, or the end missing: what is verified is what was signed."""
    query = sign(Query(7, parse_name("www.test"), A), KEY)
    right = signed_reply(query.wire)
    signed = right[: right.rindex(b"\3key")]
    for wire in (changed(right, changes), right[: max(12, len(right) - cut)]):
        with suppress(Malformed, Mismatch, Forged, Untaken):
            verify(query, KEY, parse(wire, query))
            assert wire.startswith(signed)


def changed(wire: bytes, changes: list[tuple[int, int]]) -> bytes:
    octets = bytearray(wire)
    for at, octet in changes:
        octets[12 + at % (len(octets) - 12)] = octet
    return bytes(octets)


def test_one_changed_octet_is_seen(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        right = signed_reply(query)
        return [right.replace(b"\xc0\0\2\1", b"\6\6\6\6", 1)]

    assert one(serve(script), replies=1).outcome is Outcome.BOGUS


def test_a_reply_of_another_time(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [signed_reply(query)]

    server, now = serve(script), time.time()
    clock = iter([now, *[now + 1000] * 9])  # a quarter of an hour later when the reply is looked at
    monkeypatch.setattr("netkit.dns.tsig.time", lambda: next(clock))
    reached = one(server, replies=1)
    assert reached.outcome is Outcome.BOGUS
    assert reached.rejected[0].reason == "bogus: its signature is of another time than this machine's"


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (dns.rcode.BADKEY, "BADKEY: it does not know the key"),
        (dns.rcode.BADSIG, "BADSIG: to it the signature is wrong, so its secret is another"),
        (dns.rcode.BADTIME, "BADTIME: its clock differs from this machine's"),
    ],
)
def test_a_server_that_does_not_take_the_key(serve: Serve, error: dns.rcode.Rcode, detail: str) -> None:
    """It says so in a TSIG record of its own, which is not signed (RFC 8945 5.3.2), and is not asked again."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        owner = parse_name("key.test")
        data = parse_name("hmac-sha256") + bytes(6) + b"\1\x2c\0\0" + query[:2] + int(error).to_bytes(2) + b"\0\0"
        plain = reply_to_signed(query)
        plain = plain[:2] + b"\x81\x89" + plain[4:10] + b"\0\1" + plain[12:]
        return [plain + owner + b"\0\xfa\0\xff\0\0\0\0" + len(data).to_bytes(2) + data]

    server = serve(script)
    reached = one(server)
    assert (reached.outcome, reached.detail, len(server.queries)) == (Outcome.NOTAUTH, detail, 1)
    assert [r.reason for r in reached.rejected] == [f"notauth: {detail}"]
