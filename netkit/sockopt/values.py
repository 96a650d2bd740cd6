"""Values of options, from the kernel's bytes to what people and programs read; `encode` is the way back.

Numbers are in the option's unit. What `text` writes, `encode` reads.
"""

import socket
import struct
import sys
from typing import Any

from netkit.sockopt.option import Option

Value = Any  # bool, int, float, str, or what JSON has for the structures: dict, list; None when there is none

MEMORY = (
    "rmem_alloc", "rcvbuf", "wmem_alloc", "sndbuf", "fwd_alloc", "wmem_queued", "optmem", "backlog", "drops",
)  # fmt: skip


def decode(option: Option, raw: bytes) -> Value:
    """The value in the kernel's answer; None when it has none."""
    match option.kind:
        case "bool":
            return any(raw)
        case "int" | "u32" | "u64" | "flags":
            return _number(option, raw)
        case "linger" if len(raw) == 8:
            on, seconds = struct.unpack("=ii", raw)
            return {"on": bool(on), "seconds": seconds}
        case "timeval" if len(raw) == 16:
            seconds, micros = struct.unpack("=qq", raw)
            return seconds + micros / 1e6
        case "timeval" if len(raw) == 8:
            seconds, micros = struct.unpack("=ii", raw)
            return float(seconds + micros / 1e6)
        case "text":
            return raw.split(b"\0", 1)[0].decode(errors="backslashreplace")
        case "interface" | "interface_be":
            return _interface(int.from_bytes(raw, "big" if option.kind == "interface_be" else sys.byteorder))
        case "address":
            return socket.inet_ntoa(raw[:4].ljust(4, b"\0"))
        case "ports":
            word = int.from_bytes(raw, sys.byteorder)
            return f"{word & 0xFFFF}-{word >> 16}"
        case "words":
            found = struct.unpack(f"={len(raw) // 4}I", raw[: len(raw) // 4 * 4])
            return dict(zip(MEMORY, found, strict=False)) if option.name == "SO_MEMINFO" else list(found)
        case "ucred" if len(raw) == 12:
            return dict(zip(("pid", "uid", "gid"), struct.unpack("=iii", raw), strict=True))
        case _:
            return raw.hex()


def _number(option: Option, raw: bytes) -> int | str:
    """A number of as many bytes as came, or its word."""
    signed = option.kind == "int"
    if option.kind == "flags":
        raw = raw[:4]  # SO_TIMESTAMPING answers with the clock's number behind
    number = int.from_bytes(raw, sys.byteorder, signed=signed)
    if option.kind == "flags":
        return _flags(option, number)
    for word, meant in option.names.items():
        if meant == number and word != "cs0":  # DSCP 0 is the default, which people know as 0
            return word
    return number


def _flags(option: Option, number: int) -> str:
    words = [word for word, bit in option.names.items() if number & bit]
    rest = number & ~sum(option.names.values())
    return ",".join(words + ([hex(rest)] if rest else [])) or "none"


def _interface(index: int) -> str:
    if index == 0:
        return ""
    try:
        return socket.if_indextoname(index)
    except (OSError, OverflowError):
        return str(index)


def text(value: Value) -> str:
    """The value as `encode` takes it: what a pipe gets."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        if set(value) == {"on", "seconds"}:
            return str(value["seconds"]) if value["on"] else "off"
        return ",".join(f"{key}={one}" for key, one in value.items())
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value)


def human(option: Option, value: Value) -> str:
    """The value with its unit, for people: 64K, 200 ms."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and option.unit:
        return _with_unit(value, option.unit)
    if option.kind == "linger" and isinstance(value, dict) and value["on"]:
        return f"{value['seconds']} s"
    if value == "":
        return "none" if option.kind in ("text", "interface", "interface_be", "bytes") else ""
    return text(value)


def _with_unit(value: float, unit: str) -> str:
    if unit.startswith("bytes"):
        if value >= 1024 and value % 1024 == 0:
            short = f"{value // 1024**2}M" if value % 1024**2 == 0 else f"{value // 1024}K"
            return short + unit.removeprefix("bytes")
        return text(value) + (" B" + unit.removeprefix("bytes") if value >= 0 else "")
    for small, large in (("us", "ms"), ("ms", "s")):
        if unit == small and value and value % 1000 == 0:
            value, unit = value // 1000, large
    return f"{text(value)} {unit if value != 1 or unit != 'hops' else 'hop'}"
