"""Encoding of text files: byte order marks, UTF-8, and a guess for files of older programs."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from smsgate._extras import MissingExtraError
from smsgate.bulk._errors import RowFileError
from smsgate.errors import ConfigurationError

if TYPE_CHECKING:
    from typing import IO

_SAMPLE = 256 * 1024  # bytes
_BLOCK = 1024 * 1024
_SHOWN = 30  # characters
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_LATIN = ("cp1252", "cp1250", "cp1254")
_NOT_LATIN = ("cp1251", "cp1253", "cp1255", "cp1256", "cp932", "gb18030", "big5", "euc_kr")
"""Encodings of other scripts, which charset-normalizer mostly recognizes; among those of Latin script it often errs."""

_MIXED_WORD = re.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]")
"""Word of two scripts, which tells a wrong guess."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """Encoding of a text file.

    Attributes:
        codec: its name in Python.
        name: its name for people.
        example: a piece of the text that shows whether a guess was right; empty if nothing was guessed.
    """

    codec: str
    name: str
    example: str = ""


def detect_encoding(file: IO[bytes]) -> Encoding:
    """Return the encoding of a file that can be rewound; reads all of it, in constant memory.

    Raises:
        RowFileError: it is no text.
        ConfigurationError: the extra ``bulk`` is not installed.
    """
    start = file.read(4)
    for mark, codec, name in _MARKS:
        if start.startswith(mark):
            return Encoding(codec, name)
    if b"\0" in start and start.strip(b"\0"):  # ASCII characters of UTF-16 without a mark
        return Encoding("utf-16-be" if start[:1] == b"\0" else "utf-16-le", "UTF-16")
    file.seek(0)
    position = _find_broken_utf8(file)
    return Encoding("utf-8", "UTF-8") if position is None else _guess(file, position)


def named_encoding(name: str) -> Encoding:
    """Return an encoding that the user has named.

    Raises:
        ConfigurationError: there is no such encoding of text.
    """
    try:
        "x".encode(name)
        codec = codecs.lookup(name).name
    except (LookupError, TypeError, ValueError):
        raise ConfigurationError(f"{name!r} is no encoding such as 'utf-8' or 'cp1252'") from None
    return Encoding("utf-8-sig" if codec == "utf-8" else codec, codec)


def _find_broken_utf8(file: IO[bytes]) -> int | None:
    """Return the position of the first block that is no UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = 0
    while block := file.read(_BLOCK):
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            return max(0, position + error.start - _SAMPLE // 2)
        position += len(block)
    return position if decoder.getstate()[0] else None


def _guess(file: IO[bytes], position: int) -> Encoding:
    try:
        import charset_normalizer  # noqa: PLC0415 - optional
    except ImportError:
        raise MissingExtraError("a table that is not in UTF-8", "bulk") from None
    file.seek(position)
    sample = file.read(_SAMPLE)
    found = charset_normalizer.from_bytes(sample, cp_isolation=[*_NOT_LATIN, *_LATIN]).best()
    candidates = [found.encoding] if found else []
    if not candidates or candidates[0] not in _NOT_LATIN or _MIXED_WORD.search(sample.decode(candidates[0], "ignore")):
        candidates = [*_LATIN, *candidates]
    for codec in candidates:
        text = _decode(sample, codec)
        if text is not None:
            return Encoding(codec, codec, _find_example(text))
    raise RowFileError("the file is no text in a known encoding: save it as CSV in UTF-8, or name its encoding")


def _decode(sample: bytes, codec: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(codec)().decode(sample)  # the sample may end within a character
    except UnicodeDecodeError:
        return None


def _find_example(text: str) -> str:
    """Return the first word that is not ASCII."""
    return next((word[:_SHOWN] for word in re.split(r"[\s,;|\"]+", text) if not word.isascii()), "")
