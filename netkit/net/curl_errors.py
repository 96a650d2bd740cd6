"""What libcurl's error codes mean, as one of ours: whom to blame, what was tried, how far it came."""

import os
import re
from typing import TYPE_CHECKING

from netkit.errors import (
    AuthRefused,
    BadInput,
    Insecure,
    LocalFailure,
    NetkitError,
    No,
    PeerError,
    Temporary,
    TimedOut,
    Unreachable,
)
from netkit.net.curl_streams import ended_wrong, reset
from netkit.net.hop import Phase, Tls
from netkit.net.hostname import to_unicode
from netkit.net.reasons import LOCAL, REASONS, told
from netkit.net.route import Identity, Proxy

if TYPE_CHECKING:
    from netkit.net.curl_exchange import Exchange

STREAMS = (16, 92, 95)  # CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_HTTP3 of curl.h, of which pycurl names the first alone
# CURLE_PROXY and CURLproxycode of curl.h, which pycurl does not name
_E_PROXY = 97
_NO_AUTH, _RECV_AUTH, _USER_REJECTED = 12, 14, 33
_NOT_ALLOWED = 23
_E_TOO_LARGE = 100  # CURLE_TOO_LARGE: a line beyond CURL_MAX_HTTP_HEADER
_STATUS = {  # what libcurl says of a status line, which it shows nobody
    "unsupported HTTP/1 subversion in response": "the status line is none of HTTP/1.0 or 1.1",
    "unsupported HTTP version in response": "the status line is of no HTTP version that there is",
    "unsupported response code in HTTP response": "the status is no number from 100 to 999",
}
_UNREACHED = {
    19: "refused",
    20: "general failure",  # RFC 1928 section 6
    21: "host unreachable",
    22: "network unreachable",
    24: "no answer",
    26: "rejected or failed",  # SOCKS4 has one word for all of them
    27: "no such host",
}


def error_of(one: "Exchange", code: int, words: str, phase: Phase, tls: Tls | None) -> NetkitError:
    """libcurl's code as one of ours. The words are libcurl's where they tell more than the code."""
    pycurl, hop = one.pycurl, one.hop
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return _timed_out(one, phase)
    if code == pycurl.E_COULDNT_RESOLVE_PROXY and hop.proxy:
        return Unreachable(f"{hop.proxy.host}: no such host, for the proxy {hop.proxy}", kind="no_such_host")
    if code == pycurl.E_COULDNT_RESOLVE_HOST:
        host = hop.connect_to[0] if hop.connect_to else hop.host
        shown = host if (own := to_unicode(host)) == host else f"{own} ({host})"
        return Unreachable(f"{shown}: no such host", kind="no_such_host", hint=f"netkit resolve {host} shows more")
    if hop.proxy and (refused := _proxy(one, hop.proxy, code, words)):
        return refused
    # Where QUIC is tried besides TCP, the code is of what failed last.
    by_quic = hop.route.http_version == "3" and phase == "connect" and words.startswith("Failed to connect to ")
    if code == pycurl.E_COULDNT_CONNECT or by_quic:
        return _not_connected(one, words)
    if code == pycurl.E_INTERFACE_FAILED:
        reason = _errno_words(one) or words
        return LocalFailure(f"cannot send from {hop.route.interface}: {reason}", kind="interface")
    if tls_error := _tls(one, code, words, phase, tls):
        return tls_error
    if code in (pycurl.E_NOT_BUILT_IN, pycurl.E_UNSUPPORTED_PROTOCOL) and one.listener.request is None:
        return LocalFailure(f"this libcurl cannot do it: {words}", kind="missing")
    if code == pycurl.E_OUT_OF_MEMORY:
        return LocalFailure("out of memory", kind="memory")
    return _broken(one, code, words)


def _tls(one: "Exchange", code: int, words: str, phase: Phase, tls: Tls | None) -> NetkitError | None:
    pycurl, hop = one.pycurl, one.hop
    if code == pycurl.E_PEER_FAILED_VERIFICATION:
        from netkit.net.tls import explain

        number = one.curl.getinfo(one.curl.SSL_VERIFYRESULT)
        return explain(hop.host, reason=words, code=number, chain=tls.chain if tls else (), where=hop.address)
    if code == pycurl.E_SSL_PINNEDPUBKEYNOTMATCH:
        came = tls.chain[0].pin if tls and tls.pem else None
        return Insecure(
            f"{hop.address}: the server's key is {came or 'unknown'}, not the one that --pin names",
            kind="pin",
            hint="ask the server's operator: the key was replaced, or somebody is in between",
        )
    if code == pycurl.E_SSL_CACERT_BADFILE:
        return BadInput(
            f"{hop.route.cacert or os.environ.get('SSL_CERT_FILE')}: holds no CA certificate", kind="cacert"
        )
    if hop.route.identity and code in (pycurl.E_SSL_CERTPROBLEM, pycurl.E_BAD_FUNCTION_ARGUMENT):
        return _identity(hop.route.identity, words)
    if phase == "tls" or (hop.is_tls and one.head is None and re.search(r"SSL routines:.*alert", words)):
        from netkit.net.tls import handshake

        return handshake(hop.address, words)
    return None


def _identity(identity: Identity, words: str) -> NetkitError:
    """A client certificate or key that cannot be used; of a key OpenSSL does not say why."""
    if "private key" not in words:
        return BadInput(f"{identity.certificate}: no client certificate in PEM that can be read", kind="cert")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = identity.key or identity.certificate
    try:
        with open(key, "rb") as file:
            load_pem_private_key(file.read(), identity.password.encode() if identity.password else None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        return BadInput(
            f"{key}: no private key in PEM that can be read, or another passphrase",
            kind="cert",
            hint="--key names its file, --key-password-cmd or --key-password-file brings the passphrase",
        )
    return BadInput(f"{key}: not the key of the certificate {identity.certificate}", kind="cert")


def _proxy(one: "Exchange", proxy: Proxy, code: int, words: str) -> NetkitError | None:
    """What went wrong between us and the proxy, or what it said of the server; None: it is the server's."""
    pycurl, curl, hop = one.pycurl, one.curl, one.hop
    if code == _E_PROXY:
        number = curl.getinfo(curl.PROXY_ERROR)
        what = f"{hop.url}: the proxy {proxy}"
        if number in (_NO_AUTH, _RECV_AUTH, _USER_REJECTED):
            return AuthRefused(f"{what} wants another login", kind="proxy_auth", hint="--proxy SCHEME://USER@HOST:PORT")
        if number == _NOT_ALLOWED:
            return No(f"{what} does not allow it", kind="proxy_refused")
        if number in _UNREACHED:
            kind = "refused" if _UNREACHED[number] == "refused" else "unreachable"
            return Unreachable(f"{what} cannot reach it: {_UNREACHED[number]}", kind=kind)
        return PeerError(f"{what} does not speak {proxy.scheme} as it should: {words.rstrip('.')}", kind="proxy")
    if code == pycurl.E_PEER_FAILED_VERIFICATION and curl.getinfo(curl.PROXY_SSL_VERIFYRESULT):
        from netkit.net.tls import explain

        number = curl.getinfo(curl.PROXY_SSL_VERIFYRESULT)
        return explain(proxy.host, reason=words, code=number, where=f"the proxy {proxy}")
    if proxy.is_http and one.listener.request is None:
        status = curl.getinfo(curl.HTTP_CONNECTCODE)
        if status >= 300:
            return _tunnel_refused(f"{hop.url}: the proxy {proxy} answered {status} to CONNECT", status)
        if proxy.scheme == "https" and code == pycurl.E_SSL_CONNECT_ERROR and not one.listener.tunnelled:
            from netkit.net.tls import handshake

            return handshake(f"the proxy {proxy}", words)
        if hop.needs_tunnel and not one.listener.tunnelled and curl.getinfo(curl.CONNECT_TIME_T):
            if code == pycurl.E_GOT_NOTHING or re.search("aborted|failure|reset|closed", words):
                return Unreachable(f"{hop.url}: the proxy {proxy} hung up", kind="proxy")
            reason = f"{words[:1].lower()}{words[1:]}" if words[1:2].islower() else words
            return PeerError(f"{hop.url}: the proxy {proxy} gave no proper answer to CONNECT: {reason}", kind="proxy")
    return None


_LOGIN = "--proxy SCHEME://USER@HOST:PORT logs in to it, --proxy-digest by Digest"


def _tunnel_refused(message: str, status: int) -> NetkitError:
    if status in (401, 407):  # 401 is what tinyproxy says of a wrong password
        return AuthRefused(message, kind=f"http_{status}", hint=_LOGIN)
    if status >= 500:
        return Temporary(message, kind=f"http_{status}")
    return No(message, kind=f"http_{status}")


def _broken(one: "Exchange", code: int, words: str) -> NetkitError:
    """The connection came about and the exchange did not end well."""
    pycurl, hop = one.pycurl, one.hop
    other = None if hop.is_tls else "https:// instead of http://, if the server speaks TLS on this port"
    if code == pycurl.E_GOT_NOTHING:
        return Unreachable(
            f"{hop.url}: empty reply: the connection was closed without an answer", kind="empty_reply", hint=other
        )
    if wrong := ended_wrong(one, words):
        return wrong
    # The last: TLS that ends without saying so. HTTP/2 and 3 may have no words where the connection ends amid a stream.
    gone = r"(?!nghttp2).*(?:failure|reset|closed|unexpected eof|SSL_ERROR_SYSCALL|msg\(\).* -1)|$"
    if code in (pycurl.E_SEND_ERROR, pycurl.E_RECV_ERROR, *STREAMS) and re.match(gone, words):
        return reset(one, hint=other if one.status_line is None else None)
    if one.head is not None and code == pycurl.E_PARTIAL_FILE:
        return PeerError(f"{hop.url}: closed after {one.so_far()} bytes of the body", kind="truncated")
    if code == pycurl.E_PARTIAL_FILE:
        return PeerError(f"{hop.url}: closed amid the headers", kind="truncated")
    if code == _E_TOO_LARGE and not words:
        return PeerError(f"{hop.url}: a header is larger than 100 KiB", kind="malformed")
    reason = re.sub(r"\s+", " ", words).strip() or f"libcurl error {code}"
    if reason[1:2].islower():
        reason = reason[:1].lower() + reason[1:]
    if one.status_line is None and "HTTP/0.9" in words:
        return PeerError(f"{hop.url}: the answer is HTTP/0.9, or no HTTP at all", kind="malformed", hint=other)
    return PeerError(f"{hop.url}: malformed response: {_STATUS.get(reason, reason)}", kind="malformed")


def _errno_words(one: "Exchange") -> str:
    number = one.curl.getinfo(one.curl.OS_ERRNO)
    return REASONS.get(number) or (os.strerror(number).lower() if number else "")


def _not_connected(one: "Exchange", words: str) -> NetkitError:
    hop = one.hop
    if path := hop.route.unix_socket:
        message = f"cannot connect to unix:{path}: {_errno_words(one) or words}"
    else:
        target = f"the proxy {hop.proxy}" if hop.proxy else hop.address
        if hop.connect_to:
            target += f" by way of {hop.connect_to[0]}:{hop.connect_to[1]}"
        tried = told(target, [(str(failure.remote), failure.reason) for failure in one.listener.failures])
        message = f"cannot connect to {target}: {tried or words}"
    if one.curl.getinfo(one.curl.OS_ERRNO) in LOCAL:
        return LocalFailure(message, kind="connect")
    return Unreachable(message, kind="refused" if "refused" in message else "unreachable")


def _timed_out(one: "Exchange", phase: Phase) -> TimedOut:
    seconds, hop = one.deadline.seconds, one.hop
    if phase in ("dns", "connect", "tls") and one.deadline.left > 0.05:
        seconds = hop.route.connect_timeout
    failures = ", ".join(f"{at.remote} {at.reason}" for at in one.listener.failures)
    where = {
        "dns": f"while looking up {hop.proxy.host if hop.proxy else hop.host}",
        "connect": f"while connecting: {failures}" if failures else f"waiting for the proxy {hop.proxy}",
        "tls": "during the TLS handshake",
        "send": "while sending the request",
        "wait": "while the headers came in" if one.status_line else "waiting for the answer",
        "body": f"after {one.so_far()} bytes of the body",
    }[phase]
    hint = "http:// instead of https://, if the server speaks no TLS on this port" if phase == "tls" else None
    return TimedOut(f"{hop.url}: no end within {seconds:g} s, {where}", kind=f"timeout_{phase}", hint=hint)


def stalled(one: "Exchange", seconds: float, total: int) -> TimedOut:
    """Nothing came for so long. total: bytes of the body that are announced, or 0. For use amid a transfer."""
    of = f" of {total}" if total else ""
    where = f"after {one.received}{of} bytes of the body" if one.head else "waiting for the answer"
    return TimedOut(f"{one.hop.url}: nothing came for {seconds:g} s, {where}", kind="timeout_stall")
