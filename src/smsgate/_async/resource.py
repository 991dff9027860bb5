"""Base of the client's method groups: lifetime, and execution of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from typing_extensions import ParamSpec

from smsgate._core.arguments import argument_errors, check_operation
from smsgate._http import AsyncClosedOnExit

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from smsgate._async.encryption import Cipher
    from smsgate._async.exchange import Exchange
    from smsgate._http import Response
    from smsgate.runtime.types import Operation

P = ParamSpec("P")
T = TypeVar("T")


class Resource(AsyncClosedOnExit):
    """Executes operations; may be used with ``async with`` and without."""

    _exchange: Exchange
    _cipher: Cipher

    async def execute(self, operation: Operation[T]) -> T:
        """Run any operation of `smsgate_api.operations` and return its parsed response.

        Raises:
            InvalidRequestError: it is no operation.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        check_operation(operation)
        return await self._exchange.run(operation)

    async def _call(self, build: Callable[P, Operation[T]], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Build an operation from arguments and execute it.

        Raises:
            InvalidRequestError: for invalid arguments.
            SMSGateError: as `execute`.
        """
        with argument_errors():
            operation = build(*arguments, **keywords)
        return await self.execute(operation)

    async def execute_raw(self, operation: Operation[Any]) -> Response:
        """Run any operation and return the raw response, error statuses included.

        Raises:
            InvalidRequestError: it is no operation.
            TransportError: no response came.
        """
        check_operation(operation)
        return await self._exchange.run_raw(operation)

    async def aclose(self) -> None:
        """Close the connections; the next call opens them again, with a `ResourceWarning`."""
        await self._exchange.aclose()

    close = aclose

    async def __aenter__(self) -> Self:
        self._exchange.open()
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._exchange.transport.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds credentials and connections and cannot be pickled")
