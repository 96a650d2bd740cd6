"""The names of content codings (RFC 9110 8.4.1, RFC 9659), and which of them can be undone here.

gzip and deflate always; br and zstd where their libraries are. A library is looked for, not loaded: that costs 0.1 ms
of CPU in place of 5, and most bodies need neither. What cannot be undone is not asked for.
"""

import sys
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.machinery import PathFinder

NAMES = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}


@cache
def accepted() -> tuple[str, ...]:
    """What Accept-Encoding asks for; what is listed first is no better than the rest."""
    found = ["gzip", "deflate"]
    if PathFinder.find_spec("brotli"):
        found.append("br")
    if sys.version_info >= (3, 14) or _is_in("backports", "zstd"):
        found.append("zstd")
    return tuple(found)


def _is_in(package: str, name: str) -> bool:
    spec = PathFinder.find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return bool(places) and PathFinder.find_spec(f"{package}.{name}", list(places or ())) is not None


def codings(values: Iterable[str]) -> list[str]:
    """The codings of the Content-Encoding fields in the order they were applied, identity left out."""
    names = (word.strip().lower() for value in values for word in value.split(","))
    return [NAMES.get(name, name) for name in names if name and name != "identity"]


def supported(names: Sequence[str]) -> bool:
    return all(name in accepted() for name in names)
