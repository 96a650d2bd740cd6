"""What the tests of commands share: a lab in a thread, for the processes that ask it."""

from collections.abc import Iterator, Mapping

import pytest

from netkit.lab import running


@pytest.fixture(scope="module")
def lab() -> Iterator[Mapping[str, str]]:
    """The environment of a lab on free ports of 127.0.0.1."""
    with running(bind=["127.0.0.1"]) as running_lab:
        yield running_lab.environment


@pytest.fixture
def dns(lab: Mapping[str, str]) -> str:
    """HOST:PORT of its DNS server."""
    return lab["NETKIT_LAB_DNS"]
