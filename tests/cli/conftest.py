"""What the tests of names share: the lab's DNS server in a thread, and processes that ask it."""

from collections.abc import Iterator

import pytest

from netkit.lab import running


@pytest.fixture(scope="module")
def dns() -> Iterator[str]:
    """HOST:PORT of a lab's DNS server."""
    with running(bind=["127.0.0.1"]) as lab:
        yield lab.environment["NETKIT_LAB_DNS"]
