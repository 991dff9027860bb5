"""One client for a whole application: its lifespan, and a dependency for path operations."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection  # noqa: TC002 - FastAPI reads annotations

from smsgate import AsyncAPIClient, errors

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable
    from contextlib import AbstractAsyncContextManager


def lifespan_client(
    client: AsyncAPIClient | str | None = None, password: str | None = None, **options: Any
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """Return a lifespan that gives the application one `AsyncAPIClient` and closes it at the end.

    Pass it as ``FastAPI(lifespan=…)``, or enter it in your own lifespan: ``async with lifespan_client()(app): …``.

    Args:
        client: a client to share, or the login for a new one. Without credentials `AsyncAPIClient.from_env` makes it.
        password: the account's password, with a login; or a token, without a login.
        options: other arguments of `AsyncAPIClient`.

    Raises:
        ConfigurationError: options for a client that is made already.
    """
    if isinstance(client, AsyncAPIClient) and (password is not None or options):
        raise errors.ConfigurationError("a client that is made already takes no options")

    def make_client() -> AsyncAPIClient:
        if isinstance(client, AsyncAPIClient):
            return client
        if client is None and password is None and "auth" not in options:
            return AsyncAPIClient.from_env(**options)
        return AsyncAPIClient(client, password, **options)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with make_client() as shared:
            app.state.smsgate_client = shared
            try:
                yield
            finally:
                del app.state.smsgate_client

    return lifespan


def shared_client(connection: HTTPConnection) -> AsyncAPIClient:
    """Return the application's client: a dependency, for ``Depends(shared_client)``.

    Raises:
        ConfigurationError: the application runs without `lifespan_client`.
    """
    client = getattr(connection.app.state, "smsgate_client", None)
    if not isinstance(client, AsyncAPIClient):
        raise errors.ConfigurationError("the application has no client: FastAPI(lifespan=lifespan_client(...))")
    return client


SharedClient: TypeAlias = Annotated[AsyncAPIClient, Depends(shared_client)]
"""The application's client as a parameter of a path operation: ``client: SharedClient``."""
