"""The key that TSIG signs with (RFC 8945), and its file.

Keys come from a file alone: BIND's `key "NAME" { algorithm ALG; secret "BASE64"; };`, as tsig-keygen(8) and named.conf
have it, or one line `NAME:ALG:SECRET`, in the order of nsupdate(1) and kdig(1) too, `ALG:NAME:SECRET`. No message and
no repr() has the secret in it, nor any word of a file in another order that might be it.
"""

import re
from base64 import b64decode
from itertools import pairwise
from typing import NamedTuple

from netkit.dns.name import parse_name, to_text
from netkit.errors import BadInput
from netkit.net.text_file import read_text

MAX_FILE = 65536  # octets; a key has about 150
DEFAULT_ALGORITHM = "hmac-sha256"
ORDER = 'NAME:ALG:SECRET, ALG:NAME:SECRET, or key "NAME" { algorithm ALG; secret "BASE64"; };'
ALGORITHMS = {
    "hmac-md5": "hmac-md5.sig-alg.reg.int", "hmac-sha1": "hmac-sha1", "hmac-sha224": "hmac-sha224",
    "hmac-sha256": "hmac-sha256", "hmac-sha256-128": "hmac-sha256-128", "hmac-sha384": "hmac-sha384",
    "hmac-sha384-192": "hmac-sha384-192", "hmac-sha512": "hmac-sha512", "hmac-sha512-256": "hmac-sha512-256",
}  # fmt: skip
_TOKEN = re.compile(r'\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/|"(?P<quoted>[^"\n]*)"|(?P<mark>[{};])|(?P<word>[^\s{};"]+)', re.S)


class Key(NamedTuple):
    """name: with its final dot. algorithm: as ALGORITHMS has it. secret: octets."""

    name: str
    algorithm: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Key({self.name!r}, {self.algorithm!r}, ***)"


def read_key(path: str) -> Key:
    """The one key in the file. Raises LocalFailure when it cannot be read, BadInput when it has no key or several."""
    text = read_text(path, "key file", limit=MAX_FILE)
    try:
        return parse_key(text)
    except BadInput as exc:
        raise BadInput(f"{path}: {exc.message}", hint=exc.hint) from None


def parse_key(text: str) -> Key:
    """The key of a key file's text. Raises BadInput."""
    lines = [line for one in text.splitlines() if (line := one.partition("#")[0].strip())]
    if len(lines) == 1 and lines[0].count(":") in (1, 2) and "{" not in text:
        return _of_line(lines[0])
    keys = _clauses(text)
    if not keys:
        raise BadInput("it has no key", hint='write key "NAME" { algorithm hmac-sha256; secret "BASE64"; };')
    if len(keys) > 1:
        raise BadInput(f"it has {len(keys)} keys, where one is to be used")
    return keys[0]


def _of_line(line: str) -> Key:
    parts = line.split(":")
    if len(parts) == 2:
        return _key(parts[0], DEFAULT_ALGORITHM, parts[1])
    if parts[0].lower().removesuffix(".") in ALGORITHMS:
        return _key(parts[1], parts[0], parts[2])
    return _key(*parts)


def _clauses(text: str) -> list[Key]:
    """The key clauses of a file in BIND's syntax; others are passed over."""
    words: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise BadInput('its syntax is broken: a " is never closed')
        at = found.end()
        if found.lastgroup:
            words.append(found[found.lastgroup] or "")
    keys = []
    for place, word in enumerate(words):
        if word == "key" and words[place + 2 : place + 3] == ["{"]:
            try:
                inside = words[place + 3 : words.index("}", place + 3)]
            except ValueError:
                raise BadInput("its syntax is broken: a { is never closed") from None
            facts = dict(pairwise(inside))
            if "secret" not in facts:
                raise BadInput("the key has no secret")
            keys.append(_key(words[place + 1], facts.get("algorithm", DEFAULT_ALGORITHM), facts["secret"]))
    return keys


def _key(name: str, algorithm: str, secret: str) -> Key:
    known = ALGORITHMS.get(algorithm.lower().removesuffix(".").removesuffix(".sig-alg.reg.int"))
    if known is None:
        word = f" {algorithm[:40]!r}" if algorithm.lower().startswith("hmac-") else ""  # base64 has no "-"
        raise BadInput(f"key algorithm{word} is not one of {', '.join(ALGORITHMS)}", hint=ORDER)
    try:
        octets = b64decode(secret.strip(), validate=True)
    except ValueError:
        octets = b""
    if not octets:
        raise BadInput("the key's secret is not base64", hint=ORDER)
    try:
        return Key(to_text(parse_name(name)), known, octets)
    except BadInput:
        if "." in name:  # base64 has none
            raise
        raise BadInput("the key's name is no name", hint=ORDER) from None
