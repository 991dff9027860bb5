"""Registry of HTTP backends: libraries, adapters, extras and required Python versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Adapter(NamedTuple):
    """Adapter class for one HTTP library.

    Args:
        name: its class name, public in `smsgate.http` or `smsgate.ahttp`.
        module: the module of this package that defines it.
        client: class name of the library's own client or session, which it accepts.
        is_async: whether it serves `AsyncAPIClient`.
    """

    name: str
    module: str
    client: str
    is_async: bool = False


class Backend(NamedTuple):
    """An HTTP library and its adapters.

    Args:
        library: the import name, by which users choose the backend.
        extra: the extra of this package that installs the library.
        adapters: one for each kind of client that the library can serve.
        python: the oldest Python version that the library supports.
        needs_lasting_thread: whether the thread that imports the library must live as long as the process.
    """

    library: str
    extra: str
    adapters: tuple[Adapter, ...]
    python: tuple[int, int] = (3, 10)
    needs_lasting_thread: bool = False


BACKENDS = {
    "aiohttp": Backend(
        "aiohttp", "aiohttp", (Adapter("AiohttpAsyncHttpClient", "aiohttp", "ClientSession", is_async=True),)
    ),
    "httpx": Backend(
        "httpx",
        "httpx",
        (
            Adapter("HttpxHttpClient", "httpx", "Client"),
            Adapter("HttpxAsyncHttpClient", "httpx_async", "AsyncClient", is_async=True),
        ),
    ),
    "pyreqwest": Backend(
        "pyreqwest",
        "fast",
        (
            Adapter("PyreqwestHttpClient", "pyreqwest", "SyncClient"),
            Adapter("PyreqwestAsyncHttpClient", "pyreqwest_async", "Client", is_async=True),
        ),
        python=(3, 11),
        needs_lasting_thread=True,
    ),
    "requests": Backend("requests", "requests", (Adapter("RequestsHttpClient", "requests", "Session"),)),
}


def adapters() -> Iterator[tuple[Backend, Adapter]]:
    """Yield every adapter with its backend."""
    for backend in BACKENDS.values():
        for adapter in backend.adapters:
            yield backend, adapter


def names(*, is_async: bool) -> dict[str, str]:
    """Return the adapter class names of one kind of client by the backends' names."""
    return {backend.library: adapter.name for backend, adapter in adapters() if adapter.is_async is is_async}
