# Written by scripts/unasync.py from src/smsgate/_async/resource.py; change that file instead.
"""Base of the client's method groups: lifetime, and execution of operations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from typing_extensions import ParamSpec

from smsgate._core.arguments import argument_errors, check_operation
from smsgate._http import ClosedOnExit

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from smsgate._http import Response
    from smsgate._sync.encryption import Cipher
    from smsgate._sync.exchange import Exchange
    from smsgate.runtime.types import Operation

P = ParamSpec("P")
T = TypeVar("T")


class Resource(ClosedOnExit):
    """Executes operations; may be used with ``with`` and without."""

    _exchange: Exchange
    _cipher: Cipher

    def execute(self, operation: Operation[T]) -> T:
        """Run any operation of `smsgate_api.operations` and return its parsed response.

        Raises:
            InvalidRequestError: it is no operation.
            TransportError: no response came.
            APIError: the gateway refused or failed.
            ResponseError: the response cannot be read.
        """
        check_operation(operation)
        return self._exchange.run(operation)

    def _call(self, build: Callable[P, Operation[T]], *arguments: P.args, **keywords: P.kwargs) -> T:
        """Build an operation from arguments and execute it.

        Raises:
            InvalidRequestError: for invalid arguments.
            SMSGateError: as `execute`.
        """
        with argument_errors():
            operation = build(*arguments, **keywords)
        return self.execute(operation)

    def execute_raw(self, operation: Operation[Any]) -> Response:
        """Run any operation and return the raw response, error statuses included.

        Raises:
            InvalidRequestError: it is no operation.
            TransportError: no response came.
        """
        check_operation(operation)
        return self._exchange.run_raw(operation)

    def close(self) -> None:
        """Close the connections; the next call opens them again, with a `ResourceWarning`."""
        self._exchange.close()

    def __enter__(self) -> Self:
        self._exchange.open()
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._exchange.transport.base_url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds credentials and connections and cannot be pickled")
