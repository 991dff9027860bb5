"""Filters and paging of list calls, as query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar, cast

from smsgate._core.limits import whole
from smsgate.errors import InvalidRequestError
from smsgate.runtime.building import nearest_hint, plain_text
from smsgate.runtime.times import read_time, wire_time
from smsgate_api.models import IncomingMessageType, ProcessState

if TYPE_CHECKING:
    from enum import Enum

    from typing_extensions import Self

Q = TypeVar("Q", bound="_Query")

_MOST_OFFSET = 2**63 - 1
_WIRE = {"from_": "from", "message_type": "type", "device_id": "deviceId", "include_attachments": "includeAttachments"}


class _Query:
    """Common base of filters and paging: conversion to query parameters."""

    __slots__ = ()

    def asdict(self) -> dict[str, Any]:
        """Return the query parameters by their wire names, without absent ones."""
        values = {_WIRE.get(name, name): getattr(self, name) for name in self._names()}
        return {k: wire_time(v) if isinstance(v, datetime) else v for k, v in values.items() if v is not None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build from wire names; unknown ones are ignored.

        Raises:
            InvalidRequestError: for anything but a mapping.
        """
        if not isinstance(data, Mapping):
            raise InvalidRequestError(f"{cls.__name__}.from_dict takes a mapping")
        return cls(**{name: data.get(_WIRE.get(name, name)) for name in cls._names()})

    @classmethod
    def _names(cls) -> list[str]:
        return [field.name for field in fields(cls)]  # type: ignore[arg-type]  # every subclass is a dataclass


@dataclass(frozen=True, slots=True)
class QueryPagination(_Query):
    """A part of a list.

    Args:
        limit: items at most; 1 to 100 for messages, 1 to 500 for the inbox, the server's 50 when absent.
        offset: items to skip, from 0.
    """

    limit: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class MessagesQueryFilter(_Query):
    """Which messages to list.

    Args:
        from_: created at or after; aware.
        to: created before (a phone's local server includes the moment itself); aware.
        state: in this state now.
        device_id: of this device; 21 characters on cloud and private servers, 32 on a phone.

    Raises:
        InvalidRequestError: for text that is no known state; ``ProcessState("…")`` passes any other on purpose.
    """

    from_: datetime | None = None
    to: datetime | None = None
    state: ProcessState | str | None = None
    device_id: str | None = None

    def __post_init__(self) -> None:
        check_known("state", ProcessState, self.state)


@dataclass(frozen=True, slots=True)
class InboxQueryFilter(_Query):
    """Which received messages to list (a phone's local server only).

    Args:
        message_type: of this kind only.
        from_: received at or after; aware.
        to: received at or before; aware.
        device_id: must be the phone's own id.
        include_attachments: whether MMS attachments are listed with each message.

    Raises:
        InvalidRequestError: for text that is no known kind; ``IncomingMessageType("…")`` passes any other on purpose.
    """

    message_type: IncomingMessageType | str | None = None
    from_: datetime | None = None
    to: datetime | None = None
    device_id: str | None = None
    include_attachments: bool | None = None

    def __post_init__(self) -> None:
        check_known("message_type", IncomingMessageType, self.message_type)


def check_known(name: str, kind: type[Enum], value: object) -> None:
    """Reject text that is no known value of an open enum. Members pass, also those of unknown values.

    Raises:
        InvalidRequestError: naming the nearest known value.
    """
    if isinstance(value, str) and not isinstance(value, kind):
        hint = nearest_hint(kind, plain_text(value))
        if hint:
            raise InvalidRequestError(f"{name} {hint}")


def parse_query_time(value: datetime | str | None) -> datetime | None:
    """Return a query time, which may be RFC 3339 text. Operations check its zone and range.

    Raises:
        InvalidRequestError: for other text.
    """
    if not isinstance(value, str):
        return value
    try:
        return read_time(value)
    except ValueError:
        raise InvalidRequestError("a query time must be RFC 3339, such as 2026-01-31T12:00:00Z") from None


def omit_if_false(flag: bool) -> bool | None:  # noqa: FBT001 - the value itself
    """Return a flag, None for False, the server's default; other values go on to validation."""
    return None if flag is False else flag


def merge_query(kind: type[Q], given: Q | None, **keywords: Any) -> Q:
    """Return a filter or paging with the keywords that are not None instead of its own values.

    Raises:
        InvalidRequestError: for a value of another type.
    """
    if given is not None and not isinstance(given, kind):
        raise InvalidRequestError(f"this argument takes a {kind.__name__}")
    chosen: Any = given or kind()
    return cast("Q", replace(chosen, **{name: value for name, value in keywords.items() if value is not None}))


def choose_page(
    pagination: QueryPagination | None, limit: int | None, offset: int | None, *, highest: int
) -> QueryPagination:
    """Return the part of a list to request; limit and offset have precedence over those of ``pagination``.

    Raises:
        InvalidRequestError: when the limit is not 1 to ``highest`` or the offset is negative.
    """
    part = merge_query(QueryPagination, pagination, limit=limit, offset=offset)
    if part.limit is not None:
        whole("limit", part.limit, 1, highest, error=InvalidRequestError)
    if part.offset is not None:
        whole("offset", part.offset, 0, _MOST_OFFSET, error=InvalidRequestError)
    return part
