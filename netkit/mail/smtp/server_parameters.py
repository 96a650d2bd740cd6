"""What a client asks for behind the address of MAIL and RCPT, checked: SIZE, BODY, SMTPUTF8, AUTH, and delivery status
notifications (RFC 3461: RET, ENVID, NOTIFY, ORCPT).

Each may be there once. Values in xtext come out decoded; they must be printable, for they end up in a header one day.
"""

import re
from typing import NamedTuple

MAX_ENVID = 100  # characters, RFC 3461 section 4.4
MAX_ORCPT = 500  # section 4.2
BODIES = ("7BIT", "8BITMIME")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")
_UTF8_XTEXT = re.compile(r"(?:[!-*,-<>-\[\]-~]|\\x\{[0-9A-F]{2,6}\}|[^\x00-\xa0])+")  # RFC 6533 section 3
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}")


class Refused(Exception):
    """The answer to a parameter that cannot be taken."""


class MailParameters(NamedTuple):
    """Of MAIL. body: 7BIT or 8BITMIME. ret: FULL or HDRS, what a notification is to bring back. envid: decoded."""

    size: int | None = None
    body: str | None = None
    smtputf8: bool = False
    ret: str | None = None
    envid: str | None = None


class RcptParameters(NamedTuple):
    """Of RCPT. notify: NEVER, or some of SUCCESS, FAILURE, DELAY. orcpt: type;address, decoded."""

    notify: tuple[str, ...] = ()
    orcpt: str | None = None


def read_mail(text: str) -> MailParameters:
    """Raises Refused."""
    size = body = ret = envid = None
    smtputf8 = False
    for name, value in _pairs(text, ("SIZE", "BODY", "SMTPUTF8", "AUTH", "RET", "ENVID")):
        if name == "SIZE":
            if not re.fullmatch(r"[0-9]{1,20}", value):
                raise Refused("501 5.5.4 SIZE is a number")
            size = int(value)
        elif name == "BODY":
            body = _one_of(name, value, BODIES)
        elif name == "SMTPUTF8":
            if value:
                raise Refused("501 5.5.4 SMTPUTF8 has no value")
            smtputf8 = True
        elif name == "RET":
            ret = _one_of(name, value, ("FULL", "HDRS"))
        elif name == "ENVID":
            if len(value) > MAX_ENVID:
                raise Refused(f"501 5.5.4 ENVID is longer than {MAX_ENVID} characters")
            envid = _decoded(name, value)
    return MailParameters(size, body, smtputf8, ret, envid)


def read_rcpt(text: str) -> RcptParameters:
    """Raises Refused."""
    notify: tuple[str, ...] = ()
    orcpt = None
    for name, value in _pairs(text, ("NOTIFY", "ORCPT")):
        if name == "NOTIFY":
            notify = tuple(_one_of(name, word, ("NEVER", "SUCCESS", "FAILURE", "DELAY")) for word in value.split(","))
            if ("NEVER" in notify and len(notify) > 1) or len(set(notify)) < len(notify):
                raise Refused("501 5.5.4 NOTIFY is NEVER alone, or some of SUCCESS, FAILURE, DELAY, each once")
        else:
            if len(value) > MAX_ORCPT:
                raise Refused(f"501 5.5.4 ORCPT is longer than {MAX_ORCPT} characters")
            kind, semicolon, address = value.partition(";")
            if not semicolon or not _ADDRESS_TYPE.fullmatch(kind):
                raise Refused("501 5.5.4 ORCPT=type;address")
            orcpt = f"{kind};{_decoded(name, address, utf8=kind.lower() == 'utf-8')}"
    return RcptParameters(notify, orcpt)


def _pairs(text: str, known: tuple[str, ...]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for word in text.split():
        name, equals, value = word.partition("=")
        name = name.upper()
        if name not in known:
            raise Refused(f"555 5.5.4 there is no parameter {name[:20]!r} here")
        if equals and not value:
            raise Refused(f"501 5.5.4 {name} has an empty value")
        if name in dict(pairs):
            raise Refused(f"501 5.5.4 {name} is there twice")
        pairs.append((name, value))
    return pairs


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value.upper() not in choices:
        raise Refused(f"501 5.5.4 {name} is {' or '.join(choices)}")
    return value.upper()


def _decoded(name: str, value: str, *, utf8: bool = False) -> str:
    if utf8 and _UTF8_XTEXT.fullmatch(value):
        text = re.sub(r"\\x\{([0-9A-F]+)\}", lambda found: _character(int(found[1], 16)), value)
    elif not utf8 and _XTEXT.fullmatch(value):
        text = re.sub(r"\+(..)", lambda found: _character(int(found[1], 16)), value)
    else:
        raise Refused(f"501 5.5.4 {name} is no xtext")
    if not text.isprintable() or not (utf8 or text.isascii()):
        raise Refused(f"501 5.5.4 {name} has characters that are not printable")
    return text


def _character(number: int) -> str:
    """U+FFFF, which is not printable, for what is no character."""
    return chr(number) if number < 0x110000 else "\uffff"
