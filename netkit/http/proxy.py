"""Which proxy a URL goes through: what the user wrote, or the environment as curl reads it. Pure: no network.

The environment: http_proxy (lower case alone: HTTP_PROXY is what a web server calls the header Proxy for its CGI
programs), https_proxy or HTTPS_PROXY, all_proxy or ALL_PROXY, no_proxy or NO_PROXY. A proxy without a scheme speaks
HTTP; without a port it is at 1080, https at 443. Not urllib.request.getproxies(): it imports 40 ms, and knows no
address ranges in no_proxy.
"""

from collections.abc import Mapping
from typing import NamedTuple

from netkit.errors import BadInput, Insecure, NetkitError
from netkit.http.url import Url, parse_url
from netkit.net.hostname import is_ipv4
from netkit.net.route import Hidden, Proxy, ProxyScheme

PORT, TLS_PORT = 1080, 443
SCHEMES: dict[str, ProxyScheme] = {
    "http": "http",
    "https": "https",
    "socks": "socks4",
    "socks4": "socks4",
    "socks4a": "socks4a",
    "socks5": "socks5",
    "socks5h": "socks5h",
}


class Proxies(NamedTuple):
    """One for each scheme of URLs, None for a direct way; bypass: hosts that are reached without.

    An error in place of a proxy is why it cannot be used, which matters to the URLs that would go through it alone.
    """

    http: Proxy | NetkitError | None = None
    https: Proxy | NetkitError | None = None
    bypass: tuple[str, ...] = ()

    def chosen(self, url: Url) -> Proxy | None:
        """Raises the error where there is one."""
        proxy = self.https if url.scheme == "https" else self.http
        if proxy is None or bypassed(url.host, self.bypass):
            return None
        if isinstance(proxy, NetkitError):
            raise proxy
        return proxy


def parse_proxy(
    text: str, where: str, *, password: str | None = None, secret_allowed: bool = False, digest: bool = False
) -> Proxy:
    """The proxy of `[SCHEME://][USER@]HOST[:PORT]`.

    where: what it was written in, for messages. password: of the user. secret_allowed: it may be in the text, as in
    the environment. digest: the login is by Digest, which is no clear text. Raises BadInput, and Insecure when a
    secret would go over the network in clear text.
    """
    scheme, slashes, rest = text.partition("://")
    if not slashes:
        scheme, rest = "http", text
    shown = f"{where} {_without_secret(text)!r}"
    if scheme.lower() not in SCHEMES:
        raise BadInput(f"{shown}: {scheme[:20]!r} is none of {', '.join(SCHEMES)}")
    userinfo, at, authority = rest.removesuffix("/").rpartition("@")
    try:
        url = parse_url(f"http://{userinfo}{at}{authority}")
    except BadInput as exc:
        reason = exc.message.partition("': ")[2] or exc.message  # behind the URL that it quotes
        raise BadInput(f"{shown}: {reason}", hint=exc.hint) from exc
    if url.zone:
        raise BadInput(f"{shown}: a proxy on a link of its own ({url.host}%{url.zone}) cannot be reached")
    if url.target != "/" or not authority:
        raise BadInput(f"{shown}: a proxy is SCHEME://HOST:PORT, nothing behind it")
    if url.password is not None and not secret_allowed:
        raise BadInput(
            f"{shown}: a password in an option is seen by every user of this machine (ps)",
            hint="USER@ alone, with --proxy-password-cmd, --proxy-password-file or NETKIT_PROXY_PASSWORD",
        )
    written = authority.rpartition("]")[2].rpartition(":")[2] if ":" in authority.rpartition("]")[2] else ""
    kind = SCHEMES[scheme.lower()]
    port = url.port if written else TLS_PORT if kind == "https" else PORT
    secret = url.password if url.password is not None else password
    hidden = Hidden(secret) if url.user is not None and secret is not None else None
    proxy = Proxy(kind, url.host, port, url.user, hidden, digest)
    if digest and not proxy.is_http:
        raise BadInput(f"{shown}: {kind} has no Digest authentication, which is HTTP's")
    if digest and proxy.user is None:
        raise BadInput(f"{shown}: Digest authentication needs a user", hint=f"{kind}://USER@{proxy.address}")
    if any(char < " " or char == "\x7f" for char in f"{proxy.user or ''}{secret or ''}"):
        raise BadInput(f"{shown}: a control character in the user name or password is not allowed")
    if proxy.user is not None and ":" in proxy.user and not digest:
        raise BadInput(f"{shown}: a user name for Basic authentication has no ':' (RFC 7617)")
    if proxy.user is not None and kind != "https" and not url.is_loopback and not digest:
        raise Insecure(
            f"{shown}: the login would go over the network in clear text",
            kind="plaintext_secret",
            hint="https:// to a proxy that speaks TLS, or --proxy-digest; only one on this machine gets it without",
        )
    return proxy


def _without_secret(text: str) -> str:
    scheme, slashes, rest = text.partition("://")
    if not slashes:
        scheme, rest = "", text
    return f"{scheme}{slashes}{rest.rpartition('@')[2]}"[:80]


def from_environment(environ: Mapping[str, str], *, password: str | None = None, digest: bool = False) -> Proxies:
    """What the environment says; an empty variable is as none, one that cannot be used names itself in its error."""

    def proxy(*names: str) -> Proxy | NetkitError | None:
        name = next((name for name in names if environ.get(name)), None)
        try:
            if name is None:
                return None
            return parse_proxy(environ[name], name, password=password, secret_allowed=True, digest=digest)
        except NetkitError as exc:
            return exc

    bypass = parse_bypass(environ.get("no_proxy") or environ.get("NO_PROXY") or "")
    if bypass == ("*",):
        return Proxies(bypass=bypass)
    every = ("all_proxy", "ALL_PROXY")
    return Proxies(proxy("http_proxy", *every), proxy("https_proxy", "HTTPS_PROXY", *every), bypass)


def parse_bypass(text: str) -> tuple[str, ...]:
    """The patterns between commas or spaces: a domain (with all below it), an address, a range, `*` for all."""
    return tuple(text.lower().replace(",", " ").split())


def bypassed(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether a host (A-labels, an IP address) is in the list; what cannot be understood matches nothing."""
    is_address = ":" in host or is_ipv4(host)
    name = host.lower().removesuffix(".")
    for pattern in patterns:
        if pattern == "*":
            return True
        if is_address:
            if _in_range(host, pattern.strip("[]")):
                return True
        else:
            domain = pattern.strip(".")
            if domain and (name == domain or name.endswith(f".{domain}")):
                return True
    return False


def _in_range(host: str, pattern: str) -> bool:
    if host == pattern:
        return True
    if "/" not in pattern and ":" not in pattern:
        return False
    import ipaddress  # 5 ms of CPU

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern.replace("]", ""), strict=False)
    except ValueError:
        return False
