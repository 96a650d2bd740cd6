"""`sockopt list`, `show` and `get` on a terminal: a table by level, what differs from a fresh socket in bold."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.net.tcp_info import INFINITE_SSTHRESH, UNLIMITED, TcpInfo
from netkit.sockopt.encode import takes
from netkit.sockopt.option import Option
from netkit.sockopt.queues import Queues
from netkit.sockopt.read import Reading, Snapshot
from netkit.sockopt.values import human
from netkit.sockopt.who import Who

DIM = "bright_black"


def render(result: Snapshot | tuple[Option, ...], *, quiet: bool = False) -> RenderableType:
    if not isinstance(result, Snapshot):
        return listing(result)
    parts: list[RenderableType] = [head(result.who)]
    if result.partial:
        parts.append(Text(f"partial: {result.partial}", "yellow"))
    if result.readings:
        parts.append(table(result.readings))
    if result.left_out:
        parts.append(Text(f"{result.left_out} more are as in a fresh socket", DIM))
    if not result.asked:
        parts += kernel(result.tcp_info, result.queues, result.memory)
    return Group(*parts)


def head(who: Who) -> Text:
    line = Text(visible(who.label), "bold cyan")
    line.append(f"  {visible(who.nature.text)}", "bold")
    if who.local or who.peer:
        line.append(f"  {visible(who.local or '(unbound)')}")
    if who.peer:
        line.append(f" → {visible(who.peer)}")
    if who.state:
        line.append(f"  {who.state}", "green" if who.state in ("established", "connected", "listen") else "")
    facts = [who.command and f"{visible(who.command)}", who.inode and f"inode {who.inode}"]
    facts.append(f"uid {who.uid}" if who.uid is not None else None)
    line.append("".join(f"  {fact}" for fact in facts if fact), DIM)
    return line


def table(readings: tuple[Reading, ...]) -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for title in ("", "option", "value", "default"):
        rows.add_column(title, no_wrap=True, overflow="fold")
    rows.add_column("meaning", style=DIM, ratio=1)
    level = ""
    for one in readings:
        name = one.option.level_name if one.option.level_name != level else ""
        level = one.option.level_name
        value = human(one.option, one.value)
        meaning = one.option.meaning
        if one.note or one.reason:
            meaning = f"{one.note or one.reason}; {meaning}" if meaning else one.note or one.reason
        rows.add_row(
            Text(name, DIM),
            Text(one.option.name, "bold" if one.changed else ""),
            Text(visible(value), "bold yellow" if one.changed else ""),
            Text("" if one.option.fact else visible(human(one.option, one.default)), DIM),
            Text(visible(meaning)),
        )
    return rows


def kernel(info: TcpInfo | None, queues: Queues, memory: dict[str, int] | None) -> list[RenderableType]:
    """TCP_INFO, what waits in the queues, and the memory it takes, in a few lines."""
    found = Table.grid(padding=(0, 2))
    found.add_column(style=DIM, no_wrap=True)
    found.add_column(overflow="fold")
    if waiting(queues):
        found.add_row("queues", ", ".join(waiting(queues)))
    if info is not None and info.state not in ("closed", "listen"):
        for title, facts in connection(info).items():
            found.add_row(title, ", ".join(facts))
    if memory:
        found.add_row("memory", ", ".join(f"{name} {number}" for name, number in memory.items()))
    return [found] if found.row_count else []


def waiting(queues: Queues) -> list[str]:
    named = {
        "unread": queues.receive,
        "unacknowledged": queues.send,
        "not yet sent": queues.unsent,
    }
    facts = [f"{number} B {name}" for name, number in named.items() if number is not None]
    if queues.accept is not None:
        facts.append(f"{queues.accept} of {queues.backlog} connections wait for accept()")
    return facts


def connection(info: TcpInfo) -> dict[str, list[str]]:
    """What a person asks of a connection, by theme; `--json` and pipes have every member."""
    got = info.values
    times = [
        f"rtt {ms(got.get('rtt'))} ± {ms(got.get('rttvar'))}",
        f"least {ms(info.min_rtt_us)}",
        f"rto {ms(got.get('rto'))}",
    ]
    threshold = got.get("snd_ssthresh", INFINITE_SSTHRESH)
    window = [f"cwnd {got.get('snd_cwnd')} × {got.get('snd_mss')} B"]
    window += [] if threshold >= INFINITE_SSTHRESH else [f"ssthresh {threshold}"]
    window += [f"peer's window {got['snd_wnd']} B"] if got.get("snd_wnd") else []
    counts = [f"sent {got.get('bytes_sent', '?')} B in {got.get('segs_out', '?')} segments"]
    counts += [f"received {got.get('bytes_received', '?')} B in {got.get('segs_in', '?')}"]
    trouble = [f"{got.get('total_retrans', 0)} sent again", f"{info.retransmits} timeouts in a row"]
    trouble += [
        f"{name} {got[name]}" for name in ("lost", "sacked", "reord_seen", "rcv_ooopack", "dsack_dups") if got.get(name)
    ]
    rates = [
        f"{name} {rate / 1e6:.1f} MB/s"
        for name, rate in (("delivered", got.get("delivery_rate")), ("paced at", got.get("pacing_rate")))
        if rate and rate != UNLIMITED
    ]
    facts = {"time": times, "window": window, "bytes": counts, "trouble": trouble}
    if rates:
        facts["rate"] = rates
    facts["tcp"] = [
        f"congestion {info.congestion_state}",
        *info.options,
        f"mss {got.get('snd_mss')}/{got.get('rcv_mss')}",
        f"pmtu {got.get('pmtu')}",
    ]
    return facts


def ms(micros: int | None) -> str:
    return "?" if not micros else f"{micros / 1000:.3f} ms"


def listing(options: tuple[Option, ...]) -> Table:
    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for title in ("option", "number", "takes", "", "needs"):
        rows.add_column(title, no_wrap=title != "takes", overflow="fold")
    rows.add_column("meaning", style=DIM, ratio=1)
    for option in options:
        never = "never read" if option.never else option.access
        rows.add_row(
            option.name,
            Text(f"{option.level}:{option.number}", DIM),
            Text(kind(option)),
            Text(never, "red" if option.never else DIM),
            Text(option.cap.removeprefix("CAP_").lower(), DIM),
            option.meaning + (f" ({option.never})" if option.never else ""),
        )
    return rows


TAKES = {
    "bool": "on, off",
    "linger": "off, seconds",
    "timeval": "duration",
    "interface": "interface",
    "interface_be": "interface",
    "group4": "GROUP%IF",
    "group6": "GROUP%IF",
    "ports": "LOW-HIGH",
    "bytes": "hex",
    "pointer": "-",
}


def kind(option: Option) -> str:
    """What it takes, or tells, in a word or two."""
    if option.kind in ("int", "u32", "u64"):
        return takes(option).replace("a number of ", "").replace("a number", "number")
    return TAKES.get(option.kind, option.kind)
