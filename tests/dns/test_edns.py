"""EDNS options: what a query carries, what a reply says, and replies whose options are another question's."""

import os
from collections.abc import Callable

import dns.edns
import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.dns.cookies import COOKIE, Cookies
from netkit.dns.edns import ERRORS, EXTENDED_ERROR, NSID, SUBNET, read, subnet_option
from netkit.dns.manner import Manner
from netkit.dns.name import parse_name
from netkit.dns.result import Ede, Edns, Outcome
from netkit.dns.servers import Server
from netkit.dns.stub import Reached, ask
from netkit.dns.types import A
from netkit.dns.wire import Malformed, Query, QueryOptions, Reply, parse
from netkit.errors import BadInput
from tests.dns.conftest import Ending, Scripted, reply_to

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Serve = Callable[..., Scripted]
WWW = Query(0x1234, parse_name("www.test"), A)
ADDRESS = "@ 60 IN A 192.0.2.1"


def replied(*options: tuple[int, bytes]) -> Reply:
    return parse(reply_to(WWW.wire, ADDRESS, options=options), WWW)


def one(server: Scripted, options: QueryOptions, *, replies: int = 0) -> Reached:
    """replies: the deadline passes behind so many."""
    deadline = Ending.after(20_000 * MS)
    where = [Server("127.0.0.1", server.port)]
    manner = Manner(deadline, try_seconds=deadline.seconds, options=options, on_event=deadline.behind(replies))
    [reached] = ask([(WWW.name, A)], where, manner)
    return reached


def sent(server: Scripted) -> list[dict[int, bytes]]:
    """The EDNS options of each query that came."""
    return [
        {int(option.otype): option.to_wire() or b"" for option in dns.message.from_wire(wire).options}
        for _, wire in server.queries
    ]


# --- what a query carries


@pytest.mark.parametrize(
    ("text", "family", "source", "address"),
    [
        ("192.0.2.0/24", 1, 24, b"\xc0\0\2"),
        ("192.0.2.77/24", 1, 24, b"\xc0\0\2"),
        ("192.0.2.255/25", 1, 25, b"\xc0\0\2\x80"),
        ("192.0.2.1", 1, 32, b"\xc0\0\2\1"),
        ("0", 1, 0, b""),
        ("0.0.0.0/0", 1, 0, b""),
        ("::/0", 2, 0, b""),
        ("2001:db8:ffff::/33", 2, 33, b"\x20\1\x0d\xb8\x80"),
    ],
)
def test_client_subnets(text: str, family: int, source: int, address: bytes) -> None:
    assert subnet_option(text) == (SUBNET, bytes([0, family, source, 0]) + address)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("192.0.2.0/33", "client subnet '192.0.2.0/33': the prefix length is over 32"),
        ("::/129", "client subnet '::/129': the prefix length is over 128"),
        ("192.0.2.0/", "client subnet '192.0.2.0/' is no network"),
        ("192.0.2.0/-1", "client subnet '192.0.2.0/-1' is no network"),
        ("192.0.2.0/²", "client subnet '192.0.2.0/²' is no network"),
        ("192.0.2/24", "client subnet '192.0.2/24' is no network"),
        ("lab.test", "client subnet 'lab.test' is no network"),
        ("", "client subnet '' is no network"),
        ("\0", "client subnet '\\x00' is no network"),
    ],
)
def test_what_is_no_client_subnet(text: str, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        subnet_option(text)
    assert caught.value.message == message


@given(st.integers(1, 600), st.binary(max_size=70), st.integers(1, 60))
def test_padding_makes_the_size(block: int, data: bytes, label: int) -> None:
    options = QueryOptions(pad=block, extra=((65001, data),))
    wire = Query(7, bytes([label]) + b"a" * label + b"\0", A, options).wire
    assert len(wire) % block == 0
    assert len(wire) < 12 + label + 2 + 4 + 11 + 4 + len(data) + 4 + block
    last = dns.message.from_wire(wire).options[-1]
    assert (last.otype, (last.to_wire() or b"").strip(b"\0")) == (dns.edns.OptionType.PADDING, b"")


def test_padding_is_what_was_said_or_the_transports() -> None:
    assert QueryOptions().encrypted.pad == 128
    assert (QueryOptions(pad=0).encrypted.pad, QueryOptions(pad=468).encrypted.pad) == (0, 468)
    assert len(Query(7, WWW.name, A, QueryOptions(pad=0)).wire) == len(Query(7, WWW.name, A).wire)


# --- what a reply says


def test_everything_that_a_reply_says() -> None:
    read_of = read(
        replied(
            (EXTENDED_ERROR, b"\0\x12not for you"),
            (NSID, b"ns1.lab"),
            (SUBNET, b"\0\1\x18\x10\xc0\0\2"),
            (COOKIE, b"ourownid" + b"serverscookie"),
            (EXTENDED_ERROR, b"\xc0\0"),
            (12, bytes(30)),
            (65001, b"unknown"),
        )
    )
    assert read_of == Edns(
        0,
        1232,
        False,
        (Ede(18, "Prohibited", "not for you"), Ede(49152, "Private Use", "")),
        b"ns1.lab",
        "192.0.2.0/24",
        16,
        b"ourownid",
        b"serverscookie",
    )


def test_without_edns_there_is_nothing_to_read() -> None:
    assert read(parse(reply_to(WWW.wire, ADDRESS), WWW)) is None
    assert read(replied()) == Edns(0, 1232, False)


def test_the_names_of_extended_errors_are_dnspythons() -> None:
    known = [code for code in dns.edns.EDECode if code < len(ERRORS)]
    assert len(known) >= 25  # older releases of it know fewer
    for code in known:
        assert ERRORS[code].upper().replace(" ", "_").replace("-", "_") == code.name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (b"", ""),
        (b"bl\xc3\xbccher", "blücher"),
        (b"\xff", "\\xff"),
        (b"ends with NUL\0", "ends with NUL"),
        (b"\x1b[31m\n", "\x1b[31m\n"),
    ],
)
def test_the_words_of_an_extended_error(text: bytes, shown: str) -> None:
    """As they came: whoever shows them escapes them."""
    edns = read(replied((EXTENDED_ERROR, b"\0\0" + text)))
    assert edns is not None
    assert edns.ede == (Ede(0, "Other", shown),)


@pytest.mark.parametrize(
    "option",
    [
        (EXTENDED_ERROR, b"\0"),
        (SUBNET, b"\0\1\x18"),
        (SUBNET, b"\0\1\x21\0\xc0\0\2\1\0"),
        (SUBNET, b"\0\1\x18\0\xc0\0"),
        (SUBNET, b"\0\3\x18\0\xc0\0\2"),
        (COOKIE, b"short"),
        (COOKIE, b"ourownid" + b"seven.."),
        (COOKIE, b"ourownid" + bytes(33)),
    ],
)
def test_options_that_are_not_made_as_they_should_be_say_nothing(option: tuple[int, bytes]) -> None:
    assert read(replied(option)) == Edns(0, 1232, False)


@given(st.binary(max_size=60))
def test_random_options_are_read_or_malformed(data: bytes) -> None:
    wire = reply_to(WWW.wire, options=[])
    reply = parse(wire[:-2] + len(data).to_bytes(2) + data, WWW)
    if not whole(data):
        with pytest.raises(Malformed, match="an EDNS option runs past the end of its record"):
            read(reply)
        return
    edns = read(reply)
    assert edns is not None
    assert edns.payload == 1232


def whole(data: bytes) -> bool:
    """Whether the octets are options to their end."""
    while len(data) >= 4:
        data = data[4:][int.from_bytes(data[2:4]) :] if len(data) >= 4 + int.from_bytes(data[2:4]) else b"x"
    return not data


OPT = b"\0\0\x29\4\xd0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    ("counts", "records"),
    [
        (b"\0\0\0\0\0\2", OPT + OPT),
        (b"\0\1\0\0\0\0", OPT),
        (b"\0\0\0\1\0\0", OPT),
        (b"\0\0\0\0\0\1", b"\1a" + OPT),
    ],
)
def test_an_opt_record_that_is_not_in_its_place(counts: bytes, records: bytes) -> None:
    with pytest.raises(Malformed, match="its OPT record is not the one of the additional section"):
        parse(b"\x12\x34\x81\x80\0\1" + counts + WWW.question + records, WWW)


# --- replies to somebody else's query


def test_a_subnet_that_was_not_sent_is_no_reply_to_us(serve: Serve) -> None:
    """RFC 7871 7.3."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        [sent] = [option.to_wire() or b"" for option in dns.message.from_wire(query).options]
        other = reply_to(query, "@ 60 IN A 6.6.6.6", options=[(SUBNET, b"\0\1\x18\x18\xc6\x33\x64")])
        return [other, reply_to(query, ADDRESS, options=[(SUBNET, sent[:3] + b"\x10" + sent[4:])])]

    server = serve(script)
    reached = one(server, QueryOptions(extra=(subnet_option("192.0.2.0/24"),)))
    assert reached.outcome is Outcome.ANSWER
    assert [r.reason for r in reached.rejected] == [
        "mismatch: it is for another client subnet than the one that was sent"
    ]
    assert reached.reply is not None
    edns = read(reached.reply)
    assert edns is not None
    assert (edns.subnet, edns.scope) == ("192.0.2.0/24", 16)
    assert sent(server) == [{SUBNET: b"\0\1\x18\0\xc0\0\2"}]


def test_a_cookie_that_is_not_ours_is_no_reply_to_us(serve: Serve) -> None:
    """RFC 7873 5.3."""
    server = serve(lambda query, transport, number: [reply_to(query, ADDRESS, options=[(COOKIE, bytes(8) + b"x" * 8)])])
    reached = one(server, QueryOptions(cookies=Cookies()), replies=1)
    assert reached.outcome is Outcome.MISMATCH
    assert {r.reason for r in reached.rejected} == {"mismatch: it has another cookie than ours"}


def test_the_servers_cookie_is_kept_for_it(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        ours = sent_cookie(query)[:8]
        return [reply_to(query, ADDRESS, options=[(COOKIE, ours + b"theirs%02d" % number)])]

    first, second = serve(script), serve(script)
    options = QueryOptions(cookies=Cookies())
    for server in (first, first, second, first):
        assert one(server, options).outcome is Outcome.ANSWER
    cookies = [each[COOKIE] for each in sent(first)]
    [other] = [each[COOKIE] for each in sent(second)]
    assert [cookie[8:] for cookie in cookies] == [b"", b"theirs00", b"theirs01"]
    assert len({cookie[:8] for cookie in cookies}) == 1
    assert len(other) == 8
    assert other != cookies[0]


def sent_cookie(query: bytes) -> bytes:
    return next(o.to_wire() or b"" for o in dns.message.from_wire(query).options if int(o.otype) == COOKIE)


@pytest.mark.parametrize(("wanted", "transports"), [(1, ["udp", "udp"]), (2, ["udp", "udp", "tcp"])])
def test_badcookie_is_asked_again_with_the_new_one(serve: Serve, wanted: int, transports: list[str]) -> None:
    """The second time over TCP, which proves who we are as well (RFC 7873 5.3)."""

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        cookie = (COOKIE, sent_cookie(query)[:8] + b"theirs%02d" % number)
        if number < wanted:
            return [reply_to(query, rcode="BADCOOKIE", options=[cookie])]
        return [reply_to(query, ADDRESS, options=[cookie])]

    server = serve(script)
    reached = one(server, QueryOptions(cookies=Cookies()))
    note = f"{server} wanted another cookie (BADCOOKIE), asked again with the one it gave"
    assert (reached.outcome, reached.notes, server.transports) == (Outcome.ANSWER, [note] * wanted, transports)
    assert [each[COOKIE][8:] for each in sent(server)] == [b"", b"theirs00", b"theirs01"][: wanted + 1]


def test_badcookie_without_end_is_an_error_at_last(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, rcode="BADCOOKIE", options=[(COOKIE, sent_cookie(query)[:8] + b"8 octets")])]

    server = serve(script)
    reached = one(server, QueryOptions(cookies=Cookies()))
    assert (reached.outcome, server.transports) == (Outcome.RCODE, ["udp", "udp", "tcp"])


def test_options_that_run_past_their_record_are_malformed(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        broken = reply_to(query, "@ 60 IN A 6.6.6.6", options=[(NSID, b"four")])
        return [broken[:-5] + b"\5four", reply_to(query, ADDRESS)]

    reached = one(serve(script), QueryOptions())
    assert [r.reason for r in reached.rejected] == ["malformed: an EDNS option runs past the end of its record"]
    assert reached.outcome is Outcome.ANSWER
