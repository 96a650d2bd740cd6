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
WORDS = {"SO_MEMINFO": MEMORY, "SO_TXTIME": ("clock", "flags")}


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
            index = int.from_bytes(raw, "big") if option.kind == "interface_be" else struct.unpack("=i", raw)[0]
            return _interface(index)
        case "address":
            return socket.inet_ntoa(raw[:4].ljust(4, b"\0"))
        case "ports":
            word = int.from_bytes(raw, sys.byteorder)
            return f"{word & 0xFFFF}-{word >> 16}"
        case "words":
            found = struct.unpack(f"={len(raw) // 4}I", raw[: len(raw) // 4 * 4])
            names = WORDS.get(option.name)
            return dict(zip(names, found, strict=False)) if names else list(found)
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
    except OSError:
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
    """The value with its unit, for people."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and option.unit:
        if option.unit.startswith("bytes") and value >= 1024 and value % 1024 == 0:
            short = f"{value // 1024**2}M" if value % 1024**2 == 0 else f"{value // 1024}K"
            return f"{short}{option.unit[5:]}"
        unit = "B" + option.unit[5:] if option.unit.startswith("bytes") else option.unit
        return f"{text(value)} {unit}"
    if option.kind == "linger" and value and value["on"]:
        return f"{value['seconds']} s"
    if value == "":
        return "none" if option.kind in ("text", "interface", "interface_be", "bytes") else ""
    return text(value)
