"""What answers bring, alike on every library: compression undone, sizes bounded, headers as text.

The libraries' own decoding is off: they differ in what they ask for, in how they treat broken data, and few of them
bound what a small compressed body may grow to.
"""

from __future__ import annotations

import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING

from smsgate.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

__all__ = ["LARGEST_BODY", "SMALL_BODY", "acollect", "adecoded", "collect", "decoded", "decoded_headers"]

LARGEST_BODY = 64 * 1024 * 1024
"""Bytes that `send` holds in memory at most; the gateway's own answers stay far below it."""

SMALL_BODY = 1024 * 1024
"""Bytes of an announced body up to which it may be read at once."""

_PIECE = 1024 * 1024
_TELLING = 2
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def decoded_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text; their bytes outside of ASCII mean whatever the server wants."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def collect(chunks: Iterable[bytes], headers: Mapping[str, str] | None) -> bytes:
    """Read a body to its end.

    Args:
        chunks: its parts as they arrive.
        headers: the answer's; None when they are known to announce no coding.

    Raises:
        TransportError: it is larger than `LARGEST_BODY`, or wrongly compressed.
    """
    if headers is not None and "content-encoding" in headers:
        chunks = decoded(chunks, headers)
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_BODY:
            raise _too_large()
        parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def acollect(chunks: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None) -> bytes:
    """Do what `collect` does."""
    if headers is not None and "content-encoding" in headers:
        chunks = adecoded(chunks, headers)
    parts: list[bytes] = []
    size = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            size += len(chunk)
            if size > LARGEST_BODY:
                raise _too_large()
            parts.append(chunk)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def decoded(chunks: Iterable[bytes], headers: Mapping[str, str]) -> Generator[bytes, None, None]:
    """Undo the compression of a body as it arrives.

    Raises:
        TransportError: it is wrongly compressed, or in a way that nobody asked for.
    """
    decoder = _decoder(headers)
    for chunk in chunks:
        if decoder is None:
            yield chunk
        else:
            yield from decoder.feed(chunk)
    if decoder is not None:
        decoder.end()


async def adecoded(chunks: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
    """Do what `decoded` does; closes the generator of chunks, which trio insists on, when it is closed itself."""
    decoder = _decoder(headers)
    async with aclosing(chunks):
        async for chunk in chunks:
            if decoder is None:
                yield chunk
            else:
                for piece in decoder.feed(chunk):
                    yield piece
    if decoder is not None:
        decoder.end()


class _Decoder:
    """Undoes gzip and deflate; never holds more than a piece of what comes out."""

    def __init__(self, coding: str) -> None:
        self._raw_allowed = coding == "deflate"  # some servers leave out the wrapping that the name stands for
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False
        self._held: bytes = b""

    def feed(self, data: bytes) -> Generator[bytes, None, None]:
        if not self._begun:  # two bytes tell whether a wrapping is there
            data = self._held + data
            self._held = data if len(data) < _TELLING else b""
            data = data[len(self._held) :]
        piece = b""
        while data or len(piece) == _PIECE:  # after a full piece there may be more to come out than goes in
            if self._stream.eof:
                if not data:
                    return
                self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)  # a further gzip member
            piece = self._decompress(data)
            self._begun = True
            data = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        if self._held or (self._begun and not self._stream.eof):
            raise TransportError("the answer's compressed body ends too early", sent=True)

    def _decompress(self, data: bytes) -> bytes:
        try:
            return self._stream.decompress(data, _PIECE)
        except zlib.error as error:
            if self._raw_allowed and not self._begun:
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
                self._begun = True
                return self._decompress(data)
            raise TransportError("the answer's compressed body is damaged", sent=True) from error


def _decoder(headers: Mapping[str, str]) -> _Decoder | None:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise TransportError("the answer is compressed in a way that was not asked for", sent=True)
    return _Decoder(coding)


def _too_large() -> TransportError:
    return TransportError(f"the answer is larger than {LARGEST_BODY} bytes", sent=True)
