"""Whole messages as odd as mail gets, some of them hostile: what whoever shows mail has to stand.

Each has a name, which is in its subject. `messages` makes them one by one: some are long.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator

DEPTH = 200  # of multiparts in multiparts
PARTS = 10_000
LINE = 100_000  # bytes
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d4944415478da63649ad9f01f000421022c13c0ac770000000049454e44ae426082"
)


def messages() -> Iterator[tuple[str, bytes]]:
    """(name, message with the line ends it is to be sent with) of each."""
    for make in MAKERS:
        name = make.__name__.strip("_").replace("_", "-")
        yield name, make(name)


def _head(name: str, *fields: str) -> bytes:
    lines = (
        "From: The lab <lab@lab.test>",
        "To: you@lab.test",
        "Date: Fri, 02 Jan 2026 03:04:05 +0000",
        f"Message-ID: <{name}@lab.test>",
        f"Subject: odd: {name}",
        "MIME-Version: 1.0",
        *fields,
    )
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def _multipart(kind: str, boundary: str, *parts: bytes) -> tuple[str, bytes]:
    """The Content-Type field and the body."""
    body = b"".join(b"--%b\r\n%b\r\n" % (boundary.encode(), part) for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"', body + b"--%b--\r\n" % boundary.encode()


def _part(fields: str, body: bytes) -> bytes:
    return fields.encode() + b"\r\n\r\n" + body


def hostile_html(name: str) -> bytes:
    """Whatever HTML can do to reach out, run or get out of its frame."""
    page = (
        b"<!doctype html><title>x</title>"
        b'<meta http-equiv="refresh" content="0;url=/hello?refresh">'
        b'<base href="/hello?base=">'
        b'<link rel="stylesheet" href="/hello?style"><style>@import "/hello?import"; '
        b"body{background:url(/hello?background)} @font-face{font-family:f;src:url(/hello?font)} p{font-family:f}"
        b"</style>"
        b"<p id=shown>This text is shown.</p>"
        b'<script>document.documentElement.innerHTML = "<p>the script ran</p>"; parent.document.title = "taken"'
        b"</script>"
        b'<script src="/hello?script"></script>'
        b'<img src="/hello?image" onerror="this.outerHTML = \'an event ran\'">'
        b'<img src="cid:dot@lab.test" alt="inline">'
        b'<iframe src="/hello?frame"></iframe><object data="/hello?object"></object><embed src="/hello?embed">'
        b'<video src="/hello?video" poster="/hello?poster" autoplay></video>'
        b'<svg><image href="/hello?svg"/><script>parent.document.title = "taken"</script></svg>'
        b'<form action="/hello?form"><input name=password autofocus onfocus="this.form.submit()"></form>'
        b'<a href="/hello?link" target="_top">a link</a> <a href="javascript:alert(1)">a script</a>'
        b"</iframe><script>parent.document.title = 'taken'</script>\r\n"
    )
    inside, body = _multipart(
        "related",
        "related",
        _part("Content-Type: text/html; charset=utf-8", page),
        _part(
            "Content-Type: image/png\r\nContent-ID: <dot@lab.test>\r\nContent-Transfer-Encoding: base64",
            b64encode(_PNG) + b"\r\n",
        ),
    )
    return _head(name, inside) + body


def hostile_text(name: str) -> bytes:
    """Text that is HTML to whoever forgets to escape it, also in the header and in a file's name."""
    tags = "</textarea></pre></iframe><script>document.title='taken'</script><img src=/hello?text>"
    kind, body = _multipart(
        "mixed",
        "mixed",
        _part("Content-Type: text/plain; charset=utf-8", f"{tags}\r\n\x1b[31mred\x1b]0;title\x07\r\n".encode()),
        _part(f'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="{tags}.txt"', b"x\r\n"),
    )
    return _head(name, f"X-Tags: {tags}", f'Cc: "{tags}" <cc@lab.test>', kind) + body


def file_names(name: str) -> bytes:
    """Attachments whose names lead out of the folder, hide what they are, or are no names."""
    names = (
        'filename="../../../etc/passwd"',
        'filename="..\\\\..\\\\boot.ini"',
        'filename="/etc/cron.d/lab"',
        'filename="C:\\\\autoexec.bat"',
        'filename=".."',
        'filename=""',
        'filename=" .bashrc"',
        'filename="two\r\n lines.txt"',
        'filename="a\\"b;c=d.txt"',
        "filename*=utf-8''%E2%80%AEgpj.exe",
        "filename*=utf-8''caf%C3%A9%0D%0ASet-Cookie:%20a=b.txt",
        "filename*0*=iso-8859-1''caf%E9; filename*1=\" au lait\"; filename*2*=%2E.txt",
        'filename="=?utf-8?Q?caf=C3=A9.txt?="',
        'filename="nul\x00byte.txt"',
        "filename=con.txt",
        f'filename="{"x" * 400}.txt"',
        "filename*=x-unknown''%FF%FE",
        "filename*=utf-8''%ZZ%",
    )
    parts = [
        _part(f"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; {each}", b"x\r\n")
        for each in names
    ]
    kind, body = _multipart("mixed", "names", *parts)
    return _head(name, kind) + body


def deep(name: str) -> bytes:
    """Multiparts in multiparts, far deeper than anybody means it."""
    data = b"--b%d\r\n\r\nthe bottom\r\n--b%d--\r\n" % (DEPTH - 1, DEPTH - 1)
    for level in range(DEPTH - 2, -1, -1):
        data = b"--b%d\r\nContent-Type: multipart/mixed; boundary=b%d\r\n\r\n%b--b%d--\r\n" % (
            *(level, level + 1, data, level),
        )
    return _head(name, "Content-Type: multipart/mixed; boundary=b0") + data


def many_parts(name: str) -> bytes:
    kind, body = _multipart("mixed", "many", *(_part("", b"x") for _ in range(PARTS)))
    return _head(name, kind) + body


def no_end(name: str) -> bytes:
    """A multipart that never ends."""
    return _head(name, "Content-Type: multipart/mixed; boundary=end") + b"--end\r\n\r\nthe only part\r\n"


def no_boundary(name: str) -> bytes:
    return _head(name, "Content-Type: multipart/mixed") + b"--x\r\n\r\nno part of anything\r\n--x--\r\n"


def same_boundary(name: str) -> bytes:
    """A multipart inside another, with the same boundary."""
    kind, inner = _multipart("mixed", "same", b"\r\none", b"\r\ntwo")
    return _head(name, kind) + b"--same\r\n" + kind.encode() + b"\r\n\r\n" + inner + b"--same--\r\n"


def no_charset(name: str) -> bytes:
    return _head(name, "Content-Type: text/plain; charset=x-unknown") + b"caf\xe9\r\n"


def charset_wrong(name: str) -> bytes:
    return _head(name, "Content-Type: text/html; charset=utf-8") + b"<p>caf\xe9 \xff\xfe\r\n"


def charset_not_for_text(name: str) -> bytes:
    return _head(name, "Content-Type: text/plain; charset=zlib_codec") + b"x\x9cK\x04\x00\x00b\x00b\r\n"


def base64_broken(name: str) -> bytes:
    return (
        _head(name, "Content-Type: text/plain", "Content-Transfer-Encoding: base64") + b"aGVs*bG8g\r\nd29ybGQ\r\n!\r\n"
    )


def quoted_printable_broken(name: str) -> bytes:
    return _head(name, "Content-Transfer-Encoding: quoted-printable") + b"100=ZZ =\r\n=C3=A9 =\r\n"


def encoding_unknown(name: str) -> bytes:
    return _head(name, "Content-Type: text/plain", "Content-Transfer-Encoding: x-uuencode") + b"begin 644 x\r\n"


def html_utf_16(name: str) -> bytes:
    text = b64encode("<script>alert(1)</script> ✓".encode("utf-16")) + b"\r\n"
    return _head(name, "Content-Type: text/html; charset=utf-16", "Content-Transfer-Encoding: base64") + text


def message_in_message(name: str) -> bytes:
    return _head(name, "Content-Type: message/rfc822") + _head("inner") + b"The inner one.\r\n"


def dots(name: str) -> bytes:
    return _head(name) + b".\r\n..\r\n.x\r\n...\r\n\r\n.\r\n"


def long_line(name: str) -> bytes:
    return _head(name) + b"x" * LINE + b"\r\n"


def eight_bit(name: str) -> bytes:
    return _head(name) + bytes(range(256)).replace(b"\r", b"").replace(b"\n", b"") + b"\r\n"


def no_blank_line(name: str) -> bytes:
    return _head(name)[:-2]


def header_missing(name: str) -> bytes:
    return b"\r\nodd: header-missing\r\n"


def from_many(name: str) -> bytes:
    """A thousand addresses in one field, and the field again and again."""
    people = ",\r\n ".join(f"Person {number} <p{number}@lab.test>" for number in range(1000))
    return _head(name, f"To: {people}", *["Subject: another subject"] * 100) + b"x\r\n"


MAKERS: tuple[Callable[[str], bytes], ...] = (
    *(hostile_html, hostile_text, file_names, deep, many_parts, no_end, no_boundary, same_boundary),
    *(
        no_charset,
        charset_wrong,
        charset_not_for_text,
        base64_broken,
        quoted_printable_broken,
        encoding_unknown,
    ),
    *(html_utf_16, message_in_message, dots, long_line, eight_bit, no_blank_line, header_missing, from_many),
)
