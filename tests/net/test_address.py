"""The one address parser: every form, every refusal with the part it names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.net.address import Endpoint, answerable, parse_endpoint, parse_port, text_of, with_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("localhost:80", Endpoint("tcp", "localhost", 80)),
        ("LOCALHOST.:80", Endpoint("tcp", "localhost", 80)),
        ("127.0.0.1:http", Endpoint("tcp", "127.0.0.1", 80)),
        (":8080", Endpoint("tcp", "127.0.0.1", 8080)),
        ("[::1]:53", Endpoint("tcp", "::1", 53)),
        ("[0:0::1]:53", Endpoint("tcp", "::1", 53)),
        ("[fe80::1%eth0]:53", Endpoint("tcp", "fe80::1", 53, "eth0")),
        ("udp://h:7", Endpoint("udp", "h", 7)),
        ("tcp://h:7/", Endpoint("tcp", "h", 7)),
        ("bücher.example:1", Endpoint("tcp", "xn--bcher-kva.example", 1)),
        ("unix:/run/a b.sock", Endpoint("tcp", path="/run/a b.sock")),
        ("unix:/run/\udcff", Endpoint("tcp", path="/run/\udcff")),  # a byte that is no UTF-8, as argv has it
        ("udp://unix:/x", Endpoint("udp", path="/x")),
        ("unix-dgram:/x", Endpoint("udp", path="/x")),
        ("udp://unix-dgram:x y", Endpoint("udp", path="x y")),
        ("fd:3", Endpoint("tcp", fd=3)),
    ],
)
def test_forms(text: str, expected: Endpoint) -> None:
    endpoint = parse_endpoint(text, schemes=("tcp", "udp"))
    assert endpoint == expected
    assert parse_endpoint(str(endpoint), schemes=(endpoint.scheme, "udp")) == endpoint


@pytest.mark.parametrize(
    ("text", "expected"), [("h", "h:53"), ("::1", "[::1]:53"), ("fe80::1%lo", "[fe80::1%lo]:53"), ("[::1]", "[::1]:53")]
)
def test_default_port(text: str, expected: str) -> None:
    assert str(parse_endpoint(text, port=53)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the address is empty"),
        (".:80", "the root of all names is no host"),
        ("h", "'h' has no port"),
        ("h:", "port '' is neither a number nor a service name"),
        ("h:0", "port 0 is outside 1 to 65535"),
        ("h:65536", "port 65536 is outside 1 to 65535"),
        ("h:" + "9" * 5000, "port 99999999999999999999 is outside"),
        ("h:８０", "port '８０' is neither"),
        ("h:nosuchservice", "port 'nosuchservice' is no service name"),
        ("h: 80", "port ' 80' is neither"),
        ("h:-1", "port '-1' is neither"),
        ("[::1", "'[' is never closed"),
        ("[h]:1", "only an IPv6 address stands in brackets"),
        ("[::1]x", "'x' after ']' is not a port"),
        ("[::g]:1", "not an IPv6 address"),
        ("[fe80::1%]:1", "is not an interface name"),
        ("[fe80::1%a b]:1", "is not an interface name"),
        ("ftp://h:1", "scheme 'ftp' is not one of tcp"),
        ("127.1:80", "octal, hexadecimal, short"),
        ("0x7f000001:80", "octal, hexadecimal, short"),
        ("2130706433:80", "octal, hexadecimal, short"),
        ("0177.0.0.1:80", "octal, hexadecimal, short"),
        ("127.0.0.256:80", "octal, hexadecimal, short"),
        ("a..b:1", "label 2 is empty"),
        (".a:1", "label 1 is empty"),
        ("a b:1", "' ' is not allowed in a name"),
        ("a\r\nb:1", "'\\r' is not allowed in a name"),
        ("a\0b:1", "'\\x00' is not allowed in a name"),
        ("h@x:1", "'@' is not allowed in a name"),
        ("x" * 64 + ":1", "label 1 is 64 octets long, the limit is 63"),
        (".".join(["x" * 63] * 4) + ":1", "the name is 255 octets long, the limit is 253"),
        ("💩.example:1", "label 1 is not an IDNA 2008 label"),
        ("host.123:1", "the last label of a name is never a number"),
        ("unix:", "a unix socket needs a path"),
        ("unix:" + "p" * 108, "at most 107 bytes"),
        ("unix-dgram:/x", "a unix socket of datagrams, where a stream is wanted"),
        ("tcp://unix-dgram:/x", "a unix socket of datagrams, where a stream is wanted"),
        ("fd:x", "takes a descriptor number"),
        ("fd:" + "9" * 30, "takes a descriptor number"),
    ],
)
def test_refusals_name_part_and_rule(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_endpoint(text)
    assert said in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    ("address", "shown", "answered"),
    [
        (("127.0.0.1", 7), "127.0.0.1:7", True),
        (("fe80::1%lo", 7, 0, 1), "[fe80::1%lo]:7", True),
        ("/run/x", "unix-dgram:/run/x", True),
        ("x", "unix-dgram:x", False),
        (b"\0abc\xff", "unix-dgram:@abc\udcff", True),
        ("", "", False),
        (None, "", False),
    ],
)
def test_socket_addresses_as_they_are_shown(address: object, shown: str, answered: bool) -> None:
    assert (text_of(address, "unix-dgram"), answerable(address)) == (shown, answered)


def test_servers_take_port_zero() -> None:
    bound = parse_endpoint(":0", server=True)
    assert str(with_port(bound, 4711)) == "127.0.0.1:4711"
    assert parse_port("domain", transport="udp") == 53


@given(st.text(max_size=80))
def test_any_text_parses_or_is_refused_and_what_parses_comes_back(text: str) -> None:
    try:
        endpoint = parse_endpoint(text, port=80)
    except BadInput:
        return
    assert parse_endpoint(str(endpoint)) == endpoint
