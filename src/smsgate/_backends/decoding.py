"""Decompression and size limit of response bodies, the same for every library.

Requests ask for no compression, so a compressed response is rare. The libraries' own decompression is off: few of them
limit the decompressed size.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from smsgate.errors import TransportError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping

_PIECE = 1024 * 1024
"""Bytes that decompression returns at once."""
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_DEFLATE_METHOD = 8


def decode_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Return headers as text; bytes outside of ASCII have no agreed meaning and are read as Latin-1."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


class Decoder:
    """Returns a body as it is."""

    def feed(self, data: bytes) -> Iterable[bytes]:
        """Return the decoded pieces of a chunk.

        Raises:
            TransportError: the compression is damaged.
        """
        return (data,)

    def end(self) -> None:
        """Check that the body is complete.

        Raises:
            TransportError: the compressed body ends too early.
        """


class _Decompressor(Decoder):
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


def decoder_for(headers: Mapping[str, str]) -> Decoder:
    """Return the decoder of a body.

    Args:
        headers: the headers of its response.

    Raises:
        TransportError: the compression is unknown.
    """
    if "content-encoding" not in headers:
        return _AS_IT_IS
    try:
        coding = headers["content-encoding"].strip().lower()
    except ValueError:  # pyreqwest returns no values outside of ASCII
        coding = "unreadable"
    if coding in {"", "identity"}:
        return _AS_IT_IS
    if coding not in {"gzip", "x-gzip", "deflate"}:
        raise TransportError("the response is compressed in a way that was not asked for", sent=True)
    return _Decompressor(coding)


def append(body: bytearray, pieces: Iterable[bytes], limit: int) -> None:
    """Append decoded pieces to a body.

    Raises:
        TransportError: the body is larger than the limit.
    """
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise TransportError(
                f"the response is larger than {limit} bytes; max_json_size of the client raises this limit", sent=True
            )


_AS_IT_IS = Decoder()
