"""Synchronous backend over pyreqwest: the fastest one; the guide on HTTP backends lists its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pyreqwest.client import SyncClient, SyncClientBuilder

from smsgate._backends.adapters import SyncAdapter
from smsgate._backends.pyreqwest_common import Clients, Exchange, PyreqwestAdapter, configure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smsgate._http import Request, Timeout


class PyreqwestHttpClient(PyreqwestAdapter[SyncClient], SyncAdapter[SyncClient, Clients[SyncClient]]):
    """Synchronous backend over pyreqwest.

    Args:
        client: a `pyreqwest.client.SyncClient` that you opened and close yourself, and its own options apply,
            whether it follows redirects among them.
        verify: True, False, or the path of a file of certificates to trust in addition to the system's.
        cert: path of a PEM file with the client's certificate and key, or the paths of the two.
        proxy: URL of an http or https proxy for all requests.
        max_connections: concurrent exchanges at most; further ones wait.
        trust_env: whether the proxy and certificate variables of the environment are used.

    Raises:
        ConfigurationError: for invalid options, or options together with a client.
    """

    client_class: ClassVar[type[Any]] = SyncClient

    def _open(self) -> Clients[SyncClient]:
        return Clients(self._make)

    def _make(self, timeout: Timeout) -> SyncClient:
        client: SyncClient = configure(SyncClientBuilder(), self._options, timeout).build()
        return client

    def _close(self, opened: Clients[SyncClient]) -> None:
        for client in opened.all():
            client.close()

    def _begin(self, request: Request, opened: Clients[SyncClient], proxy: str | None, *, whole: bool) -> Exchange:
        sending = self._build(self._client or opened.get(request.timeout), request, whole=whole)
        return Exchange(sending, sending.__enter__())

    def _chunks(self, raw: Exchange, request: Request, deadline: float | None) -> Iterable[bytes]:
        while (chunk := raw.response.body_reader.read_chunk()) is not None:
            yield chunk.to_bytes()

    def _end(self, raw: Exchange) -> None:
        raw.sending.__exit__(None, None, None)
