"""What files are called: RFC 6266's own examples, names that attack, and a million combinations of their pieces."""

import os
import random
import re
import unicodedata
from pathlib import Path

import pytest

from netkit.http.filename import MAX_NAME, ROOM, clean, disposed, name_for, numbered
from netkit.http.url import parse_url


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("Attachment; filename=example.html", "example.html"),  # RFC 6266 5
        ('INLINE; FILENAME= "an example.html"', "an example.html"),
        ("attachment; filename*= UTF-8''%e2%82%ac%20rates", "€ rates"),
        ("attachment; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "€ rates"),
        ("attachment; filename*=iso-8859-1'en'%A3%20rates", "£ rates"),  # RFC 8187 3.2.3
        ("attachment; filename*=UTF-8''%ff; filename=plain.txt", "plain.txt"),  # no UTF-8
        ("attachment; filename*=koi8-r''%C1; filename=plain.txt", "plain.txt"),  # a charset that nobody must know
        ("attachment; filename*=UTF-8''a%2; filename=plain.txt", "plain.txt"),
        ('attachment; filename="a\\"b;c\\\\d.txt"', 'a"b;c\\d.txt'),
        ('attachment; filename="caf\xc3\xa9.txt"', "café.txt"),  # raw UTF-8, as Latin-1 letters on the wire
        ('attachment; filename="caf\xe9.txt"', "café.txt"),  # raw Latin-1
        ("attachment;filename=two words.txt", "two words.txt"),  # against the grammar, and common
        ("attachment; filename=first; filename=second", "first"),
        ("attachment; name=x", ""),
        ("attachment", ""),
        ('attachment; filename=""', ""),
        ("attachment; filename", ""),
    ],
)
def test_content_disposition(field: str, name: str) -> None:
    assert disposed(field) == name


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/cron.d/lab", "lab"),
        ("C:\\autoexec.bat", "autoexec.bat"),
        ("C:autoexec.bat", "C_autoexec.bat"),
        ("..", ""),
        (".", ""),
        ("", ""),
        ("...", ""),
        ("/", ""),
        ("folder/", "folder"),
        (" .bashrc", "bashrc"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("two\r\nlines", "twolines"),
        ("nul\x00byte", "nulbyte"),
        ("esc\x1b[31m", "esc[31m"),
        ("\u202egpj.exe", "gpj.exe"),
        ("a\u2028b\u200b\ufeff", "ab"),
        ("\ud800x", "x"),
        ("con", "_con"),
        ("CON.txt", "_CON.txt"),
        ("lpt¹.tar.gz", "_lpt¹.tar.gz"),
        ("console", "console"),
        ("name. . ", "name"),
        ("-rf", "_rf"),
        ('a<b>c:d"e|f?g*h', "a_b_c_d_e_f_g_h"),
        ("victim.part", "victim_part"),
        ("victim.part.json", "victim_part_json"),
        ("é" * 200 + ".tar", "é" * 118 + ".tar"),
        ("x" * 400, "x" * 241),
        ("x." + "y" * 400, "x." + "y" * 239),
    ],
)
def test_hostile_names(given: str, name: str) -> None:
    assert clean(given) == name


@pytest.mark.parametrize(
    ("url", "disposition", "kind", "name"),
    [
        ("http://h/a/b.tar.gz?x=/y", None, None, "b.tar.gz"),
        ("http://h/caf%C3%A9%20au%20lait.txt", None, None, "café au lait.txt"),
        ("http://h/%2e%2e%2fetc%2fpasswd", None, None, "passwd"),
        ("http://h/x%00y%1b", None, None, "xy"),
        ("http://h/%ff.bin", None, None, "\ufffd.bin"),
        ("http://h/a", "attachment; filename=b.txt", None, "b.txt"),
        ("http://h/a", 'attachment; filename="../.."', None, "a"),
        ("http://www.example.org/", None, "text/html; charset=utf-8", "www.example.org.html"),
        ("http://h/folder/", None, "application/json", "h.json"),
        ("http://h/", None, "no/such", "h"),
        ("http://h/", None, None, "h"),
        ("http://[::1]/", None, None, "__1"),
    ],
)
def test_names(url: str, disposition: str | None, kind: str | None, name: str) -> None:
    assert name_for(parse_url(url), disposition, kind) == name


PIECES = [
    *(
        "..",
        ".",
        "/",
        "\\",
        "\0",
        "\n",
        "\t",
        "\x1b",
        "\x85",
        "\xa0",
        "%2f",
        "%",
        "-",
        " ",
        ":",
        "~",
        "'",
        '"',
        ";",
        "=",
    ),
    *("con", "nul.", "COM1", "lpt9.x", ".part", ".part.json", "file://", "//h/s", "$(id)", "`", "*", "a", "b.txt"),
    *("\u202e", "\u2066", "\ufeff", "\ud800", "\udcff", "é", "e\u0301", "\u2215", "\uff0f", "x" * 130, "日" * 90),
]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_a_server_says_the_name_is_one_harmless_component(seed: int, tmp_path: Path) -> None:
    chosen = random.Random(seed)
    url = parse_url("http://h.test/")
    for number in range(2500):
        text = "".join(chosen.choices(PIECES, k=chosen.randint(0, 8)))
        wire = text.encode("utf-8", "surrogatepass").decode("latin-1")
        field = chosen.choice(
            ['attachment; filename="{}"', "attachment; filename={}", "attachment; filename*=utf-8''{}"]
        )
        name = name_for(url, field.format(wire.replace('"', '\\"')), "text/plain")
        for one in (name, clean(text) or "x"):
            said = f"seed {seed}: {text!r} became {one!r}"
            assert one == clean(one), said
            assert 0 < len(one.encode()) <= MAX_NAME - ROOM, said
            assert not re.search(r'[/\\\x00-\x1f\x7f-\x9f<>:"|?*]', one), said
            assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in one), said
            assert one[0] not in ".- ", said
            assert one[-1] not in ". ", said
            assert not one.lower().endswith((".part", ".part.json")), said
            assert os.path.realpath(tmp_path / one) == f"{tmp_path}/{one}", said
        if number % 50 == 0:
            (tmp_path / f"{numbered(name, 999)}.part.json").touch()  # no longer than a file system takes


def test_copies_have_numbers() -> None:
    assert [numbered("a.txt", number) for number in range(3)] == ["a.txt", "a.txt.1", "a.txt.2"]
