"""The limit of descriptors: raised as far as it goes, and told where that is too little."""

import resource
from collections.abc import Iterator

import pytest

from netkit.errors import LocalFailure
from netkit.net.descriptors import SPARE, allow_files, demand

FILES = resource.RLIMIT_NOFILE


@pytest.fixture
def hard() -> Iterator[int]:
    """The soft limit is 300 meanwhile."""
    before = resource.getrlimit(FILES)
    resource.setrlimit(FILES, (300, before[1]))
    yield before[1]
    resource.setrlimit(FILES, before)


def test_it_is_raised_to_what_is_needed(hard: int) -> None:
    assert allow_files(400) == 400
    assert resource.getrlimit(FILES) == (400, hard)


def test_what_is_enough_stays(hard: int) -> None:
    assert allow_files(250) == 300
    demand(300 - SPARE)
    assert resource.getrlimit(FILES) == (300, hard)


def test_no_further_than_the_hard_one(hard: int) -> None:
    assert allow_files(hard + 1) == hard
    assert resource.getrlimit(FILES) == (hard, hard)
    with pytest.raises(LocalFailure, match=f"{hard} connections need {hard + SPARE} descriptors") as caught:
        demand(hard)
    assert caught.value.kind == "descriptors"
    demand(hard - SPARE)
