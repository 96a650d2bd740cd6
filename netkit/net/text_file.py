"""Reads a text file that the user or the system names, up to the size that such a file may have."""

from pathlib import Path

from netkit.errors import BadInput, LocalFailure, NetkitError


def read_text(
    path: str | Path,
    what: str,
    *,
    limit: int,
    missing: str | None = None,
    errors: str = "strict",
    kind: str = "unreadable",
    wrong: type[NetkitError] = BadInput,
) -> str:
    """The text of the file, UTF-8.

    what: a noun for messages, "key file". limit: octets. missing: the text where there is no such file; without it
    that is an error. errors: as bytes.decode() has it. Raises LocalFailure of the kind when it cannot be read, `wrong`
    when it is larger or no text.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        if missing is not None and isinstance(exc, FileNotFoundError):
            return missing
        reason = getattr(exc, "strerror", None) or str(exc)
        raise LocalFailure(f"cannot read the {what} {path}: {reason}", kind=kind) from exc
    if len(data) > limit:
        size = f"{limit >> 20} MiB" if limit >> 20 else f"{limit >> 10} KiB"
        raise wrong(f"{path} is larger than {size}: it is no {what}", kind=kind if wrong is LocalFailure else "")
    try:
        return data.decode(errors=errors)
    except UnicodeDecodeError:
        raise wrong(f"{path} is not text: it is no {what}") from None
