"""Case of a synchronous HTTP library in its ordinary use, posting the bytes of a send."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .measurement import options, serve_threads

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = b'{"id":"abcdefghijklmnopqrstu","textMessage":{"text":"Your table is ready"},"phoneNumbers":["+15550100"]}'
HEADERS = {
    "Accept": "application/json",
    "Authorization": "Basic QUJDREVGOmEtcGFzc3dvcmQtb2YtdXN1YWwtbGVuZ3Ro",
    "Content-Type": "application/json",
    "User-Agent": "bench/1.0",
}
ACCEPTED = 202


def with_httpx(url: str) -> Callable[[], int]:
    """Return a function that posts once and returns the status."""
    client: Any = import_module("httpx").Client(headers=HEADERS)

    def post() -> int:
        response = client.post(url, content=BODY)
        return response.status_code if response.content else 0

    return post


def with_requests(url: str) -> Callable[[], int]:
    """Return a function that posts once and returns the status."""
    session: Any = import_module("requests").Session()
    session.headers.update(HEADERS)

    def post() -> int:
        response = session.post(url, data=BODY)
        return response.status_code if response.content else 0

    return post


def with_pyreqwest(url: str) -> Callable[[], int]:
    """Return a function that posts once and returns the status."""
    client: Any = import_module("pyreqwest.client").SyncClientBuilder().default_headers(HEADERS).build()

    def post() -> int:
        response = client.post(url).body_bytes(BODY).build().send()
        return response.status if response.bytes() else 0

    return post


def main() -> None:
    """Serve rounds of posts."""
    settings = options()
    makers = {"httpx": with_httpx, "requests": with_requests, "pyreqwest": with_pyreqwest}
    post = makers[settings["library"]](f"{settings['url']}/messages")

    def work(count: int) -> None:
        for _ in range(count):
            if post() != ACCEPTED:
                raise RuntimeError("the server did not accept the message")

    serve_threads(work, int(settings["at_once"]))


if __name__ == "__main__":
    main()
