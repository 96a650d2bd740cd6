"""The chat's counters as Prometheus text (exposition format 0.0.4)."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from netkit.chat.server import ChatServer

PREFIX = "netkit_chat"


def render(server: "ChatServer") -> str:
    """The page of now."""
    hub = server.hub
    counts = hub.counts
    rooms = list(hub.rooms.values())
    streams = [stream for room in rooms for stream in (room.plain, room.web)]
    single = (
        ("clients", "gauge", "Clients that are connected.", len(hub.members)),
        ("rooms", "gauge", "Rooms.", len(rooms)),
        ("joins_total", "counter", "Clients that came.", counts.joins),
        ("lines_in_total", "counter", "Lines and commands from clients.", counts.lines_in),
        ("received_bytes_total", "counter", "Bytes from clients.", counts.bytes_in),
        ("deliveries_total", "counter", "Lines to clients.", sum(room.lines for room in rooms) + counts.lines_out),
        ("writes_total", "counter", "Writes to clients.", sum(one.writes for one in streams) + counts.writes),
        ("flushes_total", "counter", "Times that what was said went out.", counts.flushes),
        ("flush_seconds_total", "counter", "Seconds that took.", round(counts.flush_seconds, 6)),
        ("laggards", "gauge", "Clients that are behind.", sum(len(one.laggards) for one in streams)),
        ("backlog_bytes", "gauge", "Bytes that the slowest is behind.", max(one.backlog for one in streams)),
        *hub.bus.figures(),
    )
    lines = []
    for name, kind, text, value in single:
        lines += [f"# HELP {PREFIX}_{name} {text}", f"# TYPE {PREFIX}_{name} {kind}", f"{PREFIX}_{name} {value}"]
    for name, text, table in (
        ("disconnects_total", "Connections that ended, by reason.", counts.drops),
        ("refused_total", "Connections that were refused, by reason.", counts.refused),
    ):
        lines += [f"# HELP {PREFIX}_{name} {text}", f"# TYPE {PREFIX}_{name} counter"]
        lines += [f'{PREFIX}_{name}{{reason="{reason}"}} {number}' for reason, number in sorted(table.items())]
    return "\n".join(lines) + "\n"
