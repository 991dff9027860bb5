"""Table of all endpoints of the control API."""

from __future__ import annotations

from smsgate.emulator._control import events, message_endpoints, state_endpoints, traffic_endpoints

ENDPOINTS = [
    *message_endpoints.ENDPOINTS,
    *state_endpoints.ENDPOINTS,
    *traffic_endpoints.ENDPOINTS,
    *events.ENDPOINTS,
]
