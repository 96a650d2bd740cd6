"""What a file is called that a server sends: from Content-Disposition or the URL, made harmless. Pure: no file system.

The server's word is `filename*` before `filename` (RFC 6266 4.3), else the last segment of the URL's path, decoded;
where neither gives a name, the host with the extension of the type. Whatever it says, what comes out is one component
of a path: no folder, no control character, nothing that turns text round, no leading dot or dash, no name that is a
device on Windows, and short enough for the names made from it. Left out: RFC 2231's continuations, which RFC 6266
does not have, and RFC 2047's words, which it forbids.
"""

import re
from urllib.parse import unquote, unquote_to_bytes

from netkit.http.url import Url

MAX_NAME = 255  # bytes of one component on the usual file systems
ROOM = len(".999.part.json")  # for what is put behind it: the file beside the part, and the number of a copy
MAX_EXTENSION = 20  # bytes that are still an extension, kept when a name is cut: .tar.gz, .postscript
MAX_FIELD = 16 * 1024  # characters of Content-Disposition that are looked at; names are a hundredth of that

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf';\s*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;"\s][^;]*))', re.DOTALL)
_EXTENDED = re.compile(r"([A-Za-z0-9-]+)'[A-Za-z0-9-]*'((?:%[0-9A-Fa-f]{2}|[!#$&+.^_`|~0-9A-Za-z-])+)")  # RFC 8187
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "latin-1"}
# Controls, bidi and zero-width characters, line separators, lone surrogates: what is not seen but acts.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_RESERVED = re.compile(r'[<>:"|?*]')  # on Windows, and ":" begins a stream of NTFS
_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|clock\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_OURS = re.compile(r"\.part(\.json)?$", re.IGNORECASE)  # what is beside a download that is not whole yet


def name_for(url: Url, disposition: str | None, content_type: str | None) -> str:
    """The name for what `url` answered. disposition, content_type: the headers, in the Latin-1 letters of the wire."""
    named = clean(disposed(disposition)) if disposition else ""
    return named or clean(unquote(url.path.rpartition("/")[2], errors="replace")) or _fallback(url, content_type)


def disposed(field: str) -> str:
    """The name in a Content-Disposition, as it stands there; empty without one. A quoted name may be raw UTF-8."""
    found: dict[str, str] = {}
    for name, quoted, token in _PARAMETER.findall(field[:MAX_FIELD]):
        found.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if quoted else token.rstrip())
    if extended := _EXTENDED.fullmatch(found.get("filename*", "")):
        charset = _CHARSETS.get(extended[1].lower())
        try:
            if charset:
                return unquote_to_bytes(extended[2]).decode(charset)
        except UnicodeDecodeError:
            pass
    plain = found.get("filename", "")
    try:
        return plain.encode("latin-1").decode()
    except UnicodeError:
        return plain


def clean(name: str) -> str:
    """One harmless component of a path; empty when nothing is left of it."""
    name = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    name = _RESERVED.sub("_", _UNSEEN.sub("", name))
    name = _strip(name)
    if not name:
        return ""
    if name.startswith("-"):  # would be an option where somebody writes *
        name = f"_{name[1:]}"
    if _DEVICE.fullmatch(name):
        name = f"_{name}"
    return _cut(_OURS.sub(lambda found: found[0].replace(".", "_"), name), MAX_NAME - ROOM)


def numbered(name: str, number: int) -> str:
    """The name of a copy, as wget has it: file, file.1, file.2."""
    return f"{name}.{number}" if number else name


def _strip(name: str) -> str:
    """Without dots and spaces in front, and at the end, where Windows drops them."""
    return re.sub(r"^[\s.]+|[\s.]+$", "", name)


def _cut(name: str, limit: int) -> str:
    """At most so many bytes, whole characters, and the extension kept."""
    data = name.encode()
    if len(data) <= limit:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len((dot + extension).encode()) > MAX_EXTENSION:
        stem, dot, extension = name, "", ""
    tail = (dot + extension).encode()
    return _strip(stem.encode()[: limit - len(tail)].decode(errors="ignore")) + tail.decode()


def _fallback(url: Url, content_type: str | None) -> str:
    from mimetypes import MimeTypes

    kind = (content_type or "").partition(";")[0].strip().lower()
    extension = MimeTypes().guess_extension(kind) if kind else None  # Python's own table: the same on every machine
    return clean(f"{url.host}{extension or ''}") or "download"
