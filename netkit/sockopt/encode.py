"""What setsockopt() takes, from what people write.

On and off, 64K, 1.5s, `off` or seconds for a linger, the words of an enumeration (do, ef), the name of an interface,
hex:0011 for bytes. What the kernel would refuse with EINVAL is refused here, with what the option takes.
"""

import re
import socket
import struct
import sys

from netkit.errors import BadInput
from netkit.sockopt.option import Option

ON, OFF = ("on", "1", "yes", "true"), ("off", "0", "no", "false")
SIZES = {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
NUMBER = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([a-z]*)(?:/s)?", re.IGNORECASE)
LIMITS = {"u32": (0, 2**32 - 1), "u64": (0, 2**64 - 1), "int": (-(2**31), 2**31 - 1), "flags": (0, 2**32 - 1)}


def encode(option: Option, word: str) -> bytes:
    """What setsockopt() takes for a written value. Raises BadInput with what the option takes."""
    kind = option.kind
    if kind == "bool":
        return struct.pack("=i", _switch(option, word))
    if kind in ("int", "u32", "u64", "flags"):
        return _pack(option, _parse_flags(option, word) if kind == "flags" else _parse_number(option, word))
    if kind == "linger":
        off = word.lower() in ("off", "no", "false")
        return struct.pack("=ii", 0, 0) if off else struct.pack("=ii", 1, _whole(option, word))
    if kind == "timeval":
        micros = round(_duration(option, word) * 1e6)
        return struct.pack("@ll", micros // 1_000_000, micros % 1_000_000)
    if kind == "text":
        data = word.encode(errors="surrogateescape")
        if b"\0" in data or len(data) >= option.size:
            raise _refused(option, word, f"at most {option.size - 1} bytes")
        return data.ljust(option.size, b"\0")
    if kind in ("interface", "interface_be"):
        index = _index(option, word)
        return index.to_bytes(4, "big") if kind == "interface_be" else struct.pack("=i", index)
    if kind in ("address", "group4", "group6"):
        return _group(option, word)
    if kind == "ports":
        low, dash, high = word.partition("-")
        if not (dash and low.isdecimal() and high.isdecimal() and int(low) <= int(high) <= 65535):
            raise _refused(option, word, "LOW-HIGH, as 40000-40999, or 0-0")
        return struct.pack("=I", int(high) << 16 | int(low))
    if kind == "words":
        numbers = [part.rpartition("=")[2] for part in word.split(",")]
        if not all(part.isdecimal() and int(part) < 2**32 for part in numbers) or len(numbers) * 4 != option.size:
            raise _refused(option, word, f"{option.size // 4} numbers with commas between")
        return struct.pack(f"={len(numbers)}I", *map(int, numbers))
    try:
        return bytes.fromhex(word.removeprefix("hex:"))
    except ValueError:
        raise _refused(option, word, "bytes in hexadecimal, as hex:00ff") from None


def _refused(option: Option, word: str, takes: str) -> BadInput:
    return BadInput(f"{option.name}={word[:60]}: it takes {takes}", kind="bad_value")


def _switch(option: Option, word: str) -> bool:
    if word.lower() not in ON + OFF:
        raise _refused(option, word, "on or off")
    return word.lower() in ON


def takes(option: Option) -> str:
    """What values an option takes, in a few words."""
    words = ", ".join(option.names) if option.names and len(option.names) < 9 else ""
    numbers = ""
    if option.low is not None and option.high is not None and not (words and option.kind == "int"):
        numbers = f"{option.low} to {option.high}"
    elif option.low is not None and not words:
        numbers = f"{option.low} and more"
    unit = {"bytes": "bytes", "bytes/s": "bytes a second"}.get(option.unit, option.unit)
    return " or ".join(part for part in (words, numbers and f"{numbers} {unit}".rstrip()) if part) or (
        f"a number of {unit}" if unit else "a number"
    )


def _parse_number(option: Option, word: str) -> int:
    """A number in the option's unit: 64K bytes, 1.5s where it counts milliseconds, a word of an enumeration."""
    named = option.names.get(word.lower())
    if named is not None:
        return named
    number = _in_unit(option, word)
    low, high = LIMITS[option.kind]
    low, high = max(low, -(2**63) if option.low is None else option.low), min(high, option.high or high)
    if not low <= number <= high:
        raise _refused(option, word, takes(option) if option.low is not None else f"{low} to {high}")
    return number


def _in_unit(option: Option, word: str) -> int:
    plain = re.fullmatch(r"(-?)(0[xX][0-9a-fA-F]{1,16}|[0-9]{1,20})", word)
    if plain:
        return int(plain[1] + plain[2], 16 if plain[2][:2] in ("0x", "0X") else 10)
    found = NUMBER.fullmatch(word)
    scale: float | None = None
    if found and option.unit.startswith("bytes"):
        scale = SIZES.get(found[2].lower().removesuffix("ib").removesuffix("b"))
    elif found and option.unit in ("s", "ms", "us"):
        scale = SECONDS[found[2].lower()] / SECONDS[option.unit] if found[2].lower() in SECONDS else None
    if not found or scale is None:
        raise _refused(option, word, takes(option))
    number = round(float(found[1]) * scale, 6)
    if number != int(number):
        raise _refused(option, word, f"whole {option.unit}")
    return int(number)


def _parse_flags(option: Option, word: str) -> int:
    number = 0
    for part in [] if word.lower() == "none" else word.lower().split(","):
        number |= option.names[part] if part in option.names else _parse_number(option, part)
    return number


def _pack(option: Option, number: int) -> bytes:
    return number.to_bytes(8 if option.kind == "u64" else 4, sys.byteorder, signed=number < 0)


def _whole(option: Option, word: str) -> int:
    seconds = _duration(option, word)
    if seconds != int(seconds):
        raise _refused(option, word, "off or whole seconds")
    return int(seconds)


def _duration(option: Option, word: str) -> float:
    found = NUMBER.fullmatch(word)
    seconds = float(found[1]) * SECONDS.get((found[2] or "s").lower(), float("inf")) if found else float("inf")
    if seconds >= 2**31:
        raise _refused(option, word, "a duration, as 500ms or 2s")
    return seconds


def _index(option: Option, word: str) -> int:
    if word in ("", "none"):
        return 0
    if word.isascii() and word.isdecimal() and len(word) < 10:
        return int(word)
    try:
        return socket.if_nametoindex(word)
    except (OSError, ValueError):
        raise _refused(option, word, "the name or the number of an interface") from None


def _group(option: Option, word: str) -> bytes:
    """struct in_addr, ip_mreqn or ipv6_mreq."""
    address, percent, interface = word.partition("%")
    family = socket.AF_INET6 if option.kind == "group6" else socket.AF_INET
    try:
        packed = socket.inet_pton(family, address)
    except (OSError, ValueError):
        raise _refused(option, word, "an address" if option.kind == "address" else "GROUP or GROUP%INTERFACE") from None
    if option.kind == "address":
        return packed
    index = struct.pack("=i", _index(option, interface) if percent else 0)
    return packed + index if family == socket.AF_INET6 else packed + bytes(4) + index
