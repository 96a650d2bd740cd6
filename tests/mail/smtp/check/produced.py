"""Which test produces which id of the table, so that none is left out."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from netkit.mail.smtp.check.findings import KINDS, Finding, Level

PRODUCED: set[str] = set()


def produces(*ids: str) -> Callable[[Callable[..., Iterable[Finding]]], Callable[..., None]]:
    """The test returns findings; those of these ids must be among them, with the table's keys."""
    assert set(ids) <= set(KINDS), set(ids) - set(KINDS)
    PRODUCED.update(ids)

    def wrap(test: Callable[..., Iterable[Finding]]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            found = list(test(*args, **kwargs))
            assert set(ids) <= {one.id for one in found}, found
            for one in found:
                assert tuple(one.data) == KINDS[one.id].data
                assert one.message
                assert one.level in Level

        return run

    return wrap


def by_id(findings: Iterable[Finding]) -> dict[str, Finding]:
    return {one.id: one for one in findings}


def bad(findings: Iterable[Finding]) -> list[str]:
    """The ids of what is warned of or fails."""
    return [one.id for one in findings if one.level in (Level.warn, Level.fail)]
