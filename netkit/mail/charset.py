"""The charset names of mail (RFC 2047, IANA) and the codec of Python that reads each.

A list of what is allowed, not of what is not: `codecs.lookup` would import a module for any name that a peer makes up,
remember every name it does not find, and offer `unicode_escape`, `idna`, `hex` and `undefined` as well.
"""

from functools import lru_cache

MAX_NAME = 40  # longer than any in IANA's register that a codec exists for

_LIST = """
ascii utf_8 utf_7 utf_16 utf_16_be utf_16_le utf_32 utf_32_be utf_32_le
latin_1 iso8859_2 iso8859_3 iso8859_4 iso8859_5 iso8859_6 iso8859_7 iso8859_8 iso8859_9 iso8859_10 iso8859_11
iso8859_13 iso8859_14 iso8859_15 iso8859_16 koi8_r koi8_t koi8_u kz1048 ptcp154 tis_620 hp_roman8
cp037 cp273 cp424 cp437 cp500 cp720 cp737 cp775 cp850 cp852 cp855 cp856 cp857 cp858 cp860 cp861 cp862 cp863 cp864
cp865 cp866 cp869 cp874 cp875 cp932 cp949 cp950 cp1006 cp1026 cp1125 cp1140
cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258
mac_arabic mac_croatian mac_cyrillic mac_farsi mac_greek mac_iceland mac_latin2 mac_roman mac_romanian mac_turkish
big5 big5hkscs gb2312 gbk gb18030 hz euc_jp euc_jis_2004 euc_jisx0213 euc_kr johab shift_jis shift_jis_2004
shift_jisx0213 iso2022_jp iso2022_jp_1 iso2022_jp_2 iso2022_jp_2004 iso2022_jp_3 iso2022_jp_ext iso2022_kr
"""
_CODECS = frozenset(_LIST.split())
_MORE_NAMES = {  # seen in mail, unknown to Python
    "iso_8859_8_i": "iso8859_8",  # RFC 1556: the order of the characters, not the characters
    "iso_8859_8_e": "iso8859_8",
    "koi8_ru": "koi8_u",
    "windows_874": "cp874",
    "windows_936": "gbk",
    "windows_949": "cp949",
}
_WIDER = {  # what senders mean by the name: the larger set that their system calls the same (WHATWG Encoding 4.2)
    "big5": "big5hkscs",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp_ext",
    "iso8859_11": "cp874",
    "shift_jis": "cp932",
    "tis_620": "cp874",
}


@lru_cache(maxsize=64)
def codec(name: str) -> str | None:
    """Python's name of the codec for a charset, or None when it is not one that mail is written in."""
    if len(name) > MAX_NAME:
        return None
    from encodings.aliases import aliases  # loaded by the interpreter itself at its start

    plain = name.lower().replace("-", "_").replace(".", "_").replace(":", "_")
    for known in (plain, plain.removeprefix("x_")):
        found = _MORE_NAMES.get(known) or aliases.get(known, known)
        if found in _CODECS:
            return found
    return None


def read(data: bytes, codec: str) -> tuple[str, bool]:
    """The text, and whether all of it could be read; what could not is U+FFFD. Lone surrogates never come out."""
    for name in (codec, _WIDER.get(codec)):
        if name:
            try:
                text = data.decode(name)
                text.encode()  # UTF-7 lets lone surrogates through
                return text, True
            except UnicodeError:
                pass
    text = data.decode(codec, "replace")
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"), False
