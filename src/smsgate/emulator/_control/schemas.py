"""Responses of the control API."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from smsgate.runtime.times import Timestamp  # noqa: TC001 - pydantic reads the annotations

T = TypeVar("T")


class Schema(BaseModel):
    """Base of all responses: camelCase, and unknown fields are ignored."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True, hide_input_in_errors=True
    )


class Page(Schema, Generic[T]):
    """Part of a list, and the length of the whole list."""

    items: list[T]
    total: int


class Clock(Schema):
    """Time of the gateway, and how many seconds it is ahead of the real one."""

    now: Timestamp
    offset: float


class Timings(Schema):
    """Seconds from a message's acceptance to its states, and the pause after each message."""

    processed: float
    sent: float
    delivered: float
    pace: float


class Outage(Schema):
    """Outage of the server's database."""

    active: bool
    until: Timestamp | None = None


class FaultRule(Schema):
    """Faults that were injected together: names of faults in their order, and how often they struck."""

    id: str
    faults: list[str | None]
    rate: float
    times: int | None = None
    left: int | None = None
    only: list[str]
    hits: int
    startup: bool = False


class FaultName(Schema):
    """One of the faults that have a name."""

    name: str
    kind: str
    status: int | None = None
    handled: bool = False


class FaultList(Schema):
    """All names of faults, and the rules at work."""

    kinds: list[FaultName]
    rules: list[FaultRule]


class DeviceState(Schema):
    """Device with its switches."""

    id: str
    name: str
    on: bool
    online: bool
    last_seen: Timestamp
    sim_cards: list[dict[str, Any]]
    failure_rate: float
    failure_reason: str
    latency: float
    delivery_reports: bool
    failing_numbers: dict[str, str]
    passphrase: str | None = Field(repr=False)
    processing_order: str
    confirms_waiting: bool
    signing_key: str = Field(repr=False)


class Counts(Schema):
    """Numbers of what the gateway holds."""

    outgoing: int
    incoming: int
    conversations: int
    by_state: dict[str, int]
    deliveries: dict[str, int]
    webhooks: int
    requests: int


class EmulatorState(Schema):
    """Everything about the emulator except its messages, deliveries and requests.

    ``data_problem`` says why the data file could not be written the last time.
    """

    version: str
    mode: Literal["cloud", "local"]
    instance: str
    started_at: Timestamp
    url: str
    login: str
    password: str = Field(repr=False)
    seed: str = Field(repr=False)
    data_file: str | None = None
    data_problem: str | None = None
    clock: Clock
    devices: list[DeviceState]
    timings: Timings
    outage: Outage
    faults: list[FaultRule]
    counts: Counts


class RecipientState(Schema):
    """State of a message for one recipient."""

    phone_number: str = Field(repr=False)
    state: str
    error: str | None = None


class StateChange(Schema):
    """When a message reached a state."""

    at: Timestamp
    state: str


class AttemptView(Schema):
    """One attempt of a delivery; headers and body are left out in lists."""

    at: Timestamp
    status: int | None = None
    error: str | None = None
    duration: float = 0.0
    request_headers: list[tuple[str, str]] | None = Field(default=None, repr=False)
    response_headers: list[tuple[str, str]] | None = Field(default=None, repr=False)
    response_body: str | None = Field(default=None, repr=False)


class DeliveryView(Schema):
    """Delivery of an event to a webhook; the JSON that is sent is left out in lists."""

    id: str
    webhook_id: str
    event: str
    device_id: str
    url: str
    state: str
    created_at: Timestamp
    next_attempt: Timestamp | None = None
    attempts: list[AttemptView]
    attempt_count: int
    body: Any = Field(default=None, repr=False)


class OutgoingView(Schema):
    """Message that was sent through the gateway."""

    kind: Literal["outgoing"] = "outgoing"
    id: str
    device_id: str
    text: str | None = Field(repr=False)
    data: str | None = Field(repr=False)
    port: int | None
    recipients: list[str] = Field(repr=False)
    recipient_states: list[RecipientState]
    state: str
    states: dict[str, Timestamp]
    is_encrypted: bool
    is_hashed: bool
    created_at: Timestamp
    schedule_at: Timestamp | None
    valid_until: Timestamp | None
    sim_number: int | None
    priority: int
    with_delivery_report: bool
    parts: int
    serial: int
    history: list[StateChange] | None = None
    deliveries: list[DeliveryView] | None = None


class AttachmentView(Schema):
    """Part of a received MMS; ``url`` is the path of its content."""

    part_id: int
    name: str
    content_type: str
    size: int
    url: str


class IncomingView(Schema):
    """Message that a phone received."""

    kind: Literal["incoming"] = "incoming"
    id: str
    device_id: str | None
    type: str
    sender: str = Field(repr=False)
    recipient: str | None = Field(repr=False)
    text: str = Field(repr=False)
    data: str | None = Field(repr=False)
    received_at: Timestamp
    sim_number: int | None
    missed: bool
    subject: str | None = Field(default=None, repr=False)
    preview: str = Field(default="", repr=False)
    attachments: list[AttachmentView]
    deliveries: list[DeliveryView] | None = None


AnyMessage = Annotated[OutgoingView | IncomingView, Field(discriminator="kind")]


class ConversationView(Schema):
    """Messages from and to one number."""

    number: str = Field(repr=False)
    last: AnyMessage
    last_at: Timestamp
    outgoing: int
    incoming: int
    total: int


class SentView(Schema):
    """Message of the outbox, with the attributes of `SentMessage`."""

    id: str
    text: str | None = Field(repr=False)
    recipients: list[str] = Field(repr=False)
    state: str
    device_id: str
    data: str | None = Field(default=None, repr=False)
    port: int | None = None
    is_encrypted: bool = False


class WebhookView(Schema):
    """Registered webhook."""

    id: str
    url: str
    event: str
    device_id: str | None = None


class RequestView(Schema):
    """Request to the API and its response; headers and bodies are left out in lists.

    Credentials are shown by their scheme only, secrets in bodies as ``…``, and long bodies are cut.
    """

    id: int
    at: Timestamp
    method: str
    path: str
    query: str
    status: int | None
    fault: str | None
    duration: float
    request_headers: list[tuple[str, str]] | None = Field(default=None, repr=False)
    request_body: str | None = Field(default=None, repr=False)
    response_headers: list[tuple[str, str]] | None = Field(default=None, repr=False)
    response_body: str | None = Field(default=None, repr=False)
    truncated: bool = False


class Problem(Schema):
    """Why a request was rejected."""

    message: str
