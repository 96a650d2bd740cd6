"""The `--trace` of every command: one line a socket-level step on standard error (CONTRACT: trace).

`listener(form)` gives the `on_event` that a command hands to its library call: None when tracing is off.
"""

import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from time import monotonic

from netkit.cli.output.escape import visible
from netkit.cli.output.sink import rfc3339
from netkit.errors import BadInput
from netkit.events import OnEvent, Step

FORMS = ("text", "json", "hex")


def listener(form: str) -> OnEvent | None:
    """What to call with each step; `form` is "" (off), text, json, hex, or NETKIT_TRACE's "1"."""
    if form in ("", "0"):
        return None
    form = "text" if form == "1" else form
    if form not in FORMS:
        raise BadInput(f"--trace={form}: the forms are {', '.join(FORMS)}")
    start = monotonic()

    def on_event(step: Step) -> None:
        elapsed_ms = (monotonic() - start) * 1000
        lines = [as_json(step, elapsed_ms)] if form == "json" else [as_text(step, elapsed_ms)]
        if form == "hex" and step.data:
            lines += hexdump(step.data)
        with suppress(OSError, ValueError):  # a closed standard error changes nothing about the operation
            sys.stderr.write("".join(f"{line}\n" for line in lines))
            sys.stderr.flush()

    return on_event


def as_text(step: Step, elapsed_ms: float) -> str:
    words = [f"{elapsed_ms:9.2f} {step.name:<10}", step.address, step.detail]
    if step.size is not None:
        words.append(f"{step.size} bytes")
    if step.result != "ok":
        words.append(f"= {step.result}")
    return visible(" ".join(word for word in words if word)).rstrip()


def as_json(step: Step, elapsed_ms: float) -> str:
    import json

    document = {
        "time": rfc3339(datetime.now(UTC)),
        "elapsed_ms": round(elapsed_ms, 3),
        "step": step.name,
        "address": step.address or None,
        "detail": step.detail or None,
        "size": step.size,
        "result": step.result,
    }
    return json.dumps(document, ensure_ascii=True)


def hexdump(data: bytes) -> Iterator[str]:
    """Offset, 16 octets, and what of them is printable ASCII, as `xxd` shows them."""
    for offset in range(0, len(data), 16):
        row = data[offset : offset + 16]
        octets = " ".join(row[at : at + 2].hex() for at in range(0, 16, 2))
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{'':10}{offset:06x}  {octets:<39}  {text}"
