"""Device operations of the cloud server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smsgate.emulator._http.responses import empty_response, json_response

if TYPE_CHECKING:
    from smsgate._http import Response
    from smsgate.emulator._http.routing import ParsedRequest
    from smsgate.emulator._state.state import GatewayState


def list_devices(state: GatewayState, _request: ParsedRequest) -> Response:
    """Handle ``GET /devices``."""
    state.need_database("failed to select devices")
    return json_response(200, [device.view() for device in state.devices])


def delete_device(state: GatewayState, request: ParsedRequest) -> Response:
    """Handle ``DELETE /devices/{id}``: always 204; messages and webhooks of the device go with it."""
    state.need_database("failed to remove device")
    device = state.device(request.params[0])
    if device:
        state.remove_device(device)
    return empty_response(204)
