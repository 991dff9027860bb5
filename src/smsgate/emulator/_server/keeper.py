"""State of a gateway as records of a data file, and back."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from contextlib import closing, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from smsgate.emulator._server import records
from smsgate.emulator._server.data_file import DataFileError, Snapshot
from smsgate.emulator._state.messages import WAITING, Message
from smsgate.phone import PhoneTimings

if TYPE_CHECKING:
    from typing_extensions import Self

    from smsgate.emulator._server.data_file import DataFile
    from smsgate.emulator._state.changes import ChangeKind
    from smsgate.emulator._state.state import GatewayState
    from smsgate.emulator.gateway import Gateway
    from smsgate.phone import IncomingMessage


_INTERVAL = 0.2
_DAMAGES = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, RecursionError, sqlite3.Error)
_logger = logging.getLogger(__name__)


class Keeper:
    """Keeps the state of a gateway in a data file; it restores what the file has.

    Args:
        gateway: a new gateway, with the seed and mode of `saved_identity`.
        file: the file; it is closed by its owner.

    Attributes:
        problem: why the file could not be written the last time, None if it could.

    Raises:
        DataFileError: the file is damaged, or cannot be written.
    """

    def __init__(self, gateway: Gateway, file: DataFile) -> None:
        self.gateway = gateway
        self._internals = gateway.internals
        self.file = file
        self.problem: str | None = None
        self._changed: dict[tuple[ChangeKind, int | str], None] = {}
        self._is_cleared = False
        with self._internals.lock:
            self._internals.state.changes.listen(self._note)
            try:
                starts = _restore(gateway, file)
            except _DAMAGES as error:
                raise DataFileError(f"{file.path} is damaged: {type(error).__name__}.") from error
            self._identity = records.write(
                {"seed": str(self._internals.state.seed), "mode": gateway.mode, "starts": starts}
            )
        self.save()

    def _note(self, kind: ChangeKind, key: int | str) -> None:
        if kind == "reset":
            self._is_cleared = True
            self._changed.clear()
        elif kind in {"message", "incoming", "delivery"}:
            self._changed[kind, key] = None

    def save(self) -> None:
        """Write what has changed since the last time, all of it or nothing.

        Raises:
            DataFileError: it could not be written; the next call tries again.
        """
        try:
            self._save()
        except DataFileError as error:
            if self.problem != str(error):
                _logger.error("%s", error)  # noqa: TRY400 - one sentence says it all
            self.problem = str(error)
            raise
        self.problem = None

    def _save(self) -> None:
        with self._internals.lock:
            found: dict[tuple[ChangeKind, int | str], str | None] = {}
            for kind, key in self._changed:
                found[kind, key] = self._record(kind, key)
            documents = {"identity": self._identity, **_documents(self._internals.state)}
            self.file.write(Snapshot(documents, found, self._is_cleared))
            self._changed.clear()
            self._is_cleared = False

    def _record(self, kind: ChangeKind, key: int | str) -> str | None:
        state = self._internals.state
        if kind == "message":
            item: Any = state.store.by_serial(int(key))
        elif kind == "incoming":
            item = state.incoming.get(str(key))
        else:
            item = self._internals.queue.find(str(key))
        return None if item is None else records.write_fields(item)


class Saver:
    """Thread that saves what happens without a request: states of messages and deliveries.

    Args:
        keeper: what it saves.
    """

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="smsgate-saver", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopping.set()
        self._thread.join()
        with closing(self._keeper.file):
            self._keeper.save()

    def _run(self) -> None:
        while not self._stopping.wait(_INTERVAL):
            self._keeper.gateway.advance()
            with suppress(DataFileError):  # the next time, or the next request, which reports it
                self._keeper.save()


def saved_identity(file: DataFile) -> dict[str, Any]:
    """Return seed and mode of the gateway that a file holds; nothing for a new file.

    Raises:
        DataFileError: the file is damaged.
    """
    try:
        text = file.document("identity")
        found: dict[str, Any] = {} if text is None else json.loads(text)
        return {} if not found else {"seed": int(found["seed"]), "mode": found["mode"]}
    except _DAMAGES as error:
        raise DataFileError(f"{file.path} is damaged: {type(error).__name__}.") from error


def _documents(state: GatewayState) -> dict[str, str]:
    return {
        "devices": records.write([asdict(device) for device in state.devices]),
        "webhooks": records.write(state.webhooks),
        "settings": records.write(state.settings),
        "missed": records.write([item.id for item in state.missed]),
        "tokens": state.tokens.dump(),
        "switches": records.write(
            {
                "offset": state.clock.offset.total_seconds(),
                "down": state.down,
                "down_until": state.down_until,
                "timings": asdict(state.timings),
            }
        ),
    }


def _restore(gateway: Gateway, file: DataFile) -> int:
    """Restore what a file has, and return how often a gateway was started with it."""
    identity = file.document("identity")
    if identity is None:
        return 1
    state = gateway.internals.state
    starts = int(json.loads(identity)["starts"]) + 1
    stored = {name: json.loads(file.document(name) or "null") for name in ("devices", "webhooks", "settings", "missed")}
    state.restart(starts)
    _restore_switches(state, json.loads(file.document("switches") or "null"))
    state.tokens.load(file.document("tokens") or "{}")
    gateway.internals.set_devices([records.read_device(fields) for fields in stored["devices"]])
    state.webhooks = stored["webhooks"]
    state.change_settings(stored["settings"])
    missed = set(stored["missed"])
    items: list[tuple[int, Message | IncomingMessage]] = []
    items += [(place, records.read_message(text)) for place, text in file.rows("message")]
    items += [(place, records.read_incoming(text)) for place, text in file.rows("incoming")]
    for _, item in sorted(items, key=lambda entry: entry[0]):
        if isinstance(item, Message):
            _restore_message(state, item)
        else:
            _restore_incoming(state, item, is_missed=item.id in missed)
    for _, text in file.rows("delivery"):
        gateway.internals.queue.resume(records.read_delivery(text))
    return starts


def _restore_switches(state: GatewayState, switches: dict[str, Any]) -> None:
    state.clock.offset = timedelta(seconds=switches["offset"])
    until = switches["down_until"]
    state.down, state.down_until = switches["down"], until and datetime.fromisoformat(until)
    state.timings = PhoneTimings(**switches["timings"])


def _restore_message(state: GatewayState, message: Message) -> None:
    state.store.restore(message)
    state.timeline.append(message)
    phone = state.phones.get(message.device_id)
    if phone is not None:
        phone.resume(message)
    if not message.is_hashed and message.state not in WAITING:
        state.record_report(message, state.now())


def _restore_incoming(state: GatewayState, item: IncomingMessage, *, is_missed: bool) -> None:
    state.incoming[item.id] = item
    state.timeline.append(item)
    if not is_missed:
        state.inbox.append(item)
    phone = state.phones.get(item.device_id or "")
    if phone is not None:
        phone.resume_incoming(item, missed=is_missed)
