"""What of the user's goes out with each hop, and to whom: headers, credentials, cookies, a client certificate.

The rule: what belongs to one origin (scheme, host, port) never reaches another, unless the user trusts the redirects;
and no credential goes in clear text over a network. A proxy sees a request to http:// whole, so it gets one with
credentials on this machine alone; of https:// it sees the name of the host (CONNECT). Its own login goes to it alone.
"""

from typing import TYPE_CHECKING, TypeAlias

from netkit.errors import BadInput, Insecure, Unreachable
from netkit.http.headers import Header, build, credentials, wire
from netkit.http.redirect import kept
from netkit.http.request import Request
from netkit.http.url import Url, is_loopback
from netkit.net.deadline import Deadline
from netkit.net.hop import Found, Head, Hop, LookUp, Warn
from netkit.net.hostname import is_ipv4

if TYPE_CHECKING:
    from netkit.http.digest import Answer, Challenge
    from netkit.net.route import Proxy

Headers: TypeAlias = tuple[tuple[str, str | None], ...]
NOTHING = Found()
MAX_STALE = 3  # nonces of one fetch that a server may call too old (RFC 7616 3.3); it could do so for ever


class Sender:
    """For the hops of one fetch, in their order."""

    def __init__(self, request: Request) -> None:
        """Raises BadInput, Insecure for a credential in clear text, LocalFailure for what this machine has not."""
        self.request = request
        self.route = request.route
        self.headers = list(request.headers)
        self.cookies = [request.cookie] if request.cookie else []
        if self.cookies or request.jar is not None:  # one header: what the user gives, and what the jar has
            self.cookies += [one.value for one in self.headers if one.name.lower() == "cookie" and one.value]
            self.headers = [one for one in self.headers if one.name.lower() != "cookie" or one.value is None]
        self.credentials = credentials(request.url, request.auth, request.bearer)
        self.answer: Answer | None = None  # to a Digest challenge
        self.stale = 0  # answers that came too late
        self.at_proxy: dict[Proxy, Answer] = {}  # to theirs
        self.last: Hop | None = None
        if request.digest_auth and (self.credentials is None or self.credentials.bearer is not None):
            raise BadInput("Digest authentication needs a user", hint="-u USER, or --netrc")
        self._refuse_clear(request.url)
        if self.route.http_version == "3":
            from netkit.net.curl import require_http3

            require_http3()
        if self.route.interface:
            from netkit.net.curl_options import interface

            interface(self.route.interface)
        self.built: Headers | None = None  # as the engine takes them, where they are the same for each hop
        self._build(request.url)  # its limits, before anything is sent

    def lookup(self, url: Url, deadline: Deadline) -> LookUp | None:
        """What has to be looked up before this hop, by the servers that the user names."""
        request = self.request
        if not request.dns_servers or self.route.unix_socket or request.resolved(url):
            return None
        proxy, (host, _) = request.proxy(url), request.detour(url) or (url.host, url.port)
        if (proxy and proxy.looks_up) or is_loopback(host) or ":" in host or is_ipv4(host):
            return None
        return LookUp(host, request.dns_servers, self.route.family, deadline)

    def hop(
        self,
        url: Url,
        found: Found = NOTHING,
        more: tuple[tuple[str, str | None], ...] = (),
        *,
        identity: bool = False,
    ) -> Hop:
        """more: headers besides. identity: nothing is to be encoded.

        Raises LocalFailure for an unknown interface, Unreachable for an address that is not of the family asked for.
        """
        request = self.request
        self._refuse_other_family(url)
        if url.zone and not url.zone.isdecimal():  # libcurl would try until --timeout
            from netkit.net.curl_options import interface

            interface(url.zone)
        headers = self._build(url, identity=identity)
        hop = Hop(
            url=url.wire,
            host=url.host,
            address=url.address,
            method=request.method,
            headers=headers + more,
            route=self.route,
            resolved=found.addresses or request.resolved(url),
            lookup_ms=found.ms,
            connect_to=request.detour(url),
            proxy=request.proxy(url),
            cookie="; ".join(self.cookies).encode("utf-8", "surrogateescape").decode("latin-1") or None,
            jar=request.jar,
            show_secrets=request.show_secrets,
        )
        if hop.logs_in_by_digest and hop.proxy in self.at_proxy:
            own = self.at_proxy[hop.proxy].header(request.method, url.wire)
            hop = hop._replace(headers=(*hop.headers, *wire([own._replace(name="Proxy-Authorization")])))
        self.last = hop
        return hop

    def _build(self, url: Url, *, identity: bool = False) -> Headers:
        if identity or self.answer is not None:  # which is another for each request
            return wire(build(self.headers, self._authorization(url), identity=identity))
        if self.built is None:
            self.built = wire(build(self.headers, self._authorization(url)))
        return self.built

    def _refuse_other_family(self, url: Url) -> None:
        """libcurl connects to an address that is written, whatever family is asked for."""
        family, (host, _) = self.route.family, self.request.detour(url) or (url.host, url.port)
        if not family or self.route.unix_socket or self.request.proxy(url) or self.request.resolved(url):
            return
        its = 6 if ":" in host else 4 if is_ipv4(host) else family
        if its != family:
            raise Unreachable(
                f"{url}: {host} is an IPv{its} address, and -{family} asks for IPv{family} alone", kind="unreachable"
            )

    def leave(self, url: Url) -> tuple[Warn, ...]:
        """The next hop is of another origin."""
        self.built = None
        if self.request.trust_redirects:
            self.headers = [one for one in self.headers if one.name.lower() != "host"]
            self.answer = None
            bare = list(kept(self.headers))
            if self._in_clear(url) and (self.credentials or self.cookies or bare != self.headers):
                self.headers, self.credentials, self.cookies = bare, None, []
                return (Warn("redirect_in_clear", f"no secrets go to {url}: they would be in clear text"),)
            return ()
        self.headers, self.credentials, self.cookies, self.answer = list(kept(self.headers)), None, [], None
        self.route = self.route._replace(identity=None)
        return ()

    def challenged(self, head: Head) -> bool:
        """Whether this response is a Digest challenge that the next request is to answer."""
        offered = self._offered(head)
        if offered is None:
            return False
        answered = self._proxy() in self.at_proxy if head.status == 407 else self.answer is not None
        if not answered:
            return True
        return self.stale < MAX_STALE and offered.parameters.get("stale", "").lower() == "true"

    def take(self, head: Head) -> None:
        """Answer its challenge from now on."""
        from netkit.http.digest import Answer

        offered = self._offered(head)
        assert offered is not None
        if head.status == 407:
            proxy = self._proxy()
            assert proxy is not None
            self.stale += proxy in self.at_proxy
            self.at_proxy[proxy] = Answer(offered, proxy.user or "", proxy.password or "")
            return
        assert self.credentials is not None
        self.stale += self.answer is not None
        self.answer = Answer(offered, self.credentials.user or "", self.credentials.password or "")

    def _proxy(self) -> "Proxy | None":
        """The one whose challenge the last response may be; never of what came through a tunnel."""
        return self.last.proxy if self.last and self.last.logs_in_by_digest else None

    def _offered(self, head: Head) -> "Challenge | None":
        """The Digest challenge of a response that is to be answered."""
        own = head.status == 401 and self.request.digest_auth and self.credentials is not None
        if not own and not (head.status == 407 and self._proxy()):
            return None
        from netkit.http.digest import challenges, choose

        return choose(challenges(head.all("www-authenticate" if own else "proxy-authenticate")))

    def _authorization(self, url: Url) -> Header | None:
        if self.answer is not None:
            return self.answer.header(self.request.method, url.target)
        if self.credentials is None or self.request.digest_auth:
            return None
        return self.credentials.header()

    def _in_clear(self, url: Url) -> bool:
        """Whether a network would see what is sent."""
        if url.scheme == "https" or self.route.unix_socket:
            return False
        proxy = self.request.proxy(url)
        if proxy and not is_loopback(proxy.host):
            return True
        host, _ = self.request.detour(url) or (url.host, url.port)
        return not all(map(is_loopback, self.request.resolved(url) or (host,)))

    def _refuse_clear(self, url: Url) -> None:
        if self.credentials is None or self.request.digest_auth or not self._in_clear(url):
            return
        proxy = self.request.proxy(url)
        by = f", by the proxy {proxy}" if proxy and not is_loopback(proxy.host) else ""
        raise Insecure(
            f"{url}: credentials would go over the network in clear text{by}",
            kind="plaintext_secret",
            hint="use https://; only loopback gets them over http",
        )
