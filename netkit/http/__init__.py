"""HTTP as a library: `from netkit.http import fetch`. Names are loaded when they are first used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netkit.http.checks import Check as Check
    from netkit.http.checks import Checks as Checks
    from netkit.http.client import fetch as fetch
    from netkit.http.headers import Header as Header
    from netkit.http.request import Request as Request
    from netkit.http.result import Body as Body
    from netkit.http.result import Response as Response
    from netkit.http.url import Url as Url
    from netkit.http.url import parse_url as parse_url

_HOMES = {
    "Check": "checks",
    "Checks": "checks",
    "fetch": "client",
    "Header": "headers",
    "Request": "request",
    "Body": "result",
    "Response": "result",
    "Url": "url",
    "parse_url": "url",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"netkit.http.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
