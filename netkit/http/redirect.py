"""Decides what a redirect does: where to, with which headers, or why not. Pure: no network, no clock.

Followed: 301, 302, 303, 307, 308 with a Location (RFC 9110 15.4), to http and https alone, from https to http only
when allowed. GET and HEAD stay what they are. On a change of origin credentials, cookies and every header that names
a secret stay behind.
"""

from collections.abc import Sequence
from typing import NamedTuple

from netkit.errors import BadInput, Insecure, No, PeerError
from netkit.http.headers import Header
from netkit.http.url import Unsupported, Url, join
from netkit.net.hop import Head, Warn, is_secret

STATUSES = frozenset({301, 302, 303, 307, 308})


class Redirect(NamedTuple):
    """The next hop. same_origin: credentials may go along."""

    url: Url
    same_origin: bool
    warnings: tuple[Warn, ...] = ()


def is_redirect(head: Head) -> bool:
    return head.status in STATUSES and bool(head.get("location"))


def decide(head: Head, chain: Sequence[Url], *, limit: int, allow_downgrade: bool = False) -> Redirect:
    """Where the redirect leads.

    chain: the URLs requested so far, the last one gave `head`. Raises No for a scheme that is not followed, PeerError
    for a target that is no URL, a loop or too many hops, Insecure for https to http.
    """
    here, location = chain[-1], head.get("location") or ""
    try:
        target = join(here, location)
    except Unsupported as exc:
        raise No(
            f"{here}: {head.status} to {location[:200]}: only http and https are followed", kind="redirect_scheme"
        ) from exc
    except BadInput as exc:
        raise PeerError(f"{here}: {head.status} to a bad URL: {exc.message}", kind="redirect_target") from exc
    if here.scheme == "https" and target.scheme == "http" and not allow_downgrade:
        raise Insecure(
            f"{here}: {head.status} from https to {target}: not followed",
            kind="downgrade",
            hint="--allow-downgrade follows it in clear text",
        )
    if len(chain) > limit:
        shown = " → ".join(str(url) for url in (*chain[-4:], target))
        if any(str(url) == str(target) for url in chain):
            raise PeerError(f"redirect loop, after {limit} hops: … {shown}", kind="redirect_loop")
        raise PeerError(
            f"more than {limit} redirects: … {shown}", kind="too_many_redirects", hint="--max-redirects N follows more"
        )
    warnings: tuple[Warn, ...] = ()
    if target.user is not None:
        warnings = (Warn("redirect_userinfo", "the credentials in the Location are not used"),)
        target = join(here, str(target))
    return Redirect(target, here.origin == target.origin, warnings)


def kept(headers: Sequence[Header]) -> tuple[Header, ...]:
    """The user's headers that may go to another origin: no secrets, and not the Host of this one."""
    return tuple(
        header
        for header in headers
        if header.name.lower() != "host" and (header.value is None or not is_secret(header.name))
    )
