"""The table of endpoints, and the way from a request to one of them. A new one is a function and its line here."""

import html as html_module
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from netkit.lab.http import bodies, broken, digest, doh, plain
from netkit.lab.http.call import Call, Refused, text
from netkit.lab.http.protocol import Response
from netkit.lab.mail import api, page


@dataclass(frozen=True, slots=True)
class Endpoint:
    """path: words and {parts}. example: a path that works, for the index; empty where `path` does.

    methods: those it takes, empty for all of them.
    """

    path: str
    summary: str
    handle: Callable[[Call], Response]
    example: str = ""
    methods: tuple[str, ...] = ("GET", "HEAD")


def index(call: Call) -> Response:
    """This list: text, or HTML for whoever asks for it."""
    if "text/html" not in (call.request.get("accept") or ""):
        return text("".join(f"{each.path:<32} {each.summary}\n" for each in ENDPOINTS))
    rows = "".join(
        f'<tr><td><a href="{html_module.escape(each.example or each.path)}">{html_module.escape(each.path)}</a>'
        f"<td>{html_module.escape(each.summary)}\n"
        for each in ENDPOINTS
    )
    return text(
        f"<!doctype html><meta charset=utf-8><title>netkit lab</title><table>\n{rows}</table>\n", kind="text/html"
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("/", "this list, as text or HTML", index),
    Endpoint("/hello", "a line of text", plain.hello),
    Endpoint("/status/{code}", "that status, 200 to 599", plain.status, "/status/404"),
    Endpoint("/redirect/{n}", "n redirects, then /hello", plain.redirect, "/redirect/2"),
    Endpoint("/redirect-to", "?url=U&status=S: a redirect to U", plain.redirect_to, "/redirect-to?url=/hello"),
    Endpoint("/redirect-loop", "a redirect to itself", plain.redirect_loop),
    Endpoint("/headers", "the request's headers as JSON", plain.headers),
    Endpoint("/anything", "the whole request as JSON; any method", plain.anything, methods=()),
    Endpoint("/ip", "the client's address", plain.ip),
    Endpoint("/tls", "the connection's TLS version and cipher", plain.tls),
    Endpoint("/response-headers", "?NAME=VALUE&..: those headers", plain.response_headers, "/response-headers?X-A=1"),
    Endpoint("/basic-auth/{user}/{password}", "asks for that user and password", plain.basic_auth, "/basic-auth/u/p"),
    Endpoint("/digest-auth/{user}/{password}", "the same by Digest; ?algorithm=MD5, ?stale=1: its nonce is old once",
             digest.digest_auth, "/digest-auth/u/p"),
    Endpoint("/bearer", "asks for a bearer token", plain.bearer),
    Endpoint("/cookies", "the cookies sent, as JSON", plain.cookies),
    Endpoint("/cookies/set", "?NAME=VALUE&..: sets them", plain.set_cookies, "/cookies/set?flavour=mint"),
    Endpoint("/etag/{tag}", "with that ETag; 304 and 412 as asked", plain.etag, "/etag/v1"),
    Endpoint("/cache", "with ETag and Last-Modified; 304 when they match", plain.cache),
    Endpoint("/delay/{seconds}", "after so many seconds", bodies.delay, "/delay/1"),
    Endpoint("/drip", "?bytes=N&seconds=S: a byte now and then", bodies.drip, "/drip?bytes=10&seconds=2"),
    Endpoint("/stream/{n}", "n lines of JSON, in chunks", bodies.stream, "/stream/3"),
    Endpoint("/bytes/{n}", "n bytes, always the same; ranges; ?cut=K breaks off; ?range=ignored, from-zero, unnamed, "
             "other-size", bodies.bytes_, "/bytes/1024"),
    Endpoint("/flaky/{id}/{n}", "?times=N&status=S&after=T: S, with Retry-After: T, the first N times of this id; then "
             "/bytes/{n}", bodies.flaky, "/flaky/mine/1024?times=0"),
    Endpoint("/gzip", "compressed with gzip", bodies.gzip),
    Endpoint("/deflate", "compressed with deflate (zlib)", bodies.deflate),
    Endpoint("/deflate-raw", "deflate without its zlib frame", bodies.raw_deflate),
    Endpoint("/br", "compressed with br", bodies.br),
    Endpoint("/zstd", "compressed with zstd", bodies.zstd),
    Endpoint("/gzip-truncated", "gzip without its end", bodies.gzip_truncated),
    Endpoint("/gzip-bad-crc", "gzip with a wrong checksum", bodies.gzip_bad_crc),
    Endpoint("/gzip-trailing", "gzip with bytes behind its end", bodies.gzip_trailing),
    Endpoint("/gzip-bomb", "?size=N: N zeros (1 GiB) in a thousandth of that", bodies.gzip_bomb),
    Endpoint("/json", "JSON that must not be changed", bodies.json_),
    Endpoint("/html", "a page", bodies.html),
    Endpoint("/xml", "a document", bodies.xml),
    Endpoint("/image/png", "a small picture", bodies.png),
    Endpoint("/encoding/{charset}", bodies.ENCODINGS, bodies.encoding, "/encoding/utf8"),
    Endpoint("/control-characters", "ESC and OSC in a header and the body", bodies.control_characters),
    Endpoint("/early-hints", "a 103 in front of the answer", bodies.early_hints),
    Endpoint("/trailers", "a field behind the body", bodies.trailers),
    Endpoint("/.well-known/mta-sts.txt", "the MTA-STS policy of good.lab.test, or of bad.lab.test", plain.mta_sts),
    Endpoint("/dns-query", "DNS over HTTPS (RFC 8484), by GET and POST", doh.dns_query, f"/dns-query?dns={doh.EXAMPLE}",
             ("GET", "HEAD", "POST")),
    Endpoint("/truncated", "half the body that Content-Length says", broken.truncated),
    Endpoint("/malformed/{kind}", "HTTP broken in one way: " + ", ".join(broken.MALFORMED), broken.malformed,
             "/malformed/no-colon"),
    Endpoint("/mail", "the mail that has come in, as pages", page.messages),
    Endpoint("/mail/style.css", "how they look", page.style),
    Endpoint("/mail/api", "?mailbox=A: the mail that has come in, as JSON, newest first", api.messages),
    Endpoint("/mail/api/follow", "?mailbox=A: what is there and what comes, a line of JSON each", api.follow),
    Endpoint("/mail/api/{id}", "a message as JSON: envelope, headers, text, HTML, files", api.message,
             "/mail/api/lab00000001"),
    Endpoint("/mail/{id}", "a message", page.message, "/mail/lab00000001"),
    Endpoint("/mail/{id}/html", "its HTML, which loads nothing and runs nothing", page.html, "/mail/lab00000001/html"),
    Endpoint("/mail/{id}/raw", "the message as a file", page.raw, "/mail/lab00000001/raw"),
    Endpoint("/mail/{id}/part/{n}", "what a part of it holds, as a file", page.part, "/mail/lab00000001/part/1"),
)  # fmt: skip


def answer(call: Call) -> Response:
    """The response of the endpoint that the request's path names. HEAD is answered as GET, without the body."""
    for endpoint in ENDPOINTS:
        parts = match(endpoint.path, call.request.path)
        if parts is None:
            continue
        if endpoint.methods and call.request.method not in endpoint.methods:
            allowed = ", ".join(endpoint.methods)
            return text(
                f"only {' and '.join(allowed.rsplit(', ', 1))} here\n", status=405, headers=(("Allow", allowed),)
            )
        try:
            return endpoint.handle(replace(call, parts=parts))
        except Refused as exc:
            return text(f"{exc}\n", status=exc.status)
    return text("no such endpoint; / lists them\n", status=404)


def match(pattern: str, path: str) -> dict[str, str] | None:
    """The parts of a path that fits the pattern, decoded; a slash at the end makes no difference."""
    words, given = pattern.strip("/").split("/"), path.removeprefix("/").removesuffix("/").split("/")
    if len(words) != len(given):
        return None
    parts = {}
    for word, value in zip(words, given, strict=True):
        if word.startswith("{"):
            if not value:
                return None
            parts[word.strip("{}")] = unquote(value)
        elif word != value:
            return None
    return parts
