"""Durations and sizes: what is taken, what is refused."""

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from netkit.cli.options import parse_duration, parse_rate, parse_share, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("2s", 2), ("1m", 60), ("1h", 3600), ("2", 2), ("0.25", 0.25), ("1.5s", 1.5), ("250us", 0.00025)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "0", "-1", "+1", "1e999", "nan", "inf", "1_0", "٣", "1 s", "1d", "9" * 400])
def test_no_durations(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("4096", 4096), ("64K", 65536), ("1M", 1048576), ("2g", 2**31), ("1KiB", 1024), ("1.5K", 1536)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1", "0.5", "1e999", "nan", "1_0", "٣", "1 K", "1X", "1Bi", "9" * 400])
def test_no_sizes(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [("10/s", 10), ("10", 10), ("600/m", 10), ("5/500ms", 10), ("20k/s", 20_000), ("1M/s", 1e6), ("0.5/s", 0.5)],
)
def test_rates(text: str, rate: float) -> None:
    assert parse_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["", "/s", "10/", "0/s", "-1/s", "10/x", "10/s/s", "nan", "2G/s", "10/0s", "1e10/s"])
def test_no_rates(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_rate(text)


@pytest.mark.parametrize(("text", "share"), [("0", 0), ("1", 1), ("5%", 0.05), ("0.1%", 0.001), ("100%", 1)])
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "%", "101%", "1.1", "-1%", "5 %", "5%%", "nan", "1k"])
def test_no_shares(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        parse_share(text)


@given(st.text(max_size=20))
def test_any_text_is_taken_or_refused(text: str) -> None:
    for parse in (parse_duration, parse_rate, parse_share, parse_size):
        try:
            assert parse(text) >= 0
        except typer.BadParameter:
            continue
