"""`smtp send` on a terminal: a line a recipient, then the queue id, the bytes, and where the time went."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from netkit.cli.output.escape import visible
from netkit.cli.output.mail.smtp import STEPS, complain, heard, said
from netkit.mail.smtp.delivery import Delivery
from netkit.mail.smtp.transaction import Status

MARKS = {
    Status.accepted: ("✓", "green"),
    Status.refused: ("✗", "red"),
    Status.deferred: ("↻", "yellow"),
    Status.unknown: ("?", "magenta"),
    Status.unsent: ("·", "bright_black"),
}


def render(delivery: Delivery, *, quiet: bool = False) -> RenderableType | None:
    complain(delivery)
    parts: list[RenderableType] = []
    if delivery.recipients:
        parts.append(_recipients(delivery))
    elif delivery.error is None and delivery.stage is not None:
        parts.append(Text.assemble(("reached ", "green"), str(delivery.stage), f"  {visible(heard(delivery))}"))
    if not quiet and delivery.ms is not None:
        parts.append(_facts(delivery))
    return Group(*parts) if parts else None


def _recipients(delivery: Delivery) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # a long address takes lines, and never the place of its outcome
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for one in delivery.recipients:
        mark, style = MARKS[one.status]
        told = one.status is Status.unsent and delivery.error is not None  # above, on standard error
        reason = "" if told else visible(said(one, delivery))
        table.add_row(
            Text(mark, style=style),
            Text(visible(one.address), style="bold"),
            Text(str(one.status), style=style),
            Text(reason, style="" if one.status is Status.accepted else style),
        )
    return table


def _facts(delivery: Delivery) -> Text:
    ms = delivery.ms or {}
    where = (
        delivery.target if delivery.address in (None, delivery.target) else f"{delivery.target} ({delivery.address})"
    )
    words = [visible(where)]
    if delivery.tls is not None:
        words.append(delivery.tls.version + ("" if delivery.tls.verified else " unverified"))
    if delivery.auth is not None:
        words.append(f"AUTH {delivery.auth}")
    if delivery.queue_id is not None:
        words.append(f"queue id {visible(delivery.queue_id)}")
    if delivery.stage is None:
        words.append(f"{delivery.size:,} bytes")
    if delivery.attempts > 1:
        words.append(f"{delivery.attempts} tries")
    line = Text("  " + " · ".join(words), style="bright_black")
    steps = ", ".join(f"{name} {ms[name]:.0f} ms" for name in STEPS if name in ms)
    return line.append(f"\n  {sum(ms.values()):.0f} ms: {steps}")
