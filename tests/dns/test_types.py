"""Record types by name and number."""

import dns.rdatatype
import pytest

from netkit.dns.types import FREQUENT, NOT_ASKED, class_name, parse_class, parse_type, type_name
from netkit.errors import BadInput


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A", 1),
        ("mx", 15),
        ("https", 65),
        ("ANY", 255),
        ("TYPE1", 1),
        ("type65534", 65534),
        ("TYPE65535", 65535),
        ("LOC", 29),
        ("nsap-ptr", 23),
    ],
)
def test_parse_type(text: str, number: int) -> None:
    assert parse_type(text) == number


def test_the_frequent_types_are_dnspythons() -> None:
    assert {name: int(dns.rdatatype.from_text(name)) for name in FREQUENT} == FREQUENT
    assert [type_name(number) for number in FREQUENT.values()] == list(FREQUENT)


@pytest.mark.parametrize("rdtype", [one for one in dns.rdatatype.RdataType if one])
def test_every_type_that_dnspython_knows_goes_in_and_out(rdtype: dns.rdatatype.RdataType) -> None:
    name = dns.rdatatype.to_text(rdtype)
    assert type_name(rdtype) == name
    for text in (name, name.lower(), f"TYPE{int(rdtype)}"):
        if int(rdtype) in NOT_ASKED:
            with pytest.raises(BadInput, match=f"record type '{text}': "):
                parse_type(text)
        else:
            assert parse_type(text) == int(rdtype)


@pytest.mark.parametrize(
    ("text", "number"), [("IN", 1), ("ch", 3), ("HS", 4), ("any", 255), ("CLASS1", 1), ("class65280", 65280)]
)
def test_parse_class(text: str, number: int) -> None:
    assert parse_class(text) == number
    assert class_name(number) == ("IN" if number == 1 else text.upper())


@pytest.mark.parametrize("text", ["", "X", "1", "CLASS0", "CLASS65536", "CLASS²", "INTERNET"])
def test_bad_classes(text: str) -> None:
    with pytest.raises(BadInput, match=f"class {text!r} is unknown"):
        parse_class(text)


@pytest.mark.parametrize(("number", "name"), [(29, "LOC"), (65534, "TYPE65534"), (65280, "TYPE65280")])
def test_type_name(number: int, name: str) -> None:
    assert type_name(number) == name


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("", "record type '' is unknown", "types are written A, AAAA, MX, ... or TYPE257"),
        ("MXX", "record type 'MXX' is unknown", "did you mean MX?"),
        ("AAAAA", "record type 'AAAAA' is unknown", "did you mean AAAA?"),
        ("TYPE0", "record type 'TYPE0': the number is outside 1 to 65535 (RFC 3597)", None),
        ("TYPE65536", "record type 'TYPE65536': the number is outside 1 to 65535 (RFC 3597)", None),
        ("TYPE²", "record type 'TYPE²' is unknown", "types are written A, AAAA, MX, ... or TYPE257"),
        ("TYPE\uff11", "record type 'TYPE\uff11' is unknown", "types are written A, AAAA, MX, ... or TYPE257"),
        ("NONE", "record type 'NONE' is unknown", "types are written A, AAAA, MX, ... or TYPE257"),
        ("opt", "record type 'opt': it is part of the message, never asked for", None),
        ("TYPE41", "record type 'TYPE41': it is part of the message, never asked for", None),
        ("TYPE250", "record type 'TYPE250': it signs messages, it is never asked for", None),
        ("axfr", "record type 'axfr': zone transfers are not answered by one message and not supported", None),
        ("TYPE252", "record type 'TYPE252': zone transfers are not answered by one message and not supported", None),
    ],
)
def test_bad_types(text: str, message: str, hint: str | None) -> None:
    with pytest.raises(BadInput) as caught:
        parse_type(text)
    assert caught.value.message == message
    assert caught.value.hint == hint
