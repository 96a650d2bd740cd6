"""Addresses that users write, checked: `a@b.test`, `Ann Example <a@b.test>`, several with commas between.

Strict where netkit.mail.header_address forgives: what is sent to the wrong one is lost. Domains get their ASCII form
(UTS 46); the part before the @ may be a quoted string and may have any letter (RFC 6531), and stays as it is.
"""

import re
from functools import cache
from typing import NamedTuple

from netkit.errors import BadInput
from netkit.net.hostname import is_ipv4, to_ascii

MAX_LOCAL = 64  # octets, RFC 5321 4.5.3.1.1
_ATEXT = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-")


class Mailbox(NamedTuple):
    """name: for people, "" without; address: as it goes on the wire, its domain in A-labels."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def parse_mailboxes(text: str, what: str) -> list[Mailbox]:
    """One or more, with commas between. what: how messages call it, "--to". Raises BadInput."""
    refuse_control(text, what)
    if not any(char in text for char in '<>"();'):
        return [Mailbox("", parse_address(one.strip(), what)) for one in text.split(",")]
    found = []
    here = 0
    while True:
        match = _named().match(text, here) or _bare().match(text, here)
        if match is None or (match.end() < len(text) and text[match.end()] != ","):
            hint = "write a@b.test, or 'Ann Example <a@b.test>'; several have commas between"
            raise BadInput(f"{what}: {_short(text)} is no address", hint=hint)
        name = (match.groupdict().get("name") or "").strip()
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        found.append(Mailbox(name, parse_address(match["address"].strip(), what)))
        here = match.end() + 1
        if here > len(text):
            return found


def parse_address(text: str, what: str) -> str:
    """`local@domain` with the domain in A-labels. Raises BadInput."""
    refuse_control(text, what)
    quoted = _quoted().match(text) if text.startswith('"') else None
    local, at, domain = (
        (quoted[0], text[quoted.end() : quoted.end() + 1], text[quoted.end() + 1 :])
        if quoted
        else (text.partition("@"))
    )
    if not text:
        raise BadInput(f"{what}: the address is empty")
    if at != "@":
        raise BadInput(f"{what}: {_short(text)} has no @")
    if not quoted and "@" in domain:
        raise BadInput(f"{what}: {_short(text)} has two @", hint="several have commas between" if " " in text else None)
    if not quoted and not _is_dot_atom(local):
        raise BadInput(
            f"{what}: {_short(local)} cannot stand before the @ as it is", hint='in quotes it can: "odd name"@b.test'
        )
    if len(local.encode()) > MAX_LOCAL:
        raise BadInput(f"{what}: {_short(local)}: at most {MAX_LOCAL} bytes stand before the @ (RFC 5321)")
    return f"{local}@{parse_domain(domain, what)}"


def _is_dot_atom(local: str) -> bool:
    return all(part and all(char in _ATEXT or _is_letter(char) for char in part) for part in local.split("."))


def _is_letter(char: str) -> bool:
    """Beyond ASCII (RFC 6532): anything but spaces, and what is not seen but acts, such as bidi controls."""
    if char < "\xa0":
        return False
    from unicodedata import category

    return category(char) not in ("Cc", "Cf", "Cs", "Zs", "Zl", "Zp")


def parse_domain(text: str, what: str) -> str:
    """A domain in A-labels, or an address literal, `[192.0.2.1]` or `[IPv6:::1]` (RFC 5321 4.1.3). Raises BadInput."""
    if text.startswith("["):
        inner = text[1:-1]
        if text.endswith("]") and is_ipv4(inner):
            return text
        if text.endswith("]") and inner[:5].lower() == "ipv6:":
            from ipaddress import AddressValueError, IPv6Address  # 5 ms of CPU

            try:
                return f"[IPv6:{IPv6Address(inner[5:])}]"
            except AddressValueError:
                pass
        raise BadInput(f"{what}: {_short(text)} is no address literal", hint="write [192.0.2.1] or [IPv6:2001:db8::1]")
    try:
        domain = to_ascii(text)
    except BadInput as exc:
        raise BadInput(f"{what}: {exc.message}", hint=exc.hint) from exc
    if not domain:
        raise BadInput(f"{what}: the root of all names has no mail")
    return domain


def refuse_control(text: str, what: str) -> None:
    """Raise BadInput for what would end a line or act on a terminal, and for what is no text."""
    for place, char in enumerate(text, 1):
        if char in "\r\n":
            raise BadInput(f"{what}: a line break at position {place}")
        if char < " " or char == "\x7f" or "\x80" <= char < "\xa0" or char in "\u2028\u2029":
            raise BadInput(f"{what}: a control character (U+{ord(char):04X}) at position {place}")
        if "\ud800" <= char <= "\udfff":
            raise BadInput(f"{what}: what stands at position {place} is not UTF-8")


def refuse_helo(text: str) -> None:
    """Raises BadInput for what EHLO cannot say: a name is one word."""
    refuse_control(text, "--helo")
    if " " in text or not text:
        raise BadInput(f"--helo: {text!r} is no name")


def _short(text: str, limit: int = 60) -> str:
    return repr(text if len(text) <= limit else text[:limit] + "…")


# Compiled when first used: plain addresses do without, and a start is 3 ms shorter. The spaces round a name are part
# of it: a pattern that finds them with \s* on both sides takes n^3 steps for n spaces.


@cache
def _quoted() -> re.Pattern[str]:
    return re.compile(r'"(?:[^"\\]|\\.)*"')


@cache
def _named() -> re.Pattern[str]:
    return re.compile(
        r'(?P<name>\s*"(?:[^"\\]|\\.)*"\s*|[^"<>,@;()\\]*)<(?P<address>(?:"(?:[^"\\]|\\.)*"|[^<>"])*)>\s*'
    )


@cache
def _bare() -> re.Pattern[str]:
    return re.compile(r'(?P<address>(?:"(?:[^"\\]|\\.)*"|[^<>",;()])*)(?=,|$)')
