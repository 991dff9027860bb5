"""Base classes of the adapters: options, limits and errors of an exchange, the same for every library."""

from __future__ import annotations

from contextlib import aclosing, asynccontextmanager, closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import anyio

from smsgate._backends.body_deadline import BodyDeadline
from smsgate._backends.connection import Cert, ConnectionOptions, add_proxy
from smsgate._backends.decoding import append, decoder_for
from smsgate._backends.resources import LoopResource, ProcessResource, asyncio_loop, run_in_thread
from smsgate._backends.transport_errors import check_deadline, connect_timeout, deadline_after, safe_cause, time_left
from smsgate._event_loops import current_loop
from smsgate._http import AsyncClosedOnExit, AsyncStreamedResponse, ClosedOnExit, Response, StreamedResponse
from smsgate.errors import ConfigurationError, TransportError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator, Iterable
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from smsgate._backends.resources import LoopShared
    from smsgate._http import Headers, Request, Verify
    from smsgate.errors import SMSGateError

_Client = TypeVar("_Client")
_Opened = TypeVar("_Opened")


class Adapter(Generic[_Client]):
    """Options and errors of one library; ``raw`` is a response of the library, which has ``headers``."""

    client_class: ClassVar[type[Any]]
    """The library's own client or session."""
    library_errors: ClassVar[tuple[type[Exception], ...]]
    quoting_errors: ClassVar[tuple[type[Exception], ...]]
    """Exceptions of the library whose texts quote a request or a response."""
    ca_variables: ClassVar[tuple[str, ...]] = ()
    """Certificate variables of the library's own."""

    def __init__(
        self,
        client: _Client | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        kind = self.client_class
        if client is not None and not isinstance(client, kind):
            raise ConfigurationError(f"this backend takes {kind.__module__.partition('.')[0]}.{kind.__name__}")
        self._client = client
        self._options = ConnectionOptions(
            client,
            verify=verify,
            cert=cert,
            proxy=proxy,
            max_connections=max_connections,
            trust_env=trust_env,
            ca_variables=self.ca_variables,
        )
        self._prepare()

    def _prepare(self) -> None:
        """Prepare the resource, which opens later; adapters also reject here what their library does not support."""
        raise NotImplementedError

    def _proxy_for(self, url: str) -> str | None:
        """Return the URL of the proxy for a request."""
        return self._options.proxy_for(url)

    def _head(self, raw: Any) -> tuple[int, Headers]:
        """Return status and headers of a response."""
        raise NotImplementedError

    def _translate(self, error: Exception, *, sent: bool | None) -> SMSGateError:
        """Translate an exception of the library.

        Args:
            error: the exception.
            sent: whether the request was sent, for errors that do not say so.
        """
        raise NotImplementedError

    def _failure(self, error: Exception, *, sent: bool | None, proxy: str | None = None) -> SMSGateError:
        """Return our exception for one of the library's, which names the proxy."""
        if isinstance(error, ConfigurationError):  # a ValueError, which some libraries raise too
            raise error
        failure = self._translate(error, sent=sent)
        return add_proxy(failure, proxy) if isinstance(failure, TransportError) else failure


class SessionAdapter(Adapter[_Client]):
    """Adapter of a library that calls its client a session, and so does the first argument."""

    def __init__(
        self,
        session: _Client | None = None,
        *,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        max_connections: int = 100,
        trust_env: bool = True,
    ) -> None:
        super().__init__(
            session, verify=verify, cert=cert, proxy=proxy, max_connections=max_connections, trust_env=trust_env
        )


class SyncAdapter(Adapter[_Client], ClosedOnExit, Generic[_Client, _Opened]):
    """Adapter of one library for synchronous clients; ``_Opened`` is what it opens in a process."""

    def _prepare(self) -> None:
        self._resource: ProcessResource[_Opened] = ProcessResource(
            self._open, self._close, limit=self._options.max_connections, given=self._client is not None
        )

    def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        with self._exchange(request, whole=True) as response:
            body = bytearray()
            append(body, response.chunks, request.max_size)
            return Response(response.status, response.headers, bytes(body))

    def stream(self, request: Request) -> AbstractContextManager[StreamedResponse]:
        """Send one request; the body of the response arrives in chunks."""
        return self._exchange(request, whole=False)

    def close(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        self._resource.close()

    @contextmanager
    def _exchange(self, request: Request, *, whole: bool) -> Generator[StreamedResponse, None, None]:
        deadline = deadline_after(request.timeout)
        proxy = self._proxy_for(request.url)
        shared = self._resource.acquire(request.timeout.total)
        try:
            try:
                raw = self._begin(request, shared.value, proxy, whole=whole)
            except self.library_errors as error:
                raise self._failure(error, sent=None, proxy=proxy) from safe_cause(error, self.quoting_errors)
            try:
                with closing(self._body(raw, request, deadline)) as chunks:
                    yield StreamedResponse(*self._head(raw), chunks)
            finally:
                self._end(raw)
        except (KeyboardInterrupt, SystemExit):
            self._abandon(shared.value)
            raise
        finally:
            self._resource.release(shared)

    def _open(self) -> _Opened:
        """Open what the exchanges of a process share."""
        raise NotImplementedError

    def _abandon(self, opened: _Opened) -> None:
        """Forget, without closing it, what an interrupt may have left with locked locks."""

    def _close(self, opened: _Opened) -> None:
        """Close what was opened, but not the user's own client."""
        raise NotImplementedError

    def _begin(self, request: Request, opened: _Opened, proxy: str | None, *, whole: bool) -> Any:
        """Send a request and return the response with its headers.

        Args:
            request: the request.
            opened: what the exchanges share.
            proxy: the proxy of this exchange.
            whole: whether the body is wanted as a whole, not as it arrives.
        """
        raise NotImplementedError

    def _chunks(self, raw: Any, request: Request, deadline: float | None) -> Iterable[bytes]:
        """Return the body of a response as it arrives."""
        raise NotImplementedError

    def _end(self, raw: Any) -> None:
        """Close a response; its connection is kept if the whole body was read."""
        raise NotImplementedError

    def _find_shutdown(self, raw: Any) -> Callable[[], object] | None:
        """Return a function that shuts the connection of a response down; None if reading obeys the deadline."""
        return None

    def _body(self, raw: Any, request: Request, deadline: float | None) -> Generator[bytes, None, None]:
        """Yield the body, decompressed."""
        decoder = decoder_for(raw.headers)
        with BodyDeadline(deadline, raw.headers, self._find_shutdown(raw)):
            try:
                for chunk in self._chunks(raw, request, deadline):
                    check_deadline(deadline)
                    yield from decoder.feed(chunk)
            except self.library_errors as error:
                raise self._failure(error, sent=True) from safe_cause(error, self.quoting_errors)
        decoder.end()


class AsyncAdapter(Adapter[_Client], AsyncClosedOnExit, Generic[_Client, _Opened]):
    """Adapter of one library for asynchronous clients; ``_Opened`` is what it opens in an event loop."""

    needs_asyncio: ClassVar[bool] = False
    """Whether the library works under asyncio only."""

    def _prepare(self) -> None:
        self._resource: LoopResource[_Opened] = LoopResource(
            self._open,
            self._close,
            loop=asyncio_loop if self.needs_asyncio else current_loop,
            limit=self._options.max_connections,
            given=self._client is not None,
        )

    async def send(self, request: Request) -> Response:
        """Send one request and return the response with its whole body."""
        deadline = deadline_after(request.timeout)
        proxy = self._proxy_for(request.url)
        shared = await self._resource.acquire(request.timeout.total)
        sent: bool | None = None
        try:
            await self._make_ready(request, shared, proxy)
            async with self._limit(time_left(deadline)):  # one for all: a limit takes up to 15 microseconds
                raw = await self._begin(request, shared.value, proxy, whole=True)
                sent = True
                try:
                    body, decoder = bytearray(), decoder_for(raw.headers)
                    while (chunk := await self._read(raw)) is not None:  # a generator takes 3 microseconds more
                        append(body, decoder.feed(chunk), request.max_size)
                    decoder.end()
                    return Response(*self._head(raw), bytes(body))
                finally:
                    await self._end(raw)
        except self.library_errors as error:
            raise self._failure(error, sent=sent, proxy=proxy) from safe_cause(error, self.quoting_errors)
        finally:
            shared.slots.release()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncStreamedResponse, None]:
        """Send one request; the body of the response arrives in chunks."""
        deadline = deadline_after(request.timeout)
        proxy = self._proxy_for(request.url)
        shared = await self._resource.acquire(request.timeout.total)
        try:
            try:
                await self._make_ready(request, shared, proxy)
                async with self._limit(time_left(deadline)):
                    raw = await self._begin(request, shared.value, proxy, whole=False)
            except self.library_errors as error:
                raise self._failure(error, sent=None, proxy=proxy) from safe_cause(error, self.quoting_errors)
            try:
                async with aclosing(self._body(raw, deadline)) as chunks:
                    yield AsyncStreamedResponse(*self._head(raw), chunks)
            finally:
                await self._end(raw)
        finally:
            shared.slots.release()

    async def aclose(self) -> None:
        """Close the connections that this object opened; a later `send` opens new ones."""
        await self._resource.aclose()

    def _open(self) -> _Opened:
        """Open what the exchanges of an event loop share."""
        raise NotImplementedError

    async def _close(self, opened: _Opened) -> None:
        """Close what was opened, but not the user's own client."""
        raise NotImplementedError

    async def _make_ready(self, request: Request, shared: LoopShared[_Opened], proxy: str | None) -> None:
        """Do in a thread what would block the event loop, before the time of the exchange begins.

        Reading certificates takes up to a second.
        """
        if not self._options.lacks_context(request.url, proxy):
            return
        try:
            with anyio.fail_after(request.timeout.total):
                async with shared.lock:  # a task that waited finds the context made, which takes no time
                    await run_in_thread(self._options.ssl_context)
        except TimeoutError as error:
            raise add_proxy(connect_timeout(), proxy) from error

    async def _begin(self, request: Request, opened: _Opened, proxy: str | None, *, whole: bool) -> Any:
        """Send a request and return the response with its headers, see `SyncAdapter._begin`."""
        raise NotImplementedError

    async def _read(self, raw: Any) -> bytes | None:
        """Return the next chunk of a body, None at its end."""
        raise NotImplementedError

    async def _end(self, raw: Any) -> None:
        """Close a response; its connection is kept if the whole body was read."""
        raise NotImplementedError

    def _limit(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Return a block that may take so long, and raises one of the library's exceptions otherwise."""
        raise NotImplementedError

    async def _body(self, raw: Any, deadline: float | None) -> AsyncGenerator[bytes, None]:
        """Yield the body, decompressed."""
        decoder = decoder_for(raw.headers)
        try:
            while True:
                async with self._limit(time_left(deadline)):
                    chunk = await self._read(raw)
                if chunk is None:
                    break
                for piece in decoder.feed(chunk):
                    yield piece
        except self.library_errors as error:
            raise self._failure(error, sent=True) from safe_cause(error, self.quoting_errors)
        decoder.end()
