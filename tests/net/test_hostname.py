"""Names: A-labels out, the broken rule told, and the way back to Unicode never fails."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.net.hostname import is_ipv4, to_ascii, to_unicode


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("Example.COM", "example.com"),
        ("example.com.", "example.com"),
        (".", ""),
        ("_dmarc.example", "_dmarc.example"),
        ("*.example", "*.example"),
        ("faß.example", "xn--fa-hia.example"),  # IDNA 2003 would make this fass
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("日本語。jp", "xn--wgv71a119e.jp"),
        ("①.com", "1.com"),
        ("x" * 63 + ".example", "x" * 63 + ".example"),
    ],
)
def test_to_ascii(name: str, ascii_name: str) -> None:
    assert to_ascii(name) == ascii_name


def test_to_unicode_leaves_what_is_no_label() -> None:
    assert to_unicode("xn--bcher-kva.example") == "bücher.example"
    assert to_unicode("xn--a.xn--bcher-kva") == "xn--a.bücher"
    assert to_unicode("plain.example") == "plain.example"


@pytest.mark.parametrize("text", ["127.0.0.1", "0.0.0.0", "255.255.255.255"])
def test_dotted_quads(text: str) -> None:
    assert is_ipv4(text)


@pytest.mark.parametrize(
    "text",
    [
        "1.2.3",
        "01.2.3.4",
        "1.2.3.4.",
        "1.2.3.256",
        "1.2.3.4\n",
        "１.2.3.4",
        "",
        "+1.2.3.4",
        "1_0.2.3.4",
        "\u0663.2.3.4",
        "\u00b2.2.3.4",
        " 1.2.3.4",
    ],
)
def test_not_dotted_quads(text: str) -> None:
    assert not is_ipv4(text)


@given(st.text(max_size=300))
def test_any_text_gives_a_name_within_the_limits_or_a_rule(text: str) -> None:
    try:
        name = to_ascii(text)
    except BadInput:
        return
    assert name.isascii()
    assert len(name) <= 253
    assert all(0 < len(label) <= 63 for label in name.split(".")) or name == ""
    to_unicode(name)
