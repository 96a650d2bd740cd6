"""The JSON document of a fetch: one object per URL, all keys always, also when it failed.

Header values are Latin-1 text; the body is text where its charset gives its very bytes back, and {"base64": ...}
otherwise, so the document is always valid UTF-8. Secrets in request headers are masked; the response is shown as it
came.
"""

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from netkit.errors import NetkitError
from netkit.http.result import Body, Response
from netkit.http.text import Text, exact, read
from netkit.net.hop import Head, Headers, HopResult, Remote, Timings, Tls
from netkit.net.tls import Certificate

if TYPE_CHECKING:
    from netkit.http.retry import Again

SCHEMA = "netkit.http/1"


def document(response: Response) -> dict[str, Any]:
    kind = (response.head.get("content-type") if response.head else None) or ""
    kept = response.body
    text = None if kept.content is None else read(kept.content, kind, cut=kept.truncated)
    warnings = (*response.warnings, *([text.note] if text and text.note else ()))
    return {
        "schema": SCHEMA,
        "time": response.time,
        "ok": response.error is None,
        "exit_code": int(response.exit_code),
        "method": response.method,
        "url": str(response.url),
        "final_url": response.final_url,
        "status": response.status,
        "total_ms": round(response.total_ms, 3),
        "attempts": len(response.retries) + 1,
        "retries": [again(one) for one in response.retries],
        "error": error(response.error),
        "warnings": [{"code": one.code, "message": one.message} for one in warnings],
        "checks": [one._asdict() for one in response.checks],
        "hops": [hop(one) for one in response.hops],
        "body": body(kept, response.head, text),
    }


def error(exc: NetkitError | None) -> dict[str, str | None] | None:
    return None if exc is None else {"kind": exc.kind, "message": exc.message, "hint": exc.hint}


def again(one: "Again") -> dict[str, Any]:
    return {
        "status": one.status,
        "error": error(one.error),
        "held_bytes": one.held,
        "pause_ms": round(one.pause * 1000, 3),
    }


def hop(one: HopResult) -> dict[str, Any]:
    head = one.head
    return {
        "url": one.hop.url,
        "request": {"headers": None if one.shown_request is None else _pairs(one.shown_request)},
        "status": head.status if head else None,
        "reason": head.reason if head else None,
        "http_version": head.http_version if head else None,
        "headers": _pairs(head.headers) if head else None,
        "trailers": _pairs(one.trailers),
        "informational": [{"status": info.status, "headers": _pairs(info.headers)} for info in one.informational],
        "remote": remote(one.remote),
        "failed": None
        if one.failed is None
        else [{**(remote(failure.remote) or {}), "error": failure.reason} for failure in one.failed],
        "proxy": str(one.hop.proxy) if one.hop.proxy else None,
        "unix_socket": one.hop.route.unix_socket,
        "reused": one.reused,
        "timings": timings(one.timings),
        "tls": tls(one.tls),
        "error": error(one.error),
    }


def _pairs(headers: Headers) -> list[list[str]]:
    return [[name, value] for name, value in headers]


def remote(one: Remote | None) -> dict[str, Any] | None:
    return None if one is None else {"ip": one.ip, "port": one.port}


def timings(one: Timings) -> dict[str, float | None]:
    return {
        "dns_ms": one.dns,
        "connect_ms": one.connect,
        "tls_ms": one.tls,
        "send_ms": one.send,
        "wait_ms": one.wait,
        "body_ms": one.body,
        "total_ms": one.total,
    }


def tls(one: Tls | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "version": one.version,
        "cipher": one.cipher,
        "group": one.group,
        "alpn": one.alpn,
        "verified": one.verified,
        "verify_error": one.verify_error,
        "chain": [certificate(cert) for cert in one.chain],
    }


def certificate(one: Certificate) -> dict[str, Any]:
    return {
        "subject": one.subject,
        "issuer": one.issuer,
        "not_before": one.not_before,
        "not_after": one.not_after,
        "san": list(one.san),
        "sha256": one.sha256,
        "serial": one.serial,
        "pin": one.pin,
    }


def body(one: Body, head: Head | None, text: Text | None) -> dict[str, Any]:
    """encoding: "text" where `content` is text, "base64", or "omitted" where there is none."""
    data = one.content
    if data is None or (text is not None and not one.truncated and not exact(text, data)):
        text = None
    return {
        "content": text.text if text else None if data is None else {"base64": b64encode(data).decode("ascii")},
        "encoding": "text" if text else "omitted" if data is None else "base64",
        "content_type": head.get("content-type") if head else None,
        "charset": text.charset if text else None,
        "wire_bytes": one.wire_bytes,
        "decoded_bytes": one.decoded_bytes,
        "sha256": one.sha256,
        "truncated": one.truncated,
        "saved_to": one.saved_to,
        "part": one.part,
        "resumed_from": one.resumed_from,
        "checksum": one.checksum,
    }
