"""Subjects as they come: each odd one, every truncation and fold of it, random bytes, the standard library's word."""

import subprocess
import sys
from email.header import Header, decode_header, make_header

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netkit.lab.odd import SUBJECTS
from netkit.mail import charset
from netkit.mail.header_text import Text, decode, field, fields, subject

ODD = dict(SUBJECTS)
EXPECTED: dict[str, Text] = {
    name: Text(*row)
    for name, row in {
        "plain": ("Minutes of the meeting", None, ()),
        "empty": ("", None, ()),
        "spaces": ("", None, ()),
        "inner-spaces": ("two  spaces,\ta tab", None, ()),
        "folded": ("one two\tthree", None, ()),
        "folded-in-a-word": ("one two", "utf-8", ("quoted-printable",)),
        "folded-blank-line": ("one  two", None, ()),
        "question-equals": ("Why =? Because ?= and =?so?on?=", None, ()),
        "long": ("a " * 5_000 + "end", None, ()),
        "q": ("café", "iso-8859-1", ()),
        "q-lower-case": ("café au lait", "iso-8859-1", ()),
        "b": ("Hélène", "utf-8", ()),
        "two-charsets": ("café✓ plain", "iso-8859-1", ()),
        "words-over-two-lines": ("Grüße aus Köln", "utf-8", ()),
        "no-space-between": ("aäöo", "utf-8", ()),
        "inside-a-word": ("Re:über", "utf-8", ()),
        "language": ("Hello Grüezi", "us-ascii", ()),
        "character-in-two-words-b": ("✓n❌", "utf-8", ()),
        "character-in-two-words-q": ("✓", "utf-8", ()),
        "empty-word": ("a  b", "utf-8", ()),
        "question-mark-in-word": ("what? is?it", "utf-8", ()),
        "spaces-in-word": ("hello there", "utf-8", ("quoted-printable",)),
        "word-cut-off": ("=?utf-8?Q?caf=C3=A9 café", "utf-8", ()),
        "word-without-end": ("=?utf-8?B?4pyT", None, ()),
        "unknown-encoding": ("=?utf-8?X?abc?=", None, ()),
        "long-word": ("✓" * 500, "utf-8", ()),
        "encoded-comma": ("Doe, John", "utf-8", ()),
        "word-in-word": ("=?utf-8?Q?a?=", "utf-8", ()),
        "q-bad-hex": ("100= =G1=4", "utf-8", ("quoted-printable",)),
        "q-raw-bytes": ("café", "utf-8", ("quoted-printable",)),
        "b-no-padding": ("✓ ok!", "utf-8", ("base64",)),
        "b-star-inside": ("✓", "utf-8", ("base64",)),
        "b-length-1-mod-4": ("✓", "utf-8", ("base64",)),
        "b-padding-inside": ("ab", "utf-8", ("base64",)),
        "b-empty": ("", "utf-8", ("base64",)),
        "charset-unknown": ("caf\ufffd ok", "x-unknown", ("charset",)),
        "charset-hex": ("636166", "hex", ("charset",)),
        "charset-unicode-escape": ("\\u202e", "unicode_escape", ("charset",)),
        "charset-idna": ("xn--bcher-kva", "idna", ("charset",)),
        "charset-undefined": ("x", "undefined", ("charset",)),
        "charset-path": ("x", "../../etc/passwd", ("charset",)),
        "charset-too-long": ("x", "x" * 60, ("charset",)),
        "charset-missing": ("x", "", ("charset",)),
        "ascii-with-8-bit": ("caf\ufffd", "us-ascii", ("undecodable",)),
        "utf-8-invalid": ("a\ufffd(\ufffd", "utf-8", ("undecodable",)),
        "utf-8-overlong": ("\ufffd\ufffd", "utf-8", ("undecodable",)),
        "surrogate": ("\ufffd\ufffd\ufffd", "utf-8", ("undecodable",)),
        "surrogate-utf-7": ("\ufffd", "utf-7", ("undecodable",)),
        "utf-16": ("hi", "utf-16", ()),
        "japanese": ("こんにちは", "iso-2022-jp", ()),
        "japanese-in-two-words": ("こんにちは", "iso-2022-jp", ()),
        "chinese-wider": ("朱镕基", "gb2312", ()),
        "russian": ("Привет", "koi8-r", ()),
        "emoji": ("\U0001f469\u200d\U0001f4bb ok", "utf-8", ()),
        "raw-latin-1": ("café", None, ("8bit",)),
        "raw-utf-8": ("café ✓", None, ()),
        "raw-both": ("✓ é café", "utf-8", ("8bit",)),
        "escape-raw": ("\x1b[31mred\x1b]0;title\x07 \x9b2J", None, ("8bit",)),
        "escape-encoded": ("\x1b]0;title\x07\x1b[2J\x9b", "utf-8", ()),
        "nul": ("a\x00b \x00", "utf-8", ()),
        "bare-cr": ("good\rbad", None, ("folding",)),
        "header-in-a-word": ("x\r\nBcc: victim@a.test", "utf-8", ()),
        "right-to-left": ("invoice \u202egpj.exe", "utf-8", ()),
        "hebrew": ("שלום abc", None, ()),
        "markup": ("[/foo] [link=https://a.test]x[/link] :bomb:", None, ()),
        "json": ('"quotes" \\ {"a": 1}', None, ()),
        "formula": ("=HYPERLINK(1)", None, ()),
    }.items()
}
WELL_FORMED = [name for name, expected in EXPECTED.items() if expected.charset and not expected.defects]
OTHERWISE = {  # email.header of Python 3.11
    "inside-a-word": "puts spaces round it",
    "language": "LookupError: unknown encoding: us-ascii*en",
    "character-in-two-words-b": "UnicodeDecodeError: does not know that utf8 is utf-8",
    "word-cut-off": "takes the first beginning and the second end",
    "chinese-wider": "UnicodeDecodeError: the name's third character is in GBK alone",
}
SHORT = [name for name, raw in SUBJECTS if len(raw) < 500]


@pytest.mark.parametrize("name", ODD)
def test_odd(name: str) -> None:
    assert decode(ODD[name]) == EXPECTED[name]


def test_every_odd_one_is_expected() -> None:
    assert list(ODD) == list(EXPECTED)
    assert len(SUBJECTS) == len(ODD) >= 40


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_odd_as_a_field_of_a_header(name: str, newline: bytes) -> None:
    raw = b" " + ODD[name].replace(b"\r\n", newline)
    header = newline.join([b"From: a@b.test", b"Subject:" + raw, b"Date: x", b"", b"Subject: body"])
    assert subject(header) == raw
    assert decode(raw) == EXPECTED[name]
    assert decode(raw + newline) == EXPECTED[name]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a\nb", Text("a\nb", None, ("folding",))),
        (b"a\r\nb\r\n", Text("a\r\nb", None, ("folding",))),
        (b"a\n\n b", Text("a\n b", None, ("folding",))),
        (b"=?utf-8?Q?a?=\r=?utf-8?Q?b?=", Text("a\rb", "utf-8", ("folding",))),
        (b"=?utf-8?Q?a?=\n\t =?utf-8?Q?b?=", Text("ab", "utf-8", ())),
        (b"=?utf-8?Q?a?= x =?utf-8?Q?b?=", Text("a x b", "utf-8", ())),
        (b"=?utf-8?Q?_a_?= ", Text(" a ", "utf-8", ())),
        # The halves of a character belong together in one charset only, and with nothing between.
        (b"=?utf-8?Q?=C3?= =?latin1?Q?=A9?=", Text("\ufffd©", "utf-8", ("undecodable",))),
        (b"=?utf-8?Q?=C3?= x =?utf-8?Q?=A9?=", Text("\ufffd x \ufffd", "utf-8", ("undecodable",))),
        (b"=?UTF-8*en?Q?=C3?= =?utf8?Q?=A9?=", Text("é", "utf-8", ())),
        (b"=?x-a?Q?=C3?= =?x-a?Q?=A9?=", Text("\ufffd\ufffd", "x-a", ("charset",))),
        (b"=?x?Q?=?= \xe9 =?utf-8?B?!?=", Text("= é ", "x", ("quoted-printable", "charset", "8bit", "base64"))),
        (b"=?utf-8?Q?=?utf-8?Q?a?=", Text("=?utf-8?Q?a", "utf-8", ())),
        (b"=?ks_c_5601-1987?B?jGM=?=", Text("똠", "ks_c_5601-1987", ())),
        (b"=?x-sjis?B?h0A=?=", Text("①", "x-sjis", ())),
        (b"=?iso-8859-8-i?Q?=F9?=", Text("ש", "iso-8859-8-i", ())),
        (b"=?windows-1252?Q?=93a=94?=", Text("“a”", "windows-1252", ())),
        (b"=?utf-7?Q?+2D3cAA-?=", Text("\U0001f400", "utf-7", ())),
        (b"=?utf-16?Q?a?=", Text("\ufffd", "utf-16", ("undecodable",))),
    ],
)
def test_cases(raw: bytes, expected: Text) -> None:
    assert decode(raw) == expected


def whole(text: Text) -> Text:
    """What holds for any result: it can be written as UTF-8 and JSON, and no defect stands there twice."""
    text.text.encode()
    (text.charset or "").encode()
    assert len(set(text.defects)) == len(text.defects)
    return text


@pytest.mark.parametrize("name", SHORT)
def test_every_truncation_and_every_fold(name: str) -> None:
    raw = ODD[name]
    for place in range(len(raw) + 1):
        for piece in (
            raw[:place],
            raw[place:],
            raw[:place] + b"\r\n " + raw[place:],
            raw[:place] + b"\n" + raw[place:],
        ):
            whole(decode(piece))


@pytest.mark.parametrize("name", SHORT)
def test_every_byte_changed(name: str) -> None:
    raw = ODD[name]
    for place in range(len(raw)):
        for byte in (b"", b"?", b"=", b"\xff", b"\n"):
            whole(decode(raw[:place] + byte + raw[place + 1 :]))


_pieces = st.sampled_from(
    [
        b"=?",
        b"?=",
        b"?Q?",
        b"?B?",
        b"utf-8",
        b"utf-7",
        b"iso-2022-jp",
        b"hz",
        b"x",
        b" ",
        b"\r\n ",
        b"=",
        b"=C3",
        b"4pyT",
    ]
)
ANY = st.binary() | st.lists(_pieces | st.binary(max_size=4)).map(b"".join)


@settings(deadline=None)
@given(ANY)
def test_any_bytes(raw: bytes) -> None:
    text = whole(decode(raw)).text
    if "=?" not in text and not {"\r", "\n"} & set(text):
        assert decode(text.encode()) == Text(text.strip(" \t"), None, ())


@settings(deadline=None)
@given(st.binary(max_size=60), st.sampled_from(sorted(charset._CODECS)), st.sampled_from("qb"))
def test_any_bytes_in_any_charset(data: bytes, name: str, how: str) -> None:
    word = data.hex("=").upper() if how == "q" else data.hex()
    whole(decode(f"=?{name}?{how}?{'=' if how == 'q' else ''}{word}?=".encode()))


@settings(deadline=None)
@given(
    # Zl and Zp end a line for its Header, which loses them.
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1),
    st.sampled_from(["utf-8", "utf-16-be"]),
)
def test_what_the_standard_library_encodes(text: str, name: str) -> None:
    raw = Header(text, "utf-8").encode(linesep="\r\n") if name == "utf-8" else word_of(text, name)
    assert decode(raw.encode()).text == text
    assert str(make_header(decode_header(raw.replace("\r\n", "")))) == text


def word_of(text: str, name: str) -> str:
    return f"=?{name}?Q?{''.join(f'={byte:02X}' for byte in text.encode(name))}?="


@pytest.mark.parametrize("name", [name for name in WELL_FORMED if name not in OTHERWISE])
def test_second_opinion(name: str) -> None:
    raw = ODD[name].decode("latin-1").replace("\r\n", "")
    assert str(make_header(decode_header(raw))) == EXPECTED[name].text


HEADER = b"""Received: from a
\tby b; x
FROM : a@b.test
subject:one
 two
Subject: second
To:
X-Long: y
X-Empty:
 folded
"""


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
@pytest.mark.parametrize("first", [b"", b"From a@b.test Mon Jan  1 00:00:00 2024\n"])
def test_fields(newline: bytes, first: bytes) -> None:
    header = (first + HEADER).replace(b"\n", newline)
    found = fields(header + newline + b"X-Body: no" + newline, [b"Subject", b"from", b"to", b"x-empty", b"x-body"])
    assert found == {
        b"from": b" a@b.test",
        b"Subject": b"one" + newline + b" two",
        b"to": b"",
        b"x-empty": newline + b" folded",
    }
    assert field(header, b"RECEIVED") == b" from a" + newline + b"\tby b; x"
    assert field(header, b"x-body") is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", None),
        (b"\n", None),
        (b"\r\nSubject: in the body", None),
        (b"Subject", None),
        (b"Subject:", b""),
        (b"Subject: ", b" "),
        (b"Subject: header only", b" header only"),
        (b"Subject: folded\n", b" folded"),
        (b"Subject: folded\n at the end", b" folded\n at the end"),
        (b"Subject: cut\r", b" cut"),
        (b"Subject\t : x\r\n", b" x"),
        (b" Subject: begins folded\nSubject: x", b" x"),
        (b"no colon\nSubject: x\n", b" x"),
        (b": no name\nSubject: x\n", b" x"),
        (b"X-Subject: no\nSubject-X: no\n", None),
        (b"X: y\n Subject: part of X\n", None),
        (b"From a@b Subject: x", None),
        (b"A: b\r\n \r\nSubject: behind a line of spaces", b" behind a line of spaces"),
        (b"A: b\n\r\nSubject: in the body", None),
    ],
)
def test_subject(header: bytes, expected: bytes | None) -> None:
    assert subject(header) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from([b"Subject", b":", b" ", b"\n", b"\r\n", b"x", b"From "])).map(b"".join) | st.binary())
def test_any_header(header: bytes) -> None:
    value = subject(header)
    if value is not None:
        assert value in header
        whole(decode(value))


def test_a_charset_imports_its_own_codec_alone() -> None:
    """A made-up name must not reach the import machinery: 300 of them import and remember nothing."""
    code = """
import sys, encodings
start = set(sys.modules)  # what measures coverage imports some of them
from netkit.mail.charset import codec
from netkit.mail.header_text import decode
decode(b'=?utf-8?Q?a=C3=A9_?= =?utf-8?B?4pyT?= \\xe9\\r\\n x')
before, known = set(sys.modules), len(encodings._cache)
for number in range(300):
    decode(b'=?cp99%d?Q?x?= =?this?Q?y?= =?hex?Q?y?= =?os.path?Q?y?=' % number)
print(sorted(set(sys.modules) - before), len(encodings._cache) - known, codec.cache_info().currsize <= 64)
decode(b'=?koi8-r?Q?=C1?=')
print(sorted(set(sys.modules) - before))
print(sorted({'email', 'socket', 'datetime', 'asyncio', 'ssl'} & (set(sys.modules) - start)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["[] 0 True", "['encodings.koi8_r']", "[]"]


def test_every_listed_codec_is_there_and_is_text() -> None:
    for name in charset._CODECS:
        assert charset.codec(name) == name
        assert charset.read(b"", name) == ("", True)
    assert set(charset._WIDER) | set(charset._WIDER.values()) | set(charset._MORE_NAMES.values()) <= charset._CODECS


@pytest.mark.parametrize("name", ["hex", "zip", "zlib", "bz2", "base64", "uu", "quopri", "rot13", "idna", "punycode"])
def test_what_is_no_charset(name: str) -> None:
    assert charset.codec(name) is None
    assert charset.codec(f"{name}_codec") is None


@pytest.mark.parametrize(
    "name",
    ["unicode_escape", "raw_unicode_escape", "undefined", "charmap", "mbcs", "oem", "unknown-8bit", "", "utf-8\0"],
)
def test_what_is_no_charset_either(name: str) -> None:
    assert charset.codec(name) is None
