"""What a final status means: success, or the error with the contract's class."""

from netkit.errors import AuthRefused, LocalFailure, NetkitError, No, PeerError, Temporary
from netkit.net.hop import HopResult


def refusal(hop: HopResult, *, follow: bool) -> NetkitError | None:
    """What a final status means: None for success, else the error with the contract's class.

    A status from 600 is invalid (RFC 9110 15) and so the peer's error; its body is kept like that of a 5xx.
    """
    head = hop.head
    if head is None:
        return LocalFailure(f"{hop.hop.url}: no response")
    status = head.status
    what = f"{hop.hop.url}: {status} {head.reason or _reason(status)}".rstrip()
    if status < 300 or status == 304:
        return None
    if status < 400:
        location = head.get("location")
        if location and not follow:
            return No(f"{what}, to {location[:200]}: not followed (--no-follow)", kind="redirect_not_followed")
        if location:
            leads = f"{what}, to {location[:200]}"
            return No(f"{leads}: only 301, 302, 303, 307 and 308 are followed", kind="redirect_not_followed")
        return No(f"{what}: a redirect without a target", kind="redirect_without_target")
    if status in (401, 407):
        asked = head.get("www-authenticate" if status == 401 else "proxy-authenticate")
        who = "proxy" if status == 407 and hop.hop.proxy else "server"
        return AuthRefused(what, kind=f"http_{status}", hint=f"the {who} asks for: {asked[:200]}" if asked else None)
    if status == 429 or 500 <= status < 600:
        after = head.get("retry-after")
        return Temporary(what, kind=f"http_{status}", hint=f"Retry-After: {after[:80]}" if after else None)
    if status < 500:
        return No(what, kind=f"http_{status}")
    return PeerError(f"{what}: not a valid status (RFC 9110 section 15)", kind="bad_status")


def _reason(status: int) -> str:
    """The usual words for a status: HTTP/2 sends none."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
