"""`resolve()`: sources in their order, aliases followed and judged, many names at once, odd data made harmless."""

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from netkit.dns import Lookup, Outcome, Record, Resolution, resolve
from netkit.errors import BadInput, Exit, LocalFailure
from netkit.events import Step
from tests.dns.conftest import CLOSE, SOA, Octets, Script, Scripted, asked_for, reply_to

MS = float(os.environ.get("NETKIT_TEST_MS", "1")) / 1000
Serve = Callable[..., Scripted]


def look_up(server: Scripted, name: str = "www.test", rdtype: str = "A", **options: float) -> Resolution:
    [found] = resolve([name], servers=[str(server)], types=[rdtype], timeout=options.pop("timeout", 20_000 * MS))
    [resolution] = found.resolutions
    return resolution


def zone(*records: str, fallback: str = "NXDOMAIN") -> Script:
    """A server that gives the records of the name asked for, nothing more, as an authoritative one may."""
    owned: dict[str, list[str]] = {}
    for record in records:
        owned.setdefault(record.split()[0].rstrip("."), []).append(record)

    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, rdtype = asked_for(query)
        here = [line for line in owned.get(name, []) if line.split()[3] in (rdtype, "CNAME")]
        if here:
            return [reply_to(query, *here, flags="QR AA")]
        rcode = "NOERROR" if name in owned else fallback
        return [reply_to(query, authority=[SOA], rcode=rcode, flags="QR AA")]

    return script


def whole(*records: str, rcode: str = "NOERROR") -> Script:
    """A server that gives all the records to every query."""
    return lambda query, transport, number: [reply_to(query, *records, rcode=rcode)]


def test_every_fact_of_an_answer(serve: Serve) -> None:
    server = serve(whole("@ 300 IN CNAME a.test.", "a.test. 60 IN A 192.0.2.1"))
    found = look_up(server, "WWW.Test.")
    assert found.elapsed_ms > 0
    assert found == Resolution(
        input="WWW.Test.",
        name="www.test.",
        type="A",
        outcome=Outcome.ANSWER,
        source="dns",
        records=(Record("www.test.", "CNAME", 300, "a.test."), Record("a.test.", "A", 60, "192.0.2.1")),
        canonical="a.test.",
        rcode="NOERROR",
        server=str(server),
        transport="udp",
        elapsed_ms=found.elapsed_ms,
        tries=1,
        flags=("rd", "ra"),
        size=58,
    )
    assert found.data == ("192.0.2.1",)
    assert found.exit is Exit.OK


def test_an_address_of_a_stranger_is_no_answer(serve: Serve) -> None:
    """Row 7."""
    found = look_up(serve(whole("evil.test. 60 IN A 6.6.6.6")))
    assert (found.outcome, found.exit, found.records) == (Outcome.NODATA, Exit.NO, ())
    assert found.notes == ("left out records of evil.test.: not what was asked",)


def test_a_stranger_beside_the_answer_is_left_out(serve: Serve) -> None:
    found = look_up(serve(whole("@ 60 IN A 192.0.2.1", "evil.test. 60 IN A 6.6.6.6")))
    assert found.data == ("192.0.2.1",)
    assert found.notes == ("left out records of evil.test.: not what was asked",)


def test_a_reply_to_another_question(serve: Serve) -> None:
    """Row 5, to the exit code."""
    server = serve(
        lambda query, transport, number: [reply_to(query, "evil.test. 60 IN A 6.6.6.6", question="evil.test. A")]
    )
    found = look_up(server, timeout=600 * MS)
    assert (found.outcome, found.exit, found.records) == (Outcome.MISMATCH, Exit.PROTOCOL, ())
    assert {one.reason for one in found.rejected} == {"mismatch: it answers evil.test. A"}


@pytest.mark.parametrize(
    "records",
    [["@ 60 IN CNAME www.test."], ["@ 60 IN CNAME a.test.", "a.test. 60 IN CNAME www.test."]],
)
def test_alias_loops_in_one_reply(serve: Serve, records: list[str]) -> None:
    """Row 10."""
    server = serve(whole(*records))
    found = look_up(server)
    assert (found.outcome, found.exit, found.canonical, found.tries) == (Outcome.CNAME_LOOP, Exit.PROTOCOL, None, 1)
    assert [record.type for record in found.records] == ["CNAME"] * len(records)


def test_an_alias_loop_over_several_replies(serve: Serve) -> None:
    server = serve(zone("www.test. 60 IN CNAME a.test.", "a.test. 60 IN CNAME b.test.", "b.test. 60 IN CNAME a.test."))
    found = look_up(server)
    assert (found.outcome, found.tries) == (Outcome.CNAME_LOOP, 3)
    assert server.questions == ["www.test", "a.test", "b.test"]


def links(count: int) -> list[str]:
    owners = ["www.test.", *[f"n{number}.test." for number in range(1, count + 1)]]
    chain = [f"{owner} 60 IN CNAME {target}" for owner, target in pairwise(owners)]
    return [*chain, f"{owners[-1]} 60 IN A 192.0.2.1"]


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(("count", "outcome"), [(20, Outcome.ANSWER), (32, Outcome.ANSWER), (40, Outcome.CNAME_LOOP)])
def test_chains_of_aliases(serve: Serve, split: bool, count: int, outcome: Outcome) -> None:
    """Row 10, in one reply and in as many as there are aliases."""
    server = serve((zone if split else whole)(*links(count)))
    found = look_up(server)
    assert found.outcome is outcome
    if outcome is Outcome.ANSWER:
        assert (found.canonical, found.data, len(found.records)) == (f"n{count}.test.", ("192.0.2.1",), count + 1)
        assert found.tries == (count + 1 if split else 1)
    else:
        assert found.detail == "or on and on: 32 were followed"


@pytest.mark.parametrize(
    ("records", "rcode", "outcome", "data", "left_out"),
    [
        (["b.test. 60 IN A 192.0.2.1", "a.test. 60 IN CNAME b.test.", "@ 60 IN CNAME a.test."], "NOERROR", "answer",
         ["a.test.", "b.test.", "192.0.2.1"], ""),
        (["@ 60 IN CNAME a.test.", "@ 60 IN CNAME b.test.", "a.test. 60 IN A 192.0.2.1", "b.test. 60 IN A 192.0.2.2"],
         "NOERROR", "answer", ["a.test.", "192.0.2.1"], "b.test."),
        (["@ 60 IN CNAME a.test.", "@ 60 IN A 192.0.2.1", "a.test. 60 IN A 192.0.2.2"], "NOERROR", "answer",
         ["192.0.2.1"], "a.test."),
        (["@ 60 IN A 192.0.2.1"], "NXDOMAIN", "answer", ["192.0.2.1"], ""),
        (["@ 60 IN TXT hello"], "NOERROR", "nodata", [], ""),
        (["@ 60 IN CNAME ."], "NOERROR", "cname_loop", [".", "."], ""),
    ],
)  # fmt: skip
def test_answers_in_disorder(
    serve: Serve, records: list[str], rcode: str, outcome: str, data: list[str], left_out: str
) -> None:
    found = look_up(serve(whole(*records, rcode=rcode)))
    assert (found.outcome.value, [record.data for record in found.records]) == (outcome, data)
    assert found.notes == ((f"left out records of {left_out}: not what was asked",) if left_out else ())


def test_a_target_that_was_left_out_is_asked_for(serve: Serve) -> None:
    """Row 12."""
    server = serve(zone("www.test. 300 IN CNAME a.test.", "a.test. 60 IN A 192.0.2.1"))
    found = look_up(server)
    assert (found.outcome, found.canonical, found.tries) == (Outcome.ANSWER, "a.test.", 2)
    assert found.records == (Record("www.test.", "CNAME", 300, "a.test."), Record("a.test.", "A", 60, "192.0.2.1"))
    assert server.questions == ["www.test", "a.test"]


@pytest.mark.parametrize(
    ("owner", "asks"),
    [
        ("a.test.", False),
        ("TEST.", False),
        (".", False),
        ("other.", True),
        ("www.test.", True),
        ("below.a.test.", True),
        ("st.", True),  # the end of the text of "a.test.", and no zone above it
    ],
)
def test_only_the_soa_of_the_targets_zone_denies_it(serve: Serve, owner: str, asks: bool) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        if asked_for(query)[0] == "a.test":
            return [reply_to(query, "@ 60 IN A 192.0.2.1")]
        soa = f"{owner} 60 IN SOA ns.test. admin.test. 1 2 3 4 60"
        return [reply_to(query, "@ 60 IN CNAME a.test.", authority=[soa], flags="QR AA")]

    server = serve(script)
    found = look_up(server)
    assert (found.outcome, found.data) == ((Outcome.ANSWER, ("192.0.2.1",)) if asks else (Outcome.NODATA, ()))
    assert server.questions == ["www.test", "a.test"][: 2 if asks else 1]


def test_a_referral_is_no_answer_about_name_servers_either(serve: Serve) -> None:
    script = zone("www.test. 60 IN NS ns.www.test.")
    assert look_up(serve(script), rdtype="NS").outcome is Outcome.ANSWER

    def refer(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, authority=["www.test. 60 IN NS ns.www.test."], flags="QR")]

    assert look_up(serve(refer), rdtype="NS").outcome is Outcome.LAME


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (["ns.www.test."], "to ns.www.test. for www.test."),
        (
            [f"ns{number}.test." for number in range(6)],
            "to ns0.test., ns1.test., ns2.test., ns3.test. and 2 more for www.test.",
        ),
    ],
)
def test_a_referral_says_where_to(serve: Serve, targets: list[str], told: str) -> None:
    def refer(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, authority=[f"www.test. 60 IN NS {one}" for one in targets], flags="QR")]

    assert look_up(serve(refer)).detail == told


def test_a_referral_to_a_garbled_name_says_no_more(serve: Serve) -> None:
    def refer(query: bytes, transport: str, number: int) -> list[bytes]:
        return [
            reply_to(query, authority=["www.test. 60 IN NS ns.elsewhere."], flags="QR").replace(b"\2ns", b"\xff\xffs")
        ]

    found = look_up(serve(refer))
    assert (found.outcome, found.detail) == (Outcome.LAME, None)


def test_a_dangling_alias(serve: Serve) -> None:
    for script in (zone("www.test. 60 IN CNAME gone.test."), whole("@ 60 IN CNAME gone.test.", rcode="NXDOMAIN")):
        found = look_up(serve(script))
        assert (found.outcome, found.exit, found.canonical) == (Outcome.DANGLING_CNAME, Exit.NO, "gone.test.")
        assert [record.data for record in found.records] == ["gone.test."]


def test_an_alias_to_a_name_without_the_type(serve: Serve) -> None:
    found = look_up(serve(zone("www.test. 60 IN CNAME a.test.", "a.test. 60 IN TXT x")))
    assert (found.outcome, found.canonical, found.data) == (Outcome.NODATA, "a.test.", ())


def test_an_alias_to_a_server_that_fails(serve: Serve) -> None:
    found = look_up(serve(zone("www.test. 60 IN CNAME a.test.", fallback="REFUSED")))
    assert (found.outcome, found.canonical, found.rcode) == (Outcome.REFUSED, None, "REFUSED")
    assert [record.data for record in found.records] == ["a.test."]


def test_the_alias_itself_and_any(serve: Serve) -> None:
    cname = look_up(serve(whole("@ 60 IN CNAME a.test.", "a.test. 60 IN A 192.0.2.1")), rdtype="CNAME")
    assert (cname.outcome, cname.data) == (Outcome.ANSWER, ("a.test.",))
    everything = look_up(serve(whole("@ 60 IN A 192.0.2.1", "@ 60 IN MX 5 mail.test.")), rdtype="ANY")
    assert everything.data == ("192.0.2.1", "5 mail.test.")


def test_signatures_stand_behind_what_they_sign(serve: Serve) -> None:
    """Those of other types and of strangers are left out (RFC 4034 3); the data is the records' alone."""

    def rrsig(owner: str, covered: str) -> str:
        return f"{owner} 60 IN RRSIG {covered} 13 2 60 20300101000000 20260101000000 1 test. AQIDBA=="

    alias, address = "www.test. 60 IN CNAME real.test.", "real.test. 60 IN A 192.0.2.1"
    signed = [alias, rrsig("www.test.", "CNAME"), rrsig("www.test.", "NSEC"), rrsig("real.test.", "AAAA"), address]
    server = serve(whole(*signed, rrsig("real.test.", "A"), rrsig("stranger.test.", "A")))
    found = look_up(server)
    assert [(one.name, one.type, one.data.split()[0]) for one in found.records] == [
        ("www.test.", "CNAME", "real.test."),
        ("www.test.", "RRSIG", "CNAME"),
        ("real.test.", "A", "192.0.2.1"),
        ("real.test.", "RRSIG", "A"),
    ]
    assert (found.data, found.canonical, found.outcome) == (("192.0.2.1",), "real.test.", Outcome.ANSWER)
    assert found.notes == ()  # a signature alone, as that of a DNAME, is nothing to be told
    assert len(look_up(server, rdtype="RRSIG", name="real.test").data) == 2


def test_dname_is_the_reason_of_an_alias_not_a_stranger(serve: Serve) -> None:
    """RFC 6672 3.1: the DNAME stands in front of the alias that was made of it."""
    records = ["old.test. 60 IN DNAME new.test.", "@ 60 IN CNAME www.new.test.", "www.new.test. 60 IN A 192.0.2.1"]
    found = look_up(serve(whole(*records)), "www.old.test")
    assert (found.data, found.canonical, found.notes) == (("192.0.2.1",), "www.new.test.", ())


def test_text_with_everything_in_it_is_escaped(serve: Serve) -> None:
    """Row 16."""
    long = "x" * 255
    server = serve(whole(f'@ 60 IN TXT "{long}" "{long}" "say \\"hi\\"; \\027[31m\\000\\010\\\\ \\195\\159"'))
    found = look_up(server, rdtype="TXT")
    assert found.data == (f'"{long}" "{long}" "say \\"hi\\"; \\027[31m\\000\\010\\\\ \\195\\159"',)


def test_a_ptr_with_escape_characters(serve: Serve) -> None:
    """Row 16."""
    server = serve(whole("@ 60 IN PTR \\027[31m\\010.a\\.b.test."))
    found = look_up(server, "192.0.2.1", "PTR")
    assert (found.name, found.data) == ("1.2.0.192.in-addr.arpa.", ("\\027[31m\\010.a\\.b.test.",))


def test_a_type_without_a_name(serve: Serve) -> None:
    """Row 16."""
    found = look_up(serve(whole("@ 60 IN TYPE65534 \\# 3 00ff1b")), rdtype="TYPE65534")
    assert (found.type, found.data) == ("TYPE65534", ("\\# 3 00ff1b",))


def test_an_address_of_the_wrong_size_is_malformed(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, "@ 60 IN A 192.0.2.1")[:-6] + b"\0\3\xc0\0\2"]

    found = look_up(serve(script))
    assert (found.outcome, found.exit, found.records) == (Outcome.MALFORMED, Exit.PROTOCOL, ())
    assert found.detail == "an A record of 3 octets"


def test_sixty_names_at_once_in_order(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        name, _ = asked_for(query)
        return [reply_to(query, f"@ 60 IN A 192.0.2.{name.split('.')[0][1:]}")]

    server = serve(script)
    names = [f"n{number}.test" for number in range(60)]
    found = list(resolve(names, types=["A"], servers=[str(server)], timeout=20_000 * MS))
    assert [one.input for one in found] == names
    assert [one.resolutions[0].data for one in found] == [(f"192.0.2.{number}",) for number in range(60)]
    assert sorted(server.questions) == sorted(names)


def test_types_are_asked_once_each_in_their_order(serve: Serve) -> None:
    server = serve(zone("www.test. 60 IN MX 5 mail.test.", "www.test. 60 IN TXT x"))
    [found] = resolve(["www.test"], types=["mx", "TXT", "MX", "A"], servers=[str(server)], timeout=20_000 * MS)
    assert [(one.type, one.outcome) for one in found.resolutions] == [
        ("MX", Outcome.ANSWER),
        ("TXT", Outcome.ANSWER),
        ("A", Outcome.NODATA),
    ]
    assert found.exit is Exit.PARTIAL


def test_of_the_default_pair_one_answer_is_enough(serve: Serve) -> None:
    server = serve(zone("www.test. 60 IN A 192.0.2.1"))
    [found] = resolve(["www.test"], servers=[str(server)], timeout=20_000 * MS)
    assert [one.outcome for one in found.resolutions] == [Outcome.ANSWER, Outcome.NODATA]
    assert found.exit is Exit.OK


def test_the_failure_of_the_default_pair_counts_more_than_its_absence(serve: Serve) -> None:
    def script(query: bytes, transport: str, number: int) -> list[bytes]:
        return [reply_to(query, rcode="SERVFAIL") if asked_for(query)[1] == "AAAA" else reply_to(query)]

    [found] = resolve(["www.test"], servers=[str(serve(script))], timeout=20_000 * MS)
    assert found.exit is Exit.TEMPORARY


def test_a_broken_off_connection_has_its_reason(serve: Serve) -> None:
    server = serve(lambda query, transport, number: [Octets(b"\0\x50abc"), CLOSE])
    [found] = resolve(["www.test"], types=["A"], servers=[str(server)], tcp=True, timeout=20_000 * MS)
    [one] = found.resolutions
    assert (one.outcome, one.rejected[0].reason) == (
        Outcome.MALFORMED,
        "malformed: the connection ended inside the reply",
    )


def test_a_server_may_be_asked_over_tcp_alone(serve: Serve) -> None:
    server = serve(whole("@ 60 IN A 192.0.2.1"))
    [found] = resolve(["www.test"], types=["A"], servers=[f"tcp://{server}"], timeout=20_000 * MS)
    assert (found.resolutions[0].transport, server.transports) == ("tcp", ["tcp"])


def files(tmp_path: Path, hosts: str = "", resolv_conf: str = "") -> tuple[str, str]:
    (tmp_path / "hosts").write_text(hosts)
    (tmp_path / "resolv.conf").write_text(resolv_conf)
    return str(tmp_path / "hosts"), str(tmp_path / "resolv.conf")


def test_sources_in_their_order(serve: Serve, tmp_path: Path) -> None:
    server = serve(whole("@ 60 IN A 192.0.2.3"))
    hosts, resolv_conf = files(tmp_path, "192.0.2.2 Box.test box\n127.0.0.9 localhost\n", f"nameserver {server}\n")
    names = ["a.localhost", "x.invalid", "x.onion", "box.test", "www.test", "192.0.2.2", "127.0.0.1"]
    found = list(resolve(names, timeout=20_000 * MS, hosts=hosts, resolv_conf=resolv_conf))
    assert [(one.input, [(r.source, r.type, r.data) for r in one.resolutions]) for one in found] == [
        ("a.localhost", [("special", "A", ("127.0.0.1",)), ("special", "AAAA", ("::1",))]),
        ("x.invalid", [("special", "A", ()), ("special", "AAAA", ())]),
        ("x.onion", [("special", "A", ()), ("special", "AAAA", ())]),
        ("box.test", [("hosts", "A", ("192.0.2.2",)), ("hosts", "AAAA", ())]),
        ("www.test", [("dns", "A", ("192.0.2.3",)), ("dns", "AAAA", ())]),
        ("192.0.2.2", [("hosts", "PTR", ("box.test.", "box."))]),
        ("127.0.0.1", [("special", "PTR", ("localhost.",))]),
    ]
    assert set(server.questions) == {"www.test"}


@pytest.mark.parametrize(("dns", "types", "tcp"), [(True, [], False), (False, ["A"], False), (False, [], True)])
def test_straight_to_dns(serve: Serve, tmp_path: Path, dns: bool, types: list[str], tcp: bool) -> None:
    server = serve(whole("@ 60 IN A 192.0.2.3"))
    hosts, resolv_conf = files(tmp_path, "192.0.2.2 box.test\n", f"nameserver {server}\n")
    [found] = resolve(
        ["box.test"], dns=dns, types=types, tcp=tcp, timeout=20_000 * MS, hosts=hosts, resolv_conf=resolv_conf
    )
    assert found.resolutions[0].data == ("192.0.2.3",)


def test_without_a_resolver_configuration(tmp_path: Path) -> None:
    hosts, resolv_conf = files(tmp_path, "192.0.2.2 box.test\n", "# nothing\n")
    [found] = resolve(["box.test"], hosts=hosts, resolv_conf=resolv_conf)
    assert found.resolutions[0].data == ("192.0.2.2",)
    with pytest.raises(LocalFailure) as caught:
        list(resolve(["www.test"], hosts=hosts, resolv_conf=resolv_conf))
    assert caught.value.message == f"no resolver configuration: {resolv_conf} names no server"
    assert caught.value.kind == "no_resolver_configuration"


def test_nothing_is_sent_when_one_name_is_bad(serve: Serve) -> None:
    server = serve(whole("@ 60 IN A 192.0.2.1"))
    with pytest.raises(BadInput) as caught:
        list(resolve(["www.test", "a..b"], servers=[str(server)]))
    assert (caught.value.kind, server.queries) == ("badname", [])


def test_system_takes_nothing_else() -> None:
    with pytest.raises(BadInput):
        list(resolve(["localhost"], system=True, servers=["127.0.0.1"]))


def test_steps_tell_what_was_asked_again(serve: Serve) -> None:
    steps: list[Step] = []
    server = serve(zone("www.test. 60 IN CNAME a.test.", "a.test. 60 IN A 192.0.2.1"))
    [found] = resolve(["www.test"], types=["A"], servers=[str(server)], timeout=20_000 * MS, on_event=steps.append)
    assert isinstance(found, Lookup)
    assert [step.name for step in steps] == ["socket", "connect", "send", "recv", "close"] * 2
    assert [step.data for step in steps if step.name == "send"] == [wire for _, wire in server.queries]
