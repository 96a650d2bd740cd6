"""A `Hop` as libcurl's options: what is asked for, and how to get to whom.

The callbacks, and what they find out, are `net/curl_exchange`'s.
"""

import os
import sys
from typing import Any

from netkit import __version__
from netkit.errors import BadInput, LocalFailure
from netkit.net.deadline import Deadline
from netkit.net.hop import Hop
from netkit.net.hostname import is_ipv4
from netkit.net.route import Identity, Proxy, Route

# Options without a name in pycurl 7.49, by their numbers in curl.h.
_QUICK_EXIT = 322  # do not wait for a resolver thread at the end
_SOCKS5_AUTH = 267
_SUPPRESS_CONNECT_HEADERS = 265  # a proxy's answer to CONNECT is none of the server's headers


def set_options(curl: Any, hop: Hop, deadline: Deadline) -> None:
    """Raises BadInput about a file that is named, LocalFailure for an interface that this machine has not."""
    route = hop.route
    set_target(curl, hop, deadline)
    curl.setopt(curl.PROTOCOLS, curl.PROTO_HTTP | curl.PROTO_HTTPS)
    curl.setopt(curl.PATH_AS_IS, 1)
    curl.setopt(curl.NOSIGNAL, 1)
    curl.setopt(_QUICK_EXIT, 1)
    curl.setopt(curl.NOBODY if hop.method == "HEAD" else curl.HTTPGET, 1)
    curl.setopt(curl.HTTPHEADER, [_header_line(name, value) for name, value in hop.headers])
    if hop.cookie is not None:
        curl.setopt(curl.COOKIE, hop.cookie.encode("latin-1"))
    curl.setopt(curl.HTTP_VERSION, _version(curl, hop))
    curl.setopt(curl.CONNECTTIMEOUT_MS, max(1, int(route.connect_timeout * 1000)))
    _set_way(curl, hop)
    if hop.proxy:
        _set_proxy(curl, hop.proxy, route, tunnel=hop.needs_tunnel)
    else:
        curl.setopt(curl.PROXY, "")  # no http_proxy from the environment behind the caller's back
    if hop.is_tls:
        _set_tls(curl, route)


def set_target(curl: Any, hop: Hop, deadline: Deadline) -> None:
    """What alone differs between two hops that are alike."""
    curl.setopt(curl.URL, hop.url.encode("ascii"))
    curl.setopt(curl.TIMEOUT_MS, max(1, int(deadline.left * 1000)))


def alike(one: Hop, other: Hop) -> bool:
    """Whether two hops have the same options but for `set_target`."""
    return (
        one.jar is None  # whose cookies are handed to a handle that has none
        and one.address == other.address  # which a list of addresses is for
        and one.is_tls == other.is_tls
        and one.headers == other.headers
        and one._replace(url="", lookup_ms=0.0) == other._replace(url="", lookup_ms=0.0)
    )


def _header_line(name: str, value: str | None) -> bytes:
    """As CURLOPT_HTTPHEADER takes it: `N: v`, `N;` for an empty value, `N:` to leave a default out."""
    if value is None:
        return f"{name}:".encode("latin-1")
    return (f"{name}: ".encode("latin-1") + value.encode("latin-1")) if value else f"{name};".encode("latin-1")


def _version(curl: Any, hop: Hop) -> int:
    cleartext_2 = curl.CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
    number: int = {
        "auto": curl.CURL_HTTP_VERSION_2TLS if hop.is_tls else curl.CURL_HTTP_VERSION_1_1,
        "1.0": curl.CURL_HTTP_VERSION_1_0,
        "1.1": curl.CURL_HTTP_VERSION_1_1,
        "2": curl.CURL_HTTP_VERSION_2TLS if hop.is_tls else cleartext_2,
        "3": curl.CURL_HTTP_VERSION_3,
    }[hop.route.http_version]
    return number


def _set_way(curl: Any, hop: Hop) -> None:
    route = hop.route
    families = {0: curl.IPRESOLVE_WHATEVER, 4: curl.IPRESOLVE_V4, 6: curl.IPRESOLVE_V6}
    curl.setopt(curl.IPRESOLVE, families[route.family])
    if hop.connect_to:
        host, port = hop.connect_to
        curl.setopt(curl.CONNECT_TO, [f"::{_bracketed(host)}:{port}"])
    if hop.resolved:
        target = f"{_bracketed(hop.connect_to[0])}:{hop.connect_to[1]}" if hop.connect_to else hop.address
        curl.setopt(curl.RESOLVE, [f"{target}:" + ",".join(map(_bracketed, hop.resolved))])
    if route.unix_socket:
        curl.setopt(curl.UNIX_SOCKET_PATH, route.unix_socket)
    if route.interface:
        curl.setopt(curl.INTERFACE, interface(route.interface))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def interface(name: str) -> str:
    """By its kind: libcurl would look up what is no interface as the name of a host, over the network.

    Raises LocalFailure when this machine has none of that name.
    """
    if is_ipv4(name) or ":" in name:
        return f"host!{name}"
    import socket  # 2 ms of CPU

    try:
        socket.if_nametoindex(name)
    except OSError as exc:
        have = ", ".join(known for _, known in socket.if_nameindex())
        raise LocalFailure(
            f"this machine has no interface {name!r}", kind="interface", hint=f"it has {have}" if have else None
        ) from exc
    return f"if!{name}"


def _set_proxy(curl: Any, proxy: Proxy, route: Route, *, tunnel: bool) -> None:
    """By Digest libcurl logs in to a tunnel alone: the proxy's challenge is none of the response there.

    For a plain request it would ask twice within one exchange, as it would a server: that is the caller's, by headers.
    """
    curl.setopt(curl.PROXY, str(proxy))
    curl.setopt(curl.NOPROXY, "")  # decided already
    curl.setopt(_SUPPRESS_CONNECT_HEADERS, 1)
    curl.setopt(_SOCKS5_AUTH, curl.HTTPAUTH_BASIC)  # libcurl also offers GSS-API: the user's Kerberos ticket, unasked
    curl.setopt(curl.USERAGENT, f"netkit/{__version__}")  # to the proxy; the server gets what the headers say
    if proxy.user is not None and (tunnel or not proxy.digest):
        curl.setopt(curl.PROXYAUTH, curl.HTTPAUTH_DIGEST if proxy.digest else curl.HTTPAUTH_BASIC)
        curl.setopt(curl.PROXYUSERNAME, proxy.user.encode())
        curl.setopt(curl.PROXYPASSWORD, str(proxy.password or "").encode())
    if proxy.scheme == "https":
        curl.setopt(curl.PROXY_SSLVERSION, curl.SSLVERSION_TLSv1_2)
        cafile = ca_file(route)
        if cafile:
            curl.setopt(curl.PROXY_CAINFO, cafile)
        elif sys.platform != "linux":
            curl.setopt(curl.PROXY_SSL_OPTIONS, curl.SSLOPT_NATIVE_CA)


def _set_tls(curl: Any, route: Route) -> None:
    curl.setopt(curl.OPT_CERTINFO, 1)
    lowest = {
        "1.0": curl.SSLVERSION_TLSv1_0,
        "1.1": curl.SSLVERSION_TLSv1_1,
        "1.2": curl.SSLVERSION_TLSv1_2,
        "1.3": curl.SSLVERSION_TLSv1_3,
    }
    highest = {
        None: 0,
        "1.0": curl.SSLVERSION_MAX_TLSv1_0,
        "1.1": curl.SSLVERSION_MAX_TLSv1_1,
        "1.2": curl.SSLVERSION_MAX_TLSv1_2,
        "1.3": curl.SSLVERSION_MAX_TLSv1_3,
    }
    curl.setopt(curl.SSLVERSION, lowest[route.tls_min] | highest[route.tls_max])
    if route.tls_min < "1.2":
        curl.setopt(curl.SSL_CIPHER_LIST, "ALL:@SECLEVEL=0")  # their signatures are SHA-1, which no higher level allows
    if route.pins:
        curl.setopt(curl.PINNEDPUBLICKEY, ";".join(route.pins))
    if route.identity:
        _set_identity(curl, route.identity)
    if route.insecure:
        curl.setopt(curl.SSL_VERIFYPEER, 0)
        curl.setopt(curl.SSL_VERIFYHOST, 0)
        return
    cafile = ca_file(route)
    if cafile:
        curl.setopt(curl.CAINFO, cafile)
    elif sys.platform != "linux":  # on Linux pycurl finds the system's bundle when it is imported
        curl.setopt(curl.SSL_OPTIONS, curl.SSLOPT_NATIVE_CA)


def ca_file(route: Route) -> str | None:
    """The file with the authorities to trust, None for the system's. Raises BadInput when it cannot be read."""
    cafile = route.cacert or os.environ.get("SSL_CERT_FILE")
    if cafile and (not os.access(cafile, os.R_OK) or os.path.isdir(cafile)):
        raise BadInput(f"{cafile}: no such file of CA certificates, or it cannot be read", kind="cacert")
    return cafile


def _set_identity(curl: Any, identity: Identity) -> None:
    curl.setopt(curl.SSLCERT, identity.certificate)
    curl.setopt(curl.SSLKEY, identity.key or identity.certificate)
    # Also the empty one: without it OpenSSL would ask the terminal for the passphrase of a key that has one.
    curl.setopt(curl.KEYPASSWD, str(identity.password or "").encode())
