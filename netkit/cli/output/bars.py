"""A histogram of times on a terminal."""

from rich.table import Table
from rich.text import Text

from netkit.net.histogram import Histogram

BARS = 10
WIDTH = 32
EIGHTHS = " ▏▎▍▌▋▊▉█"


def bars(histogram: Histogram) -> Table:
    found = list(histogram.bars(BARS))
    most = max(number for _, _, number in found)
    table = Table.grid(padding=(0, 1))
    table.add_column(justify="right", style="dim")
    table.add_column(min_width=WIDTH)
    table.add_column(justify="right")
    for _, high, number in found:
        eighths = round(number / most * WIDTH * 8)
        bar = "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()
        table.add_row(f"≤ {high * 1000:.3f}", Text(bar or ("▏" if number else ""), "cyan"), str(number))
    return table
