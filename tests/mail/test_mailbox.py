"""Addresses that users write: what is taken, and that nothing else is."""

from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from netkit.errors import BadInput
from netkit.mail.mailbox import Mailbox, parse_address, parse_mailboxes


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        ("a@b.test", [("", "a@b.test")]),
        ("  a@b.test ", [("", "a@b.test")]),
        ("<a@b.test>", [("", "a@b.test")]),
        ("Ann Example <a@b.test>", [("Ann Example", "a@b.test")]),
        ("Änn <a@b.test>", [("Änn", "a@b.test")]),
        ('"Doe, Ann \\"x\\"" <a@b.test>', [('Doe, Ann "x"', "a@b.test")]),
        ("a@b.test,c@d.test", [("", "a@b.test"), ("", "c@d.test")]),
        (
            '"A, B" <a@b.test>, Cara <c@d.test> , e@f.test',
            [("A, B", "a@b.test"), ("Cara", "c@d.test"), ("", "e@f.test")],
        ),
        ("a@B.TEST", [("", "a@b.test")]),
        ("a@exämple.test", [("", "a@xn--exmple-cua.test")]),
        ("jü@exämple.test", [("", "jü@xn--exmple-cua.test")]),
        ('"odd name"@b.test', [("", '"odd name"@b.test')]),
        ('"a@b,c>"@b.test', [("", '"a@b,c>"@b.test')]),
        ("a@[192.0.2.1]", [("", "a@[192.0.2.1]")]),
        ("a@[IPv6:2001:DB8::1]", [("", "a@[IPv6:2001:db8::1]")]),
        ("!#$%&'*+/=?^_`{|}~-@b.test", [("", "!#$%&'*+/=?^_`{|}~-@b.test")]),
    ],
)
def test_taken(text: str, boxes: list[tuple[str, str]]) -> None:
    assert parse_mailboxes(text, "--to") == [Mailbox(*box) for box in boxes]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the address is empty"),
        ("<>", "the address is empty"),
        ("a", "has no @"),
        ("a@", "empty"),
        ("@b.test", "cannot stand before the @"),
        ("a@b@c.test", "has two @"),
        ("a b@c.test", "cannot stand before the @"),
        ("a..b@c.test", "cannot stand before the @"),
        (".a@c.test", "cannot stand before the @"),
        ("a@b..test", "label 2 is empty"),
        ("a@b_c d.test", "is not allowed in a name"),
        ("a@.", "root of all names"),
        ("a@[1.2.3]", "no address literal"),
        ("a@[IPv6:zz]", "no address literal"),
        ("a@b.test,", "the address is empty"),
        ("a@b.test;c@d.test", "is no address"),
        ("Ann <a@b.test> x", "is no address"),
        ("Ann <a@b.test", "is no address"),
        ("a@b.test>\r\nRCPT TO:<e@x.test", "a line break at position 10"),
        ("a@b.test\n", "a line break at position 9"),
        ("a\x00@b.test", "a control character (U+0000) at position 2"),
        ("a\x1b[31m@b.test", "a control character (U+001B)"),
        ("a\x9b@b.test", "a control character (U+009B)"),
        ("\udcff@b.test", "not UTF-8"),
        ("a\xa0b@c.test", "cannot stand before the @"),
        ("a\u202eb@c.test", "cannot stand before the @"),
        ("a\u2028b@c.test", "a control character (U+2028)"),
        ('"a\u2028b"@c.test', "a control character (U+2028)"),
        ("x" * 65 + "@b.test", "at most 64 bytes"),
        ("a@" + "x" * 64 + ".test", "limit is 63"),
    ],
)
def test_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse_mailboxes(text, "--to")
    assert said in caught.value.message
    assert caught.value.message.startswith("--to: ")


@settings(max_examples=200)
@example("\U00018cd6@A")
@given(st.text(max_size=40))
def test_whatever_is_taken_fits_on_a_line(text: str) -> None:
    try:
        address = parse_address(text, "--rcpt")
    except BadInput:
        return
    assert not {"Cc", "Cs", "Zl", "Zp"} & {category(char) for char in address}
    assert address.startswith('"') or not {"Cf", "Zs"} & {category(char) for char in address}
    assert address.count("@") == 1 or address.startswith('"')
    assert address.rpartition("@")[2].isascii()
