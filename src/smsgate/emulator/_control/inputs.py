"""Bodies and queries of the control API."""

from __future__ import annotations

import base64
import binascii
import re
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic.alias_generators import to_camel
from typing_extensions import Self

from smsgate.emulator.faults import FAULTS, FaultKind
from smsgate.phone import GENERIC_FAILURE

MAX_LIMIT = 1000
MAX_WAIT = 300.0
_STATES = Literal["Pending", "Cancelling", "Cancelled", "Processed", "Sent", "Delivered", "Failed"]
_ATTACHMENTS = 100


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("it is no base64") from None


Base64 = Annotated[
    bytes, BeforeValidator(_decoded, json_schema_input_type=Annotated[str, Field(json_schema_extra={"format": "byte"})])
]


def _with_plus(value: Any) -> Any:
    """Restore the plus sign of a number, which a query that is not percent-encoded turns into a blank."""
    return f"+{value[1:]}" if isinstance(value, str) and value[:1] == " " else value


_Numbers = list[Annotated[str, BeforeValidator(_with_plus)]]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]


class Input(BaseModel):
    """Base of all bodies and queries: camelCase, and unknown fields are rejected.

    ``LISTS`` names the parameters of a query that may be repeated.
    """

    LISTS: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=False, extra="forbid", hide_input_in_errors=True
    )


class _Page(Input):
    offset: Annotated[int, Field(ge=-(2**31), le=2**31)] = 0
    limit: Annotated[int, Field(ge=0, le=MAX_LIMIT)] = 50


class PageQuery(_Page):
    """Part of a list; a negative offset counts from the end."""

    search: str = ""


class MessagesQuery(PageQuery):
    """Filters of outgoing messages."""

    LISTS = frozenset({"to"})

    to: _Numbers = []
    text: str | None = None
    state: _STATES | None = None
    device_id: str | None = None


class DeliveriesQuery(_Page):
    """Filters of deliveries; with several searches all have to match."""

    LISTS = frozenset({"search"})

    search: list[str] = []

    state: Literal["waiting", "delivered", "dropped"] | None = None
    event: str | None = None
    message_id: str | None = None


class RequestsQuery(_Page):
    """Filters of the request log; with several searches all have to match."""

    LISTS = frozenset({"search"})

    search: list[str] = []

    method: str | None = None
    status: Annotated[int, Field(ge=100, le=599)] | None = None


def _pattern(value: str | None) -> str | None:
    try:
        re.compile(value or "")
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    return value


class OutboxQuery(Input):
    """Filters of the outbox."""

    LISTS = frozenset({"to"})

    to: _Numbers = []
    text: str | None = None
    pattern: Annotated[str | None, Field(max_length=1000)] = None
    state: _STATES | None = None
    offset: Annotated[int, Field(ge=0, le=2**31)] = 0
    limit: Annotated[int, Field(ge=0, le=2**31)] | None = None

    _check_pattern = field_validator("pattern")(_pattern)


class WaitQuery(Input):
    """Conditions of a message that is waited for, and for how many seconds."""

    LISTS = frozenset({"to"})

    to: _Numbers = []
    text: str | None = None
    pattern: Annotated[str | None, Field(max_length=1000)] = None
    state: _STATES | None = None
    timeout: Annotated[float, Field(ge=0, le=MAX_WAIT, allow_inf_nan=False)] = 5.0

    _check_pattern = field_validator("pattern")(_pattern)


class EventsQuery(Input):
    """Where an event stream goes on, for clients that cannot set the header ``Last-Event-ID``."""

    last_event_id: str | None = None


class AttachmentInput(Input):
    """Part of an incoming MMS."""

    name: str = "attachment"
    content_type: str = "application/octet-stream"
    data: Base64 = b""


class ReceiveInput(Input):
    """Incoming message. ``data`` makes it a data SMS, ``attachments`` an MMS, unless ``type`` says otherwise."""

    sender: Annotated[str, Field(min_length=1, max_length=128)]
    text: str = ""
    data: Base64 | None = None
    type: Literal["SMS", "DATA_SMS", "MMS", "MMS_DOWNLOADED"] | None = None
    attachments: Annotated[list[AttachmentInput], Field(max_length=_ATTACHMENTS)] = []
    recipient: str | None = None
    sim_number: Annotated[int, Field(ge=1, le=255)] | None = None
    device_id: str | None = None
    received_at: AwareDatetime | None = None
    missed: bool = False
    subject: str | None = None

    @model_validator(mode="after")
    def _check_data(self) -> Self:
        if self.data is not None and self.type not in {None, "DATA_SMS"}:
            raise ValueError("data belongs to a DATA_SMS")
        if self.data is not None and self.text:
            raise ValueError("a message has text or data, not both")
        if self.attachments and self.type not in {None, "MMS", "MMS_DOWNLOADED"}:
            raise ValueError("attachments belong to an MMS")
        return self


class ReportInput(Input):
    """State that a phone reports."""

    state: _STATES
    error: Annotated[str, Field(max_length=256)] | None = None
    device_id: str | None = None


class ResetInput(Input):
    """What a reset keeps."""

    keep: list[Literal["webhooks", "settings"]] = []


class AdvanceInput(Input):
    """Seconds by which the clock is moved."""

    seconds: Annotated[float, Field(ge=0, le=36_525 * 86_400, allow_inf_nan=False)]


class OutageInput(Input):
    """Seconds after which the outage ends on its own."""

    seconds: Annotated[float, Field(ge=0, le=365 * 86_400, allow_inf_nan=False)] | None = None


class SimCardInput(Input):
    """SIM card; unknown fields are kept."""

    model_config = ConfigDict(extra="allow")

    slot_index: Annotated[int, Field(ge=0, le=255)]
    sim_number: Annotated[int, Field(ge=1, le=255)]
    phone_number: str | None = None


_Ending = Annotated[str, Field(min_length=1, max_length=128)]


class DeviceInput(Input):
    """Switches of a device; what is absent stays. ``sims`` is a number of SIM cards with made-up numbers."""

    on: bool = True
    online: bool = True
    name: Annotated[str, Field(min_length=1, max_length=128)] = "Phone"
    failure_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    failure_reason: Annotated[str, Field(min_length=1, max_length=256)] = GENERIC_FAILURE
    latency: Seconds = 0.0
    delivery_reports: bool = True
    failing_numbers: Annotated[dict[_Ending, str], Field(max_length=100)] = {}
    passphrase: Annotated[str, Field(max_length=1000)] = ""
    processing_order: Literal["LIFO", "FIFO"] = "LIFO"
    confirms_waiting: bool = False
    sim_cards: Annotated[list[SimCardInput], Field(max_length=16)] = []
    sims: Annotated[int, Field(ge=0, le=8)] = 0

    @model_validator(mode="after")
    def _check_sims(self) -> Self:
        if {"sim_cards", "sims"} <= self.model_fields_set:
            raise ValueError("a device has simCards or a number of sims, not both")
        return self


class NewDeviceInput(Input):
    """Name of a new device."""

    name: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class TimingsInput(Input):
    """Timings of the phones, in seconds; what is absent stays."""

    processed: Seconds = 0.0
    sent: Seconds = 0.0
    delivered: Seconds = 0.0
    pace: Seconds = 0.0


class FaultInput(Input):
    """Fault with options of its own."""

    kind: FaultKind
    handled: bool = False
    status: Annotated[int, Field(ge=400, le=599)] = 503
    retry_after: Annotated[str, Field(pattern=r"^[ -~]{1,100}$")] | None = None
    exchanges: Annotated[int, Field(ge=1, le=1_000_000)] = 4
    seconds: Annotated[float, Field(ge=0, le=3600, allow_inf_nan=False)] = 60.0

    @field_validator("status")
    @classmethod
    def _check_status(cls, status: int) -> int:
        return HTTPStatus(status).value


def _named(value: Any) -> Any:
    name = str(value)
    if isinstance(value, (str, int)) and name not in FAULTS:
        raise ValueError(f"a fault's name is one of {', '.join(FAULTS)}")
    return name if isinstance(value, int) else value


class FaultsInput(Input):
    """Faults to inject: names, statuses or objects in their order, null for none.

    ``times`` counts exchanges, by default one for each fault; null is until the faults are cleared. With a ``rate``
    under 1 exchanges are hit at random, each by one of the faults.
    """

    faults: Annotated[
        list[Annotated[FaultInput | str | int | None, BeforeValidator(_named)]], Field(min_length=1, max_length=1000)
    ]
    times: Annotated[int, Field(ge=1, le=10**9)] | None = None
    rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    only: Annotated[list[str], Field(max_length=100)] = []
    seed: int = 0
