"""State that the control API works on: a gateway's state with its indexes and logs."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smsgate.emulator._control.conversations import Conversations
from smsgate.emulator._control.fault_rules import FaultRules, startup_view
from smsgate.emulator._control.feed import ChangeFeed
from smsgate.emulator._control.request_log import RequestLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from smsgate._http import Request, Response
    from smsgate.emulator._control.schemas import FaultRule
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator.gateway import Gateway


@dataclass(slots=True)
class Controls:
    """A served gateway.

    Attributes:
        gateway: the gateway.
        data_file: path of the file that keeps its state.
        data_problem: returns why the file could not be written, None if it could.
        instance: differs from every other start of the emulator.
        feed: its changes.
        conversations: its messages by number.
        requests: log of the requests to it.
        stopping: set when the server stops, so that event streams end.
    """

    gateway: Gateway
    data_file: str | None = None
    data_problem: Callable[[], str | None] = lambda: None
    instance: str = field(default_factory=lambda: secrets.token_hex(4))
    feed: ChangeFeed = field(default_factory=ChangeFeed)
    requests: RequestLog = field(default_factory=RequestLog)
    conversations: Conversations = field(init=False)
    stopping: bool = False

    def __post_init__(self) -> None:
        self.conversations = Conversations(self.state)
        self.state.changes.listen(self.feed.add)

    @property
    def state(self) -> GatewayState:
        """The gateway's state; use it under the gateway's lock."""
        return self.gateway.internals.state

    def settle(self) -> GatewayState:
        """Execute what is due, and return the state; call it under the lock."""
        self.state.settle()
        return self.state

    def log(self, request: Request, response: Response | None, fault: str | None, duration: float) -> None:
        """Take note of an exchange with the API."""
        entry = self.requests.add(request, response, fault, duration)
        self.feed.add("request", entry.id)

    def rules(self) -> FaultRules:
        """Return the injected faults, which are a gateway's only source of faults once there are some."""
        if not isinstance(self.gateway.faults, FaultRules):
            self.gateway.faults = FaultRules(self.gateway.faults)
        return self.gateway.faults

    def rule_views(self) -> list[FaultRule]:
        """Return the rules as they appear in responses."""
        source = self.gateway.faults
        return source.view() if isinstance(source, FaultRules) else startup_view(source)
