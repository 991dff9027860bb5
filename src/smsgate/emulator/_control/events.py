"""Server-sent events of the control API."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeAlias

import anyio
from starlette.responses import Response, StreamingResponse

from smsgate.emulator._control import inputs, views
from smsgate.emulator._control.endpoints import SAFE_HEADERS, Call, Endpoint
from smsgate.emulator._control.state_endpoints import state_view

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from smsgate.emulator._control.controls import Controls
    from smsgate.emulator._control.feed import Recent
    from smsgate.emulator._control.schemas import Schema
    from smsgate.emulator._state.changes import ChangeKind

_INTERVAL = 0.05
_STATE_INTERVAL = 1.0
_HEARTBEAT = 15.0
_Event: TypeAlias = tuple[str, str]
_RELOAD: _Event = ("reset", "{}")
"""Tells that what a listener knows may no longer be true."""


def stream_events(controls: Controls, call: Call) -> Response:
    """Handle ``GET /events``: what changes, until the client or the server ends it."""
    query: inputs.EventsQuery = call.query
    last_id = call.request.headers.get("last-event-id") or query.last_event_id
    stream = _Stream(controls, call.request.headers.get("host", "127.0.0.1"), last_id)
    headers = {**SAFE_HEADERS, "x-accel-buffering": "no"}
    return StreamingResponse(stream.run(), headers=headers, media_type="text/event-stream")


class _Stream:
    """Events for one client. It remembers a number only, so a slow client costs no memory.

    Args:
        controls: what is watched.
        host: name and port under which the client reached the emulator.
        last_id: id of the last event that the client has got.
    """

    def __init__(self, controls: Controls, host: str, last_id: str | None) -> None:
        self._controls = controls
        self._host = host
        self._is_new = last_id is None
        self._number = controls.feed.last if last_id is None else _number(controls, last_id)
        self._shown = ""
        self._state_due = 0.0

    async def run(self) -> AsyncGenerator[str, None]:
        """Yield events as text."""
        yield "retry: 1000\n\n"
        if self._is_new:
            yield self._write(self._state_event(needed=True))
        heartbeat = time.monotonic() + _HEARTBEAT
        while not self._controls.stopping:
            events = self._next()
            if events or time.monotonic() >= heartbeat:
                yield self._write(events) if events else ": alive\n\n"
                heartbeat = time.monotonic() + _HEARTBEAT
            await anyio.sleep(_INTERVAL)

    def _next(self) -> list[_Event]:
        self._controls.gateway.advance()
        recent = self._controls.feed.since(self._number)
        self._number = recent.last
        with self._controls.gateway.internals.lock:
            events = self._events(recent)
        switched = any(kind in {"state", "reset"} for kind, _ in recent.changes) or not recent.complete
        return [*events, *self._state_event(needed=switched)]

    def _events(self, recent: Recent) -> list[_Event]:
        if not recent.complete or ("reset", "") in recent.changes:
            return [_RELOAD]
        events: list[_Event] = []
        for kind, key in recent.changes:
            view = _view(self._controls, kind, key)
            if view is not None:
                events.append((kind, view.model_dump_json()))
            elif kind == "message":  # it was deleted, with its device or by its age
                return [_RELOAD]
        return events

    def _state_event(self, *, needed: bool) -> list[_Event]:
        if not needed and time.monotonic() < self._state_due:
            return []
        self._state_due = time.monotonic() + _STATE_INTERVAL
        view = state_view(self._controls, self._host)
        shown = view.model_dump_json(exclude={"clock": {"now"}, "devices": {"__all__": {"last_seen"}}})
        if shown == self._shown:
            return []
        self._shown = shown
        return [("state", view.model_dump_json())]

    def _write(self, events: list[_Event]) -> str:
        """Write events; only the last has the id, so that a client that lost some of them gets all of them again."""
        lines = [f"event: {kind}\ndata: {data}\n" for kind, data in events]
        lines[-1] = f"id: {self._controls.instance}-{self._number}\n{lines[-1]}"
        return "".join(f"{text}\n" for text in lines)


def _number(controls: Controls, last_id: str) -> int:
    instance, _, number = last_id.rpartition("-")
    known = instance == controls.instance and number.isascii() and number.isdigit()
    return int(number[:18]) if known else -1


def _view(controls: Controls, kind: ChangeKind, key: int | str) -> Schema | None:
    """Return the view of a thing that changed, None when it is gone or shown elsewhere."""
    state = controls.state
    if kind == "message":
        message = state.store.by_serial(int(key))
        return None if message is None else views.outgoing(message)
    if kind == "incoming":
        item = state.incoming.get(str(key))
        return None if item is None else views.incoming(item, views.missed_ids(state))
    if kind == "delivery":
        found = controls.gateway.internals.queue.find(str(key))
        return None if found is None else views.delivery(found)
    if kind == "request":
        entry = controls.requests.find(int(key))
        return None if entry is None else views.request(entry)
    return None


ENDPOINTS = [
    Endpoint(
        "GET",
        "/events",
        stream_events,
        "Stream of what changes, as server-sent events",
        query=inputs.EventsQuery,
        media_type="text/event-stream",
    )
]
