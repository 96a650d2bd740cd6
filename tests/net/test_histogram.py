"""Percentiles against an exact count of the same samples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netkit.net.histogram import SUB, Histogram, bucket, middle

SECONDS = st.floats(1e-7, 100.0)


@given(st.lists(SECONDS, min_size=1, max_size=300), st.floats(0.001, 1.0))
def test_percentiles_are_within_a_bucket(samples: list[float], share: float) -> None:
    histogram = Histogram()
    for sample in samples:
        histogram.add(sample)
    exact = sorted(samples)[max(1, -int(-share * len(samples) // 1)) - 1]
    found = histogram.percentile(share)
    assert found is not None
    assert abs(found - exact) <= exact / 2**SUB + 1e-9
    times = histogram.times()
    assert (times.min, times.max, times.samples) == (min(samples), max(samples), len(samples))
    assert sum(number for _, _, number in histogram.bars(10)) == len(samples)


@given(st.integers(0, 2**62))
def test_a_bucket_holds_its_middle(nanoseconds: int) -> None:
    assert abs(middle(bucket(nanoseconds)) - nanoseconds) <= nanoseconds / 2**SUB


def test_nothing() -> None:
    histogram = Histogram()
    assert histogram.times()[:3] == (0, None, None)
    assert list(histogram.bars(10)) == []


def test_jitter_is_that_of_rfc_3550() -> None:
    histogram = Histogram()
    for sample in (1.0, 2.0, 1.0):
        histogram.add(sample)
    jitter = 1 / 16
    assert histogram.times().jitter == jitter + (1 - jitter) / 16


class Interrupted(float):
    """Seconds at whose sum Ctrl-C comes."""

    def __radd__(self, other: object) -> float:
        raise KeyboardInterrupt

    def __mul__(self, other: object) -> float:
        raise KeyboardInterrupt


def test_ctrl_c_in_the_middle_of_a_sample_leaves_the_others_as_they_are() -> None:
    histogram = Histogram()
    histogram.add(0.5)
    with pytest.raises(KeyboardInterrupt):
        histogram.add(Interrupted(9.0))
    with pytest.raises(KeyboardInterrupt):
        histogram.add_many(Interrupted(9.0), 3)
    times = histogram.times()
    assert (times.samples, times.min, times.max) == (1, 0.5, 0.5)
    assert times.p999 == 0.5
