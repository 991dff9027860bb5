"""Decompression of response bodies, the same for every library.

Requests ask for no compression, so a compressed response is rare. The libraries' own decompression is off: few of them
limit the decompressed size.
"""

from __future__ import annotations

import zlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from smsgate.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable, Mapping

_PIECE = 1024 * 1024
"""Bytes that decompression returns at once."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_DEFLATE_METHOD = 8


def decode_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text; bytes outside of ASCII have no agreed meaning and are read as Latin-1."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


def decode(chunks: Iterable[bytes], headers: Mapping[str, str]) -> Iterable[bytes]:
    """Decompress a body as it arrives.

    Raises:
        TransportError: the compression is damaged or unknown.
    """
    decoder = _decoder(headers)
    return chunks if decoder is None else _decompress(chunks, decoder)


def adecode(chunks: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
    """Decompress a body as it arrives, see `decode`; closing the result closes the chunks."""
    decoder = _decoder(headers)
    return chunks if decoder is None else _adecompress(chunks, decoder)


def _decompress(chunks: Iterable[bytes], decoder: _Decoder) -> Generator[bytes, None, None]:
    for chunk in chunks:
        yield from decoder.feed(chunk)
    decoder.end()


async def _adecompress(chunks: AsyncGenerator[bytes, None], decoder: _Decoder) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):  # trio warns of generators that are left to the garbage collector
        async for chunk in chunks:
            for piece in decoder.feed(chunk):
                yield piece
    decoder.end()


class _Decoder:
    """Decompresses gzip and deflate; holds at most one piece of the output."""

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._stream: Any = None  # the class of zlib's decompressors is private

    def feed(self, data: bytes) -> Generator[bytes, None, None]:
        piece = b""
        while data or len(piece) == _PIECE:  # after a full piece zlib may hold more output, though no input is left
            if self._stream is None or self._stream.eof:  # the beginning, or a further gzip member
                if not data:
                    return
                self._stream = zlib.decompressobj(self._window_bits(data))
            try:
                piece = self._stream.decompress(data, _PIECE)
            except zlib.error as error:
                raise TransportError("the response's compressed body is damaged", sent=True) from error
            data = self._stream.unused_data or self._stream.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        if self._stream is not None and not self._stream.eof:
            raise TransportError("the response's compressed body ends too early", sent=True)

    def _window_bits(self, data: bytes) -> int:
        """Return zlib's number for the format: some servers send deflate without the zlib header."""
        has_header = self._coding != "deflate" or data[0] & 0x0F == _DEFLATE_METHOD
        return _GZIP_OR_ZLIB if has_header else -zlib.MAX_WBITS


def _decoder(headers: Mapping[str, str]) -> _Decoder | None:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise TransportError("the response is compressed in a way that was not asked for", sent=True)
    return _Decoder(coding)
