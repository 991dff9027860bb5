"""Requests of the control clients, and their responses; both clients are built on it."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from re import Pattern
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlsplit

import httpx
from pydantic import ValidationError

from smsgate.emulator._control import schemas
from smsgate.emulator._control.views import PREFIX
from smsgate.emulator._http.routing import PREFIXES
from smsgate.emulator.faults import Fault
from smsgate.emulator.outbox import SentMessage, check_conditions, described_recipients
from smsgate.errors import (
    ConfigurationError,
    ConnectError,
    InvalidRequestError,
    RequestTimeoutError,
    ResponseError,
    TransportError,
    error_class,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from smsgate.emulator.outbox import Recipients, Text
    from smsgate.phone import Attachment

T = TypeVar("T")
Model = TypeVar("Model", bound=schemas.Schema)
_EXPECTED = "expected "  # how the message of a wait begins that was in vain; it quotes texts, as an error never does
TIMEOUT = 30.0
"""Seconds that a request may take, besides what it waits for."""


@dataclass(frozen=True, slots=True)
class ControlCall(Generic[T]):
    """One request: ``parse`` makes the result of the response's body."""

    method: str
    path: str
    parse: Callable[[bytes], T]
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    wait: float = 0.0

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``httpx.Client.request``.

        Raises:
            InvalidRequestError: a value that JSON does not have.
        """
        arguments: dict[str, Any] = {
            "method": self.method,
            "url": PREFIX + self.path,
            "params": list(self.query),
            "timeout": TIMEOUT + self.wait,
        }
        if self.body is None:
            return arguments
        try:
            content = json.dumps(self.body, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(f"The arguments cannot be written as JSON: {error}") from error
        return {**arguments, "content": content, "headers": {"content-type": "application/json"}}

    def result(self, response: httpx.Response) -> T:
        """Return the result of a response.

        Raises:
            AssertionError: the expected message did not come.
            APIError: the emulator rejected the request.
            ResponseError: the response is not an emulator's.
        """
        content = response.content
        if response.is_error:
            problem = _problem(response)
            if problem.startswith(_EXPECTED):
                raise AssertionError(problem)
            path = PREFIX + self.path
            kind = error_class(response.status_code)
            raise kind(problem, response.status_code, body=content, method=self.method, path=path)
        try:
            return self.parse(content)
        except ValidationError as error:
            text = "the response is not that of an emulator's control API"
            raise ResponseError(text, status_code=response.status_code, body=content) from error


def _problem(response: httpx.Response) -> str:
    try:
        return schemas.Problem.model_validate_json(response.content).message
    except ValidationError:
        return response.reason_phrase or "unknown status"


def transport_error(error: httpx.HTTPError, url: str) -> TransportError:
    """Return the error of this package for one of httpx."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return ConnectError(f"no emulator at {url}: {error}")
    if isinstance(error, httpx.TimeoutException):
        return RequestTimeoutError(f"the emulator at {url} did not respond in time")
    return TransportError(f"the exchange with the emulator at {url} broke off: {error}")


def root_of(url: str) -> str:
    """Return the address of an emulator from its page's URL or from a client's base URL.

    Raises:
        ConfigurationError: it is no http URL.
    """
    problem = ConfigurationError("The URL of an emulator is like http://127.0.0.1:8787.")
    try:
        parts = urlsplit(url)
        host = httpx.URL(url).host
    except (ValueError, httpx.InvalidURL):
        raise problem from None
    if parts.scheme not in {"http", "https"} or not host:
        raise problem
    path = parts.path.rstrip("/")
    for prefix in PREFIXES:
        path = path.removesuffix(prefix)
    return f"{parts.scheme}://{parts.netloc}{path}"


def _one(model: type[Model]) -> Callable[[bytes], Model]:
    return model.model_validate_json


def _items(model: type[Model]) -> Callable[[bytes], list[Model]]:
    page = schemas.Page[model]  # type: ignore[valid-type]
    return lambda content: page.model_validate_json(content).items


def _nothing(_content: bytes) -> None:
    return None


def _sent(view: schemas.SentView) -> SentMessage:
    return SentMessage(
        view.id,
        view.text,
        tuple(view.recipients),
        view.state,
        view.device_id,
        view.data,
        view.port,
        view.is_encrypted,
    )


def _sent_list(content: bytes) -> list[SentMessage]:
    return [_sent(view) for view in schemas.Page[schemas.SentView].model_validate_json(content).items]


def _fields(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _query(**values: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name, str(value)) for name, value in values.items() if value is not None)


def _conditions(to: Recipients, text: Text, state: str | None) -> tuple[tuple[str, str], ...]:
    check_conditions(to, text)
    pattern = _with_flags(text) if isinstance(text, Pattern) else None
    plain = text if isinstance(text, str) else None
    recipients = tuple(("to", number) for number in described_recipients(to))
    return (*recipients, *_query(text=plain, pattern=pattern, state=state))


def _with_flags(pattern: Pattern[str]) -> str:
    flags = "".join(letter for letter, flag in _FLAGS.items() if pattern.flags & flag)
    return f"(?{flags}){pattern.pattern}" if flags and not _OWN_FLAGS.match(pattern.pattern) else pattern.pattern


_FLAGS = {"a": re.ASCII, "i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_OWN_FLAGS = re.compile(r"\(\?[aimsux]+\)")


def state() -> ControlCall[schemas.EmulatorState]:
    """Return the call of ``GET /state``."""
    return ControlCall("GET", "/state", _one(schemas.EmulatorState))


def reset(keep: Iterable[str]) -> ControlCall[None]:
    """Return the call of ``POST /reset``."""
    return ControlCall("POST", "/reset", _nothing, body={"keep": list(keep)})


def outbox(to: Recipients = None, text: Text = None, state: str | None = None) -> ControlCall[list[SentMessage]]:
    """Return the call of ``GET /outbox``."""
    return ControlCall("GET", "/outbox", _sent_list, _conditions(to, text, state))


def wait_for(to: Recipients, text: Text, state: str | None, timeout: float) -> ControlCall[SentMessage]:
    """Return the call of ``GET /wait``."""
    query = (*_conditions(to, text, state), *_query(timeout=timeout))
    return ControlCall("GET", "/wait", lambda body: _sent(_one(schemas.SentView)(body)), query, wait=timeout)


def receive(
    sender: str,
    text: str,
    data: bytes | None,
    attachments: Sequence[Attachment],
    options: Mapping[str, Any],
) -> ControlCall[schemas.IncomingView]:
    """Return the call of ``POST /receive``."""
    parts = [
        {"name": part.name, "contentType": part.content_type, "data": base64.b64encode(part.content).decode()}
        for part in attachments
    ]
    body = {
        "sender": sender,
        "text": text,
        **_fields(
            data=None if data is None else base64.b64encode(data).decode(),
            attachments=parts or None,
            **options,
        ),
    }
    return ControlCall("POST", "/receive", _one(schemas.IncomingView), body=body)


def advance(seconds: float) -> ControlCall[datetime]:
    """Return the call of ``POST /clock/advance``."""
    return ControlCall("POST", "/clock/advance", lambda body: _one(schemas.Clock)(body).now, body={"seconds": seconds})


def fault(
    faults: Sequence[Fault | str | int | None],
    times: int | None,
    rate: float,
    only: Iterable[str],
    seed: int,
    *,
    always: bool,
) -> ControlCall[schemas.FaultRule]:
    """Return the call of ``POST /faults``."""
    if not faults:
        raise ConfigurationError("fault takes at least one fault.")
    body: dict[str, Any] = {"faults": [_fault(one) for one in faults], "rate": rate, "only": list(only), "seed": seed}
    if always or times is not None:
        body["times"] = times
    return ControlCall("POST", "/faults", _one(schemas.FaultRule), body=body)


def _fault(one: Fault | str | int | None) -> Any:
    if not isinstance(one, Fault):
        return one
    options = {"kind": one.kind, "handled": one.handled, "status": one.status, "exchanges": one.exchanges}
    return {**options, "seconds": one.seconds, **_fields(retryAfter=one.retry_after)}


def clear_faults(rule_id: str | None) -> ControlCall[None]:
    """Return the call of ``DELETE /faults``, or of one of them."""
    return ControlCall("DELETE", "/faults" if rule_id is None else f"/faults/{quote(rule_id, safe='')}", _nothing)


def outage(seconds: float | None, *, down: bool) -> ControlCall[None]:
    """Return the call of ``POST /outage`` or ``DELETE /outage``."""
    if not down:
        return ControlCall("DELETE", "/outage", _nothing)
    return ControlCall("POST", "/outage", _nothing, body=_fields(seconds=seconds))


def devices() -> ControlCall[list[schemas.DeviceState]]:
    """Return the call of ``GET /state`` for its devices."""
    return ControlCall("GET", "/state", lambda body: _one(schemas.EmulatorState)(body).devices)


def switch(device_id: str, switches: Mapping[str, Any]) -> ControlCall[schemas.DeviceState]:
    """Return the call of ``PATCH /devices/{id}``."""
    path = f"/devices/{quote(device_id, safe='')}"
    return ControlCall("PATCH", path, _one(schemas.DeviceState), body=_fields(**switches))


def add_device(name: str | None) -> ControlCall[schemas.DeviceState]:
    """Return the call of ``POST /devices``."""
    return ControlCall("POST", "/devices", _one(schemas.DeviceState), body=_fields(name=name))


def remove_device(device_id: str) -> ControlCall[None]:
    """Return the call of ``DELETE /devices/{id}``."""
    return ControlCall("DELETE", f"/devices/{quote(device_id, safe='')}", _nothing)


def timings(seconds: Mapping[str, float | None]) -> ControlCall[schemas.Timings]:
    """Return the call of ``PATCH /timings``."""
    return ControlCall("PATCH", "/timings", _one(schemas.Timings), body=_fields(**seconds))


def deliveries(state: str | None, event: str | None, message_id: str | None) -> ControlCall[list[schemas.DeliveryView]]:
    """Return the call of ``GET /deliveries``."""
    query = _query(state=state, event=event, messageId=message_id, limit=1000)
    return ControlCall("GET", "/deliveries", _items(schemas.DeliveryView), query)


def redeliver(delivery_id: str) -> ControlCall[schemas.DeliveryView]:
    """Return the call of ``POST /deliveries/{id}/redeliver``."""
    path = f"/deliveries/{quote(delivery_id, safe='')}/redeliver"
    return ControlCall("POST", path, _one(schemas.DeliveryView))


def delivery(delivery_id: str) -> ControlCall[schemas.DeliveryView]:
    """Return the call of ``GET /deliveries/{id}``."""
    return ControlCall("GET", f"/deliveries/{quote(delivery_id, safe='')}", _one(schemas.DeliveryView))


def webhooks() -> ControlCall[list[schemas.WebhookView]]:
    """Return the call of ``GET /webhooks``."""
    return ControlCall("GET", "/webhooks", _items(schemas.WebhookView))


def requests(search: str | None, method: str | None, status: int | None) -> ControlCall[list[schemas.RequestView]]:
    """Return the call of ``GET /requests``."""
    query = _query(search=search, method=method, status=status, limit=1000)
    return ControlCall("GET", "/requests", _items(schemas.RequestView), query)


def request(request_id: int) -> ControlCall[schemas.RequestView]:
    """Return the call of ``GET /requests/{id}``."""
    return ControlCall("GET", f"/requests/{quote(str(request_id), safe='')}", _one(schemas.RequestView))


def clear_requests() -> ControlCall[None]:
    """Return the call of ``DELETE /requests``."""
    return ControlCall("DELETE", "/requests", _nothing)


def report(message_id: str, state: str, error: str | None, device_id: str | None) -> ControlCall[schemas.OutgoingView]:
    """Return the call of ``POST /messages/{id}/report``."""
    path = f"/messages/{quote(message_id, safe='')}/report"
    body = _fields(state=state, error=error, deviceId=device_id)
    return ControlCall("POST", path, _one(schemas.OutgoingView), body=body)
