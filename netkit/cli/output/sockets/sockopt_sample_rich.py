"""`sockopt show --watch` on a terminal: a row a socket, with the rates since the sample before."""

from rich import table
from rich.console import Group, RenderableType
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.sockets.sockopt_rich import DIM
from netkit.cli.output.sockets.sockopt_sample import plain
from netkit.sockopt.sample import Sample

ROWS = 20  # more would scroll, and a table that scrolls does not stay in place
TITLES = ("socket", "peer", "state", "unread", "unacked", "unsent", "out/s", "in/s", "rtt ms", "cwnd", "again", "drops")


def render(sample: Sample, *, quiet: bool = False) -> Text:
    return Text(visible(next(plain(sample)).replace("\t", "  ")))


class Table:
    """The last two samples of each socket, as a table."""

    def __init__(self) -> None:
        self.last: dict[str, Sample] = {}
        self.before: dict[str, Sample] = {}

    def take(self, sample: Sample) -> None:
        label = sample.who.label
        if label in self.last:
            self.before[label] = self.last[label]
        self.last[label] = sample

    def render(self) -> RenderableType:
        latest = max(sample.number for sample in self.last.values())
        here = [sample for sample in self.last.values() if sample.number >= latest - 1]
        rows = table.Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
        for title in TITLES:
            word = title in ("socket", "peer", "state")  # these give way where the terminal is narrow
            least = None if word else max(len(title), 4)
            rows.add_column(title, justify="left" if word else "right", no_wrap=True, min_width=least)
        for sample in here[:ROWS]:
            rows.add_row(*self.cells(sample))
        parts: list[RenderableType] = [rows]
        if len(here) > ROWS:
            parts.append(Text(f"and {len(here) - ROWS} more", DIM))
        for note in {sample.partial for sample in here if sample.partial}:
            parts.append(Text(f"partial: {note}", "yellow"))
        return Group(*parts)

    def cells(self, sample: Sample) -> list[Text]:
        info, queues = sample.tcp_info, sample.queues
        values = info.values if info else {}
        listens = queues.accept is not None
        numbers = [
            f"{queues.accept}/{queues.backlog}" if listens else size(queues.receive),
            size(queues.send),
            size(queues.unsent),
            self.rate(sample, "bytes_sent"),
            self.rate(sample, "bytes_received"),
            f"{info.rtt_us / 1000:.2f}" if info and info.rtt_us else "",
            str(values.get("snd_cwnd", "")) if info and not listens else "",
            str(info.retransmitted) if info and not listens else "",
            str((sample.memory or {}).get("drops", "")),
        ]
        peer = sample.who.peer or sample.who.local or ""
        words = [sample.who.label, peer, sample.who.state or ""]
        return [Text(visible(words[0]), "bold cyan"), *(Text(visible(word)) for word in words[1:] + numbers)]

    def rate(self, sample: Sample, name: str) -> str:
        """Bytes a second since the sample before, from tcp_info's counter."""
        before = self.before.get(sample.who.label)
        if not (sample.tcp_info and before and before.tcp_info) or sample.queues.accept is not None:
            return ""
        counts = [one.tcp_info.values.get(name) for one in (sample, before) if one.tcp_info]
        if None in counts or sample.at <= before.at:
            return ""
        return size(round((counts[0] - counts[1]) / (sample.at - before.at)))  # type: ignore[operator]


def size(number: int | None) -> str:
    """Bytes in four characters or so."""
    if number is None:
        return ""
    scaled, unit = float(number), ""
    for unit in ("", "K", "M", "G"):
        if scaled < 1024 or unit == "G":
            break
        scaled /= 1024
    return f"{scaled:.0f}{unit}" if not unit or scaled >= 10 else f"{scaled:.1f}{unit}"
