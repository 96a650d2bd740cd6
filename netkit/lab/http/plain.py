"""Endpoints about requests and answers: status, redirects, headers, authentication, cookies, caching."""

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from netkit.lab.http.call import Call, Refused, as_json, text
from netkit.lab.http.protocol import Header, Response

GREETING = "Hello from the lab.\n"
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 1000
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"  # Last-Modified of whatever never changes
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")  # RFC 6265 4.1.1
FRAMING = frozenset({"content-length", "transfer-encoding", "connection", "trailer", "upgrade", "date", "server"})


STS_POLICIES = {
    "mta-sts.good.lab.test": "version: STSv1\nmode: enforce\nmx: *.good.lab.test\nmax_age: 604800\n",
    "mta-sts.bad.lab.test": "version: STSv1\nmode: enforce\nmx: mx.bad.lab.test\nmax_age: 3600\n",
}


def hello(call: Call) -> Response:
    return text(GREETING)


def mta_sts(call: Call) -> Response:
    """Which policy it is depends on the host that is asked (RFC 8461 3.3)."""
    host = (call.request.get("host") or "").partition(":")[0].lower()
    if host not in STS_POLICIES:
        raise Refused("only mta-sts.good.lab.test and mta-sts.bad.lab.test have a policy", 404)
    return text(STS_POLICIES[host])


def status(call: Call) -> Response:
    code = call.number("code", most=599)
    if code < 200:
        raise Refused("code is a final status, 200 to 599")
    headers: list[Header] = [("Content-Type", "text/plain; charset=utf-8")]
    if code in REDIRECTS:
        headers.append(("Location", "/hello"))
    elif code == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="lab"'))
    elif code == 405:
        headers.append(("Allow", "GET, HEAD"))
    elif code == 407:
        headers.append(("Proxy-Authenticate", 'Basic realm="lab"'))
    try:
        phrase = HTTPStatus(code).phrase
    except ValueError:
        phrase = "Unknown"
    return Response(code, headers, f"{code} {phrase}\n".encode() if code != 205 else b"")


def redirect(call: Call) -> Response:
    left = call.number("n", most=MAX_REDIRECTS)
    target = f"/redirect/{left - 1}" if left > 1 else "/hello"
    return text(f"{target}\n", status=302, headers=(("Location", target),)) if left else text(GREETING)


def redirect_to(call: Call) -> Response:
    url, code = call.query("url"), call.number("status", most=399, default=302)
    if not url or code not in REDIRECTS:
        raise Refused("redirect-to takes ?url= and a ?status= of " + ", ".join(map(str, REDIRECTS)))
    if re.search(r"[\x00-\x20\x7f]", url):
        raise Refused("url has spaces or control characters")
    location = quote(url, safe="%/:?#[]@!$&'()*+,;=-._~")
    return text(f"{location}\n", status=code, headers=(("Location", location),))


def redirect_loop(call: Call) -> Response:
    return text("/redirect-loop\n", status=302, headers=(("Location", "/redirect-loop"),))


def headers(call: Call) -> Response:
    return as_json({"headers": joined(call.request.headers), "raw": [list(pair) for pair in call.request.headers]})


def anything(call: Call) -> Response:
    body = call.request.body
    return as_json(
        {
            "method": call.request.method,
            "target": call.request.target,
            "query": [list(pair) for pair in call.request.query],
            "headers": joined(call.request.headers),
            "body": body.decode("utf-8", "backslashreplace"),
            "size": len(body),
            "origin": call.peer,
        }
    )


def joined(fields: Sequence[Header]) -> Mapping[str, str]:
    """One value a name, in the case it first came in, repeated fields joined by commas."""
    names: dict[str, str] = {}
    values: dict[str, str] = {}
    for name, value in fields:
        key = names.setdefault(name.lower(), name)
        values[key] = f"{values[key]}, {value}" if key in values else value
    return values


def ip(call: Call) -> Response:
    host, _, port = call.peer.rpartition(":")
    return as_json({"origin": host.strip("[]"), "port": int(port or 0)})


def tls(call: Call) -> Response:
    if call.tls is None:
        raise Refused("this connection has no TLS: ask on the https port")
    cipher = call.tls.cipher()
    return as_json(
        {
            "version": call.tls.version(),
            "cipher": cipher[0] if cipher else None,
            "alpn": call.tls.selected_alpn_protocol(),
        }
    )


def response_headers(call: Call) -> Response:
    wanted: list[Header] = []
    for name, value in call.request.query:
        if not TOKEN.fullmatch(name) or name.lower() in FRAMING:
            raise Refused(f"a header named {name!r} is not sent on request")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", value):
            raise Refused(f"the value of {name} has control characters")
        wanted.append((name, value.encode().decode("latin-1")))
    named = {name.lower() for name, _ in wanted}
    kind: list[Header] = [] if "content-type" in named else [("Content-Type", "application/json")]
    body = as_json(joined(call.request.query)).body
    return Response(200, [*kind, *wanted], body)


def basic_auth(call: Call) -> Response:
    scheme, _, credentials = (call.request.get("authorization") or "").partition(" ")
    if scheme.lower() == "basic" and _decoded(credentials) == f"{call.parts['user']}:{call.parts['password']}":
        return as_json({"authenticated": True, "user": call.parts["user"]})
    return text("who are you?\n", status=401, headers=(("WWW-Authenticate", 'Basic realm="lab", charset="UTF-8"'),))


def _decoded(credentials: str) -> str | None:
    try:
        return b64decode(credentials, validate=True).decode()
    except ValueError:
        return None


def bearer(call: Call) -> Response:
    scheme, _, token = (call.request.get("authorization") or "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return as_json({"authenticated": True, "token": token})
    return text("no token\n", status=401, headers=(("WWW-Authenticate", 'Bearer realm="lab"'),))


def cookies(call: Call) -> Response:
    pairs = (pair.strip().partition("=") for pair in (call.request.get("cookie") or "").replace(", ", "; ").split(";"))
    return as_json({"cookies": {name: value for name, equals, value in pairs if equals}})


def set_cookies(call: Call) -> Response:
    fields: list[Header] = [("Location", "/cookies")]
    for name, value in call.request.query:
        if not TOKEN.fullmatch(name) or not COOKIE_VALUE.fullmatch(value):
            raise Refused(f"cookie {name!r} is not NAME=VALUE as RFC 6265 has it")
        fields.append(("Set-Cookie", f"{name}={value}; Path=/"))
    return text("/cookies\n", status=302, headers=tuple(fields))


def etag(call: Call) -> Response:
    if not re.fullmatch(r"[\x21\x23-\x7e]{1,100}", call.parts["tag"]):
        raise Refused("an ETag is printable ASCII without quotes")
    tag = f'"{call.parts["tag"]}"'
    if decided := precondition(call, tag):
        return decided
    return text(GREETING, headers=(("ETag", tag),))


def cache(call: Call) -> Response:
    tag = '"lab-1"'
    if decided := precondition(call, tag):
        return decided
    validators = (("ETag", tag), ("Last-Modified", DATE), ("Cache-Control", "max-age=60"))
    return text(GREETING, headers=validators)


def precondition(call: Call, tag: str) -> Response | None:
    """304 or 412 where the request's conditions ask for it (RFC 9110 13.2.2)."""
    if (wanted := call.request.get("if-match")) is not None and not matches(wanted, tag):
        return text("If-Match does not hold\n", status=412, headers=(("ETag", tag),))
    unless = call.request.get("if-none-match")
    if matches(unless, tag) if unless is not None else call.request.get("if-modified-since") == DATE:
        return Response(304, [("ETag", tag), ("Last-Modified", DATE)])
    return None


def matches(wanted: str, tag: str) -> bool:
    return wanted.strip() == "*" or tag in (each.strip().removeprefix("W/") for each in wanted.split(","))
