"""Compression is undone alike however a body is cut into chunks."""

from __future__ import annotations

import gzip
import zlib

import pytest

from smsgate._backends.decoding import decoder_for
from smsgate.errors import TransportError
from smsgate.http import Headers

MIB = 1024 * 1024


def bare(plain):
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush()


FORMS = {"gzip": gzip.compress, "deflate": zlib.compress, "bare deflate": bare}


def unpacked(form, packed, size):
    chunks = [packed[start : start + size] for start in range(0, len(packed), size)]
    decoder = decoder_for(Headers({"Content-Encoding": form.split()[-1]}))
    plain = b"".join(piece for chunk in chunks for piece in decoder.feed(chunk))
    decoder.end()
    return plain


@pytest.mark.parametrize("length", [0, 1, 1000, MIB - 1, MIB, MIB + 1, MIB + 258, 3 * MIB, 3 * MIB + 100])
@pytest.mark.parametrize("form", FORMS)
def test_body_survives_every_cut(form, length):
    plain = b"a" * length
    packed = FORMS[form](plain)

    for size in (len(packed), len(packed) - 1, 1, 2, 3):
        assert unpacked(form, packed, size) == plain


@pytest.mark.parametrize("kept", [1, 2, 3, -1])
@pytest.mark.parametrize("form", FORMS)
def test_body_that_ends_too_early_is_refused(form, kept):
    packed = FORMS[form](bytes(range(256)) * 20)

    for size in (1, len(packed)):
        with pytest.raises(TransportError, match="too early"):
            unpacked(form, packed[:kept], size)


def test_empty_body_needs_no_compression():
    assert unpacked("gzip", b"", 1) == b""
