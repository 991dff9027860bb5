"""Endpoints for devices, clock, outages, faults and everything else that is switched."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from smsgate.constants import VERSION
from smsgate.emulator._control import inputs, schemas, views
from smsgate.emulator._control.endpoints import Call, ControlError, Endpoint
from smsgate.emulator._control.fault_rules import NAMES
from smsgate.emulator._state.messages import STATES

if TYPE_CHECKING:
    from smsgate.emulator._control.controls import Controls
    from smsgate.emulator._state.state import GatewayState

_CONFLICT = (HTTPStatus.CONFLICT,)
_NOT_FOUND = (HTTPStatus.NOT_FOUND,)


def get_state(controls: Controls, call: Call) -> schemas.EmulatorState:
    """Handle ``GET /state``."""
    return state_view(controls, call.request.headers.get("host", "127.0.0.1"))


def state_view(controls: Controls, host: str) -> schemas.EmulatorState:
    """Return the whole state; ``host`` is the name and port under which the emulator was reached."""
    gateway = controls.gateway
    with gateway.internals.lock:
        state = controls.settle()
        return schemas.EmulatorState(
            version=VERSION,
            mode=gateway.mode,
            instance=controls.instance,
            started_at=state.started_at,
            url=f"http://{host}" + ("" if state.local else "/3rdparty/v1"),
            login=state.login,
            password=state.password,
            seed=str(state.seed),
            data_file=controls.data_file,
            data_problem=controls.data_problem(),
            clock=_clock(state),
            devices=[views.device(device) for device in state.devices],
            timings=_timings(state),
            outage=_outage(state),
            faults=controls.rule_views(),
            counts=_counts(controls),
        )


def _counts(controls: Controls) -> schemas.Counts:
    state, queue = controls.state, controls.gateway.internals.queue
    states = Counter(message.state for message in state.store)
    deliveries = Counter(item.state for item in (*queue.waiting, *queue.finished))
    return schemas.Counts(
        outgoing=states.total(),
        incoming=len(state.incoming),
        conversations=len(controls.conversations),
        by_state={name: states[name] for name in STATES},
        deliveries={name: deliveries[name] for name in ("waiting", "delivered", "dropped")},
        webhooks=len(state.webhooks),
        requests=len(controls.requests),
    )


def _clock(state: GatewayState) -> schemas.Clock:
    return schemas.Clock(now=state.now(), offset=state.clock.offset.total_seconds())


def _outage(state: GatewayState) -> schemas.Outage:
    return schemas.Outage(active=state.down, until=state.down_until)


def _timings(state: GatewayState) -> schemas.Timings:
    timings = state.timings
    return schemas.Timings(
        processed=timings.processed, sent=timings.sent, delivered=timings.delivered, pace=timings.pace
    )


def reset(controls: Controls, call: Call) -> schemas.EmulatorState:
    """Handle ``POST /reset``."""
    body: inputs.ResetInput = call.body
    controls.requests.clear()
    controls.gateway.reset(keep=body.keep)
    return get_state(controls, call)


def advance(controls: Controls, call: Call) -> schemas.Clock:
    """Handle ``POST /clock/advance``."""
    body: inputs.AdvanceInput = call.body
    try:
        controls.gateway.advance(body.seconds)
    except ValueError as error:
        raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
    with controls.gateway.internals.lock:
        return _clock(controls.state)


def begin_outage(controls: Controls, call: Call) -> schemas.Outage:
    """Handle ``POST /outage``."""
    body: inputs.OutageInput = call.body
    return _switch_outage(controls, down=True, seconds=body.seconds)


def end_outage(controls: Controls, _call: Call) -> schemas.Outage:
    """Handle ``DELETE /outage``."""
    return _switch_outage(controls, down=False)


def _switch_outage(controls: Controls, *, down: bool, seconds: float | None = None) -> schemas.Outage:
    try:
        controls.gateway.outage(down, seconds=seconds)
    except ValueError as error:
        raise ControlError(HTTPStatus.CONFLICT, str(error)) from None
    with controls.gateway.internals.lock:
        return _outage(controls.state)


def add_device(controls: Controls, call: Call) -> schemas.DeviceState:
    """Handle ``POST /devices``."""
    body: inputs.NewDeviceInput = call.body
    name = body.name or f"Phone {len(controls.gateway.devices) + 1}"
    try:
        device = controls.gateway.add_device(name)
    except ValueError as error:
        raise ControlError(HTTPStatus.CONFLICT, str(error)) from None
    return views.device(device)


def change_device(controls: Controls, call: Call) -> schemas.DeviceState:
    """Handle ``PATCH /devices/{id}``: set what the body has."""
    body: inputs.DeviceInput = call.body
    named = body.model_fields_set
    switches: dict[str, Any] = body.model_dump(include=named - {"online", "name", "sim_cards"})
    if "online" in named:
        switches["connected"] = body.online
    with controls.gateway.internals.lock:
        device = controls.state.device(call.params["id"])
        if device is None:
            raise ControlError(HTTPStatus.NOT_FOUND, "there is no device with this id")
        try:
            controls.gateway.switch(device.id, **switches)
        except ValueError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
        if "name" in named:
            device.name = body.name
        if "sim_cards" in named:
            device.sim_cards = [card.model_dump(by_alias=True, exclude_none=True) for card in body.sim_cards]
        return views.device(device)


def remove_device(controls: Controls, call: Call) -> None:
    """Handle ``DELETE /devices/{id}``."""
    with controls.gateway.internals.lock:
        if controls.state.device(call.params["id"]) is None:
            raise ControlError(HTTPStatus.NOT_FOUND, "there is no device with this id")
        try:
            controls.gateway.remove_device(call.params["id"])
        except ValueError as error:
            raise ControlError(HTTPStatus.CONFLICT, str(error)) from None


def change_timings(controls: Controls, call: Call) -> schemas.Timings:
    """Handle ``PATCH /timings``: set what the body has."""
    body: inputs.TimingsInput = call.body
    with controls.gateway.internals.lock:
        state = controls.settle()
        for name in body.model_fields_set:
            setattr(state.timings, name, getattr(body, name))
        state.changes.announce("state")
        return _timings(state)


def list_faults(controls: Controls, _call: Call) -> schemas.FaultList:
    """Handle ``GET /faults``."""
    return schemas.FaultList(kinds=NAMES, rules=controls.rule_views())


def inject_faults(controls: Controls, call: Call) -> schemas.FaultRule:
    """Handle ``POST /faults``."""
    with controls.gateway.internals.lock:
        try:
            rule = controls.rules().add(call.body)
        except ValueError as error:
            raise ControlError(HTTPStatus.BAD_REQUEST, str(error)) from None
        controls.state.changes.announce("state")
    return rule


def clear_faults(controls: Controls, _call: Call) -> None:
    """Handle ``DELETE /faults``."""
    with controls.gateway.internals.lock:
        controls.gateway.faults = None
        controls.state.changes.announce("state")


def remove_fault(controls: Controls, call: Call) -> None:
    """Handle ``DELETE /faults/{id}``."""
    with controls.gateway.internals.lock:
        if not controls.rules().remove(call.params["id"]):
            raise ControlError(HTTPStatus.NOT_FOUND, "there is no injected fault with this id")
        controls.state.changes.announce("state")


ENDPOINTS = [
    Endpoint("GET", "/state", get_state, "Devices, switches, clock, counts and credentials", schemas.EmulatorState),
    Endpoint(
        "POST",
        "/reset",
        reset,
        "Return to the state at the start",
        schemas.EmulatorState,
        body=inputs.ResetInput,
        is_body_optional=True,
    ),
    Endpoint("POST", "/clock/advance", advance, "Move the time forward", schemas.Clock, body=inputs.AdvanceInput),
    Endpoint(
        "POST",
        "/outage",
        begin_outage,
        "Take the server's database down",
        schemas.Outage,
        body=inputs.OutageInput,
        is_body_optional=True,
        errors=_CONFLICT,
    ),
    Endpoint("DELETE", "/outage", end_outage, "Bring the database back", schemas.Outage, errors=_CONFLICT),
    Endpoint(
        "POST",
        "/devices",
        add_device,
        "Add a device",
        schemas.DeviceState,
        HTTPStatus.CREATED,
        body=inputs.NewDeviceInput,
        is_body_optional=True,
        errors=_CONFLICT,
    ),
    Endpoint(
        "PATCH",
        "/devices/{id}",
        change_device,
        "Switch a device",
        schemas.DeviceState,
        body=inputs.DeviceInput,
        errors=_NOT_FOUND,
    ),
    Endpoint(
        "DELETE",
        "/devices/{id}",
        remove_device,
        "Remove a device with its messages and webhooks",
        status=HTTPStatus.NO_CONTENT,
        errors=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Endpoint(
        "PATCH", "/timings", change_timings, "Set timings of the phones", schemas.Timings, body=inputs.TimingsInput
    ),
    Endpoint("GET", "/faults", list_faults, "Names of faults, and the injected ones", schemas.FaultList),
    Endpoint(
        "POST",
        "/faults",
        inject_faults,
        "Inject faults",
        schemas.FaultRule,
        HTTPStatus.CREATED,
        body=inputs.FaultsInput,
    ),
    Endpoint("DELETE", "/faults", clear_faults, "Clear all faults", status=HTTPStatus.NO_CONTENT),
    Endpoint(
        "DELETE",
        "/faults/{id}",
        remove_fault,
        "Clear the faults of one injection",
        status=HTTPStatus.NO_CONTENT,
        errors=_NOT_FOUND,
    ),
]
