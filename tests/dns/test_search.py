"""The names that a search list makes of one."""

import pytest

from netkit.dns.search import candidates


@pytest.mark.parametrize(
    ("text", "search", "ndots", "expected"),
    [
        ("vm", (), 1, ["vm"]),
        ("vm", ("a.test", "b.test"), 1, ["vm.a.test", "vm.b.test", "vm"]),
        ("vm.x", ("a.test",), 1, ["vm.x", "vm.x.a.test"]),
        ("vm.x", ("a.test",), 2, ["vm.x.a.test", "vm.x"]),
        ("vm", ("a.test",), 0, ["vm", "vm.a.test"]),
        ("vm.", ("a.test",), 1, ["vm."]),
        ("vm", ("a.test", "b" * 64, "a" + ".a" * 125), 1, ["vm.a.test", "vm"]),
        (".", ("a.test",), 1, ["."]),
    ],
)
def test_candidates(text: str, search: tuple[str, ...], ndots: int, expected: list[str]) -> None:
    assert candidates(text, search, ndots) == expected
