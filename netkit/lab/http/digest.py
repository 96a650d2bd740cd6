"""The endpoint that asks for Digest authentication (RFC 7616), with its own reckoning: no code of the client's.

It keeps nothing: the nonce is the same for as long as the lab runs, and `?stale=1` says once that another is stale.
"""

import hashlib
import os
import re

from netkit.lab.http.call import Call, Refused, as_json, text
from netkit.lab.http.protocol import Response

ALGORITHMS = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
REALM = "lab"
NONCE, STALE = os.urandom(16).hex(), "0" * 32
_FIELD = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


def digest_auth(call: Call) -> Response:
    name = call.query("algorithm", "SHA-256")
    if name not in ALGORITHMS:
        raise Refused(f"algorithm is {' or '.join(ALGORITHMS)}")
    scheme, _, rest = (call.request.get("authorization") or "").partition(" ")
    given = {key: quoted or bare for key, quoted, bare in _FIELD.findall(rest)} if scheme.lower() == "digest" else {}
    right = bool(given) and given.get("response") == _response(call, name, given)
    if right and given.get("nonce") == NONCE:
        return as_json({"authenticated": True, "user": call.parts["user"], "nc": given.get("nc")})
    old = right and given.get("nonce") == STALE
    nonce = STALE if call.query("stale") and not old else NONCE
    challenge = f'Digest realm="{REALM}", qop="auth", algorithm={name}, nonce="{nonce}"{", stale=true" if old else ""}'
    return text("who are you?\n", status=401, headers=(("WWW-Authenticate", challenge),))


def _response(call: Call, algorithm: str, given: dict[str, str]) -> str:
    def hashed(*words: str) -> str:
        return ALGORITHMS[algorithm](":".join(words).encode()).hexdigest()

    if given.get("uri") != call.request.target:
        return ""
    secret = hashed(call.parts["user"], REALM, call.parts["password"])
    asked = hashed(call.request.method, call.request.target)
    counted = (given.get("nonce", ""), given.get("nc", ""), given.get("cnonce", ""), given.get("qop", ""))
    return hashed(secret, *counted, asked)
