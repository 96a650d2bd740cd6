"""Digests of a body: those a result tells, and the one that the user wants it to have."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from netkit.errors import BadInput, No

LENGTHS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}  # hexadecimal digits


class Checksum(NamedTuple):
    """What a body must come to. digest: lower-case hexadecimal."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Checksum":
        """`sha256:HEX`. Raises BadInput."""
        algorithm, colon, digest = text.strip().partition(":")
        algorithm, digest = algorithm.lower().replace("-", ""), digest.strip().lower()
        if not colon or algorithm not in LENGTHS:
            raise BadInput(f"--checksum {text[:40]!r}: write ALGORITHM:HEX, with {', '.join(LENGTHS)}")
        if not re.fullmatch(r"[0-9a-f]+", digest) or len(digest) != LENGTHS[algorithm]:
            raise BadInput(f"--checksum: {algorithm} has {LENGTHS[algorithm]} hexadecimal digits, not {digest[:140]!r}")
        return cls(algorithm, digest)


class Digests:
    """Several digests of the same bytes; none costs nothing."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._running: dict[str, Any] = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}

    def update(self, data: bytes) -> None:
        for one in self._running.values():
            one.update(data)

    def hexdigest(self, algorithm: str) -> str | None:
        one = self._running.get(algorithm)
        return None if one is None else str(one.hexdigest())

    def check(self, wanted: Checksum, what: str) -> None:
        """Raises No when it is another."""
        found = self.hexdigest(wanted.algorithm)
        if found != wanted.digest:
            raise No(
                f"{what}: the {wanted.algorithm} is {found}, not {wanted.digest} as --checksum says", kind="checksum"
            )
