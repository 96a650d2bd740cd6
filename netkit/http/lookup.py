"""Looks a host up with the DNS servers that the user names, for a fetch that asks for it (`LookUp`)."""

from time import monotonic

from netkit.dns.result import EXIT, MEANING, NEGATIVE, Outcome
from netkit.errors import BadInput, Exit, NetkitError, PeerError, TimedOut, Unreachable
from netkit.events import OnEvent
from netkit.net.hop import Found, LookUp

MAX_ADDRESSES = 32  # that are tried; a name with more has thousands


def look_up(step: LookUp, on_event: OnEvent | None = None) -> Found:
    """Its addresses; what went wrong is in the value. Raises BadInput for a server that is none."""
    from importlib import import_module

    from netkit.dns.lookup import resolve

    import_module("netkit.dns.chase")  # 20 ms of CPU that only --dns-server pays, and that are none of the look-up
    types = {0: ("AAAA", "A"), 4: ("A",), 6: ("AAAA",)}[step.family]
    start = monotonic()
    try:
        (found,) = resolve(
            [step.host], types=types, servers=step.servers, timeout=max(0.001, step.deadline.left), on_event=on_event
        )
    except BadInput:
        raise
    except NetkitError as exc:
        return Found(error=exc, ms=(monotonic() - start) * 1000)
    ms = (monotonic() - start) * 1000
    records = [record for one in found.resolutions for record in one.records if record.type in types]
    if addresses := tuple(record.data for record in records)[:MAX_ADDRESSES]:
        return Found(addresses, ms=ms)
    return Found(error=_why_none(step, [one.outcome for one in found.resolutions]), ms=ms)


def _why_none(step: LookUp, outcomes: list[Outcome]) -> NetkitError:
    by = f"asked of {', '.join(step.servers)}"
    if all(one in NEGATIVE for one in outcomes):
        return Unreachable(f"{step.host}: no such host, {by}", kind="no_such_host")
    one = next(one for one in outcomes if one not in NEGATIVE)
    message = f"{step.host}: no address, {by}: {MEANING[one]}"
    kinds = {Exit.TIMEOUT: TimedOut, Exit.PROTOCOL: PeerError}
    return kinds.get(EXIT[one], Unreachable)(message, kind="timeout_dns" if EXIT[one] is Exit.TIMEOUT else "dns")
