"""Download of a document, bounded in time and size."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import anyio
import httpx

TIME_LIMIT = 60.0
"""Seconds for everything: connecting, redirects and the whole body."""

SIZE_LIMIT = 16 * 1024 * 1024
"""Bytes after decompression."""

REDIRECTS = 5


class DownloadError(Exception):
    """A document that did not arrive; the text holds no part of the URL."""


def is_url(source: str) -> bool:
    """Return whether a document is to be downloaded."""
    return source.lower().startswith(("http://", "https://"))


def shown_url(url: str) -> str:
    """Return a URL without what may be a secret: user and password, values of the query, and the fragment."""
    without_user = re.sub(r"//.*@", "//***@", url)  # up to the last @, as passwords may contain any character
    address, _, query = without_user.partition("#")[0].partition("?")
    return f"{address}?***" if query else address


def download(url: str, *, time_limit: float = TIME_LIMIT, size_limit: int = SIZE_LIMIT) -> str:
    """Return the text under an http(s) URL.

    Raises:
        DownloadError: the server does not respond in time or not with a document, or the document is too large.
    """
    try:
        urlsplit(url).port  # noqa: B018 - raises for what is no number
        return anyio.run(_download, url, time_limit, size_limit)
    except (httpx.InvalidURL, ValueError):
        raise DownloadError("not a valid URL") from None  # the cause quotes it
    except TimeoutError:
        raise DownloadError(f"not complete after {time_limit:g} seconds") from None
    except httpx.HTTPError as error:
        raise DownloadError(" ".join(str(error).split()) or type(error).__name__) from None


async def _download(url: str, time_limit: float, size_limit: int) -> str:
    pieces: list[bytes] = []
    with anyio.fail_after(time_limit):
        async with (
            httpx.AsyncClient(follow_redirects=True, max_redirects=REDIRECTS, timeout=time_limit) as client,
            client.stream("GET", url) as response,
        ):
            if not response.is_success:
                raise DownloadError(f"the server responded with {response.status_code}")
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                size_limit -= len(piece)
                if size_limit < 0:
                    raise DownloadError("larger than the limit for documents")
    return b"".join(pieces).decode(response.encoding or "utf-8", "replace")
