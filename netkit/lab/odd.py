"""Subjects as odd as those of real mailboxes, and some that an attacker would send: what a mail program has to stand.

Each is a name and the raw value behind "Subject: "; line breaks stand only where the value is folded.
"""

SUBJECTS: tuple[tuple[str, bytes], ...] = (
    # Plain and folded
    ("plain", b"Minutes of the meeting"),
    ("empty", b""),
    ("spaces", b"   \t  "),
    ("inner-spaces", b"two  spaces,\ta tab"),
    ("folded", b"one\r\n two\r\n\tthree"),
    ("folded-in-a-word", b"=?utf-8?Q?one\r\n two?="),
    ("folded-blank-line", b"one\r\n \r\n two"),
    ("question-equals", b"Why =? Because ?= and =?so?on?="),
    ("long", b"a " * 5_000 + b"end"),
    # Encoded words
    ("q", b"=?iso-8859-1?Q?caf=E9?="),
    ("q-lower-case", b"=?ISO-8859-1?q?caf=e9_au_lait?="),
    ("b", b"=?utf-8?B?SMOpbMOobmU=?="),
    ("two-charsets", b"=?iso-8859-1?Q?caf=E9?= =?utf-8?B?4pyT?= plain"),
    ("words-over-two-lines", b"=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?Q?_aus_K=C3=B6ln?="),
    ("no-space-between", b"=?utf-8?Q?a=C3=A4?==?utf-8?Q?=C3=B6o?="),
    ("inside-a-word", b"Re:=?utf-8?Q?=C3=BC?=ber"),
    ("language", b"=?us-ascii*en?Q?Hello?= =?utf-8*de-AT?Q?_Gr=C3=BCezi?="),
    ("character-in-two-words-b", b"=?utf-8?B?4pw=?= =?utf-8?B?k27inQ==?= =?UTF8?B?jA==?="),
    ("character-in-two-words-q", b"=?utf-8?Q?=E2=9C?=\r\n =?utf-8?B?kw==?="),
    ("empty-word", b"a =?utf-8?Q??= b"),
    ("question-mark-in-word", b"=?utf-8?Q?what??= =?utf-8?Q?_is?it?="),
    ("spaces-in-word", b"=?utf-8?Q?hello there?="),
    ("word-cut-off", b"=?utf-8?Q?caf=C3=A9 =?utf-8?Q?caf=C3=A9?="),
    ("word-without-end", b"=?utf-8?B?4pyT"),
    ("unknown-encoding", b"=?utf-8?X?abc?="),
    ("long-word", b"=?utf-8?B?" + b"4pyT" * 500 + b"?="),
    ("encoded-comma", b"=?utf-8?Q?Doe=2C_John?="),
    ("word-in-word", b"=?utf-8?B?PT91dGYtOD9RP2E/PQ==?="),
    # Broken encodings
    ("q-bad-hex", b"=?utf-8?Q?100=_=G1=4?="),
    ("q-raw-bytes", b"=?utf-8?Q?caf\xc3\xa9?="),
    ("b-no-padding", b"=?utf-8?B?4pyTIG9rIQ?="),
    ("b-star-inside", b"=?utf-8?B?4p*yT?="),
    ("b-length-1-mod-4", b"=?utf-8?B?4pyTI?="),
    ("b-padding-inside", b"=?utf-8?B?YQ==Yg==?="),
    ("b-empty", b"=?utf-8?B?====?="),
    # Charsets
    ("charset-unknown", b"=?x-unknown?Q?caf=E9?= ok"),
    ("charset-hex", b"=?hex?Q?636166?="),
    ("charset-unicode-escape", b"=?unicode_escape?Q?=5Cu202e?="),
    ("charset-idna", b"=?idna?Q?xn--bcher-kva?="),
    ("charset-undefined", b"=?undefined?Q?x?="),
    ("charset-path", b"=?../../etc/passwd?Q?x?="),
    ("charset-too-long", b"=?" + b"x" * 60 + b"?Q?x?="),
    ("charset-missing", b"=??Q?x?="),
    ("ascii-with-8-bit", b"=?us-ascii*en?Q?caf=E9?="),
    ("utf-8-invalid", b"=?utf-8?Q?a=C3(=FF?="),
    ("utf-8-overlong", b"=?utf-8?Q?=C0=AE?="),
    ("surrogate", b"=?utf-8?Q?=ED=A0=80?="),
    ("surrogate-utf-7", b"=?utf-7?Q?+2AA-?="),
    ("utf-16", b"=?utf-16?B?//5oAGkA?="),
    ("japanese", b"=?ISO-2022-JP?B?GyRCJDMkcyRLJEEkTxsoQg==?="),
    ("japanese-in-two-words", b"=?ISO-2022-JP?B?GyRCJDMkcw==?= =?ISO-2022-JP?B?JEskQSRPGyhC?="),
    ("chinese-wider", b"=?gb2312?B?1uzpRrv5?="),
    ("russian", b"=?koi8-r?B?8NLJ18XU?="),
    ("emoji", b"=?utf-8?Q?=F0=9F=91=A9=E2=80=8D=F0=9F=92=BB_ok?="),
    # Raw bytes
    ("raw-latin-1", b"caf\xe9"),
    ("raw-utf-8", "café ✓".encode()),
    ("raw-both", "✓ ".encode() + b"=?utf-8?Q?=C3=A9?= caf\xe9"),
    # What must never reach a terminal as it is
    ("escape-raw", b"\x1b[31mred\x1b]0;title\x07 \x9b2J"),
    ("escape-encoded", b"=?utf-8?Q?=1B]0;title=07=1B[2J=C2=9B?="),
    ("nul", b"a\x00b =?utf-8?Q?=00?="),
    ("bare-cr", b"good\rbad"),
    ("header-in-a-word", b"=?utf-8?Q?x=0D=0ABcc:_victim=40a.test?="),
    ("right-to-left", b"=?utf-8?Q?invoice_=E2=80=AEgpj.exe?="),
    ("hebrew", "שלום abc".encode()),
    ("markup", b"[/foo] [link=https://a.test]x[/link] :bomb:"),
    ("json", b'"quotes" \\ {"a": 1}'),
    ("formula", b"=HYPERLINK(1)"),
)


def message(name: str, subject: bytes) -> bytes:
    """A whole message with the subject."""
    return (
        b"From: The lab <lab@lab.test>\r\nTo: odd@lab.test\r\nDate: Fri, 02 Jan 2026 03:04:05 +0000\r\n"
        b"Message-ID: <%s@lab.test>\r\nSubject: %s\r\n\r\nThis subject is odd: %s.\r\n"
        % (name.encode(), subject.strip(), name.encode())
    )
