# Written by scripts/unasync.py from src/smsgate/_async/devices.py; change that file instead.
"""Device cache: the account's phones, for the choice of a device."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from smsgate._core.attempts import copy_error, device_list_error
from smsgate._core.device_choice import choose_device
from smsgate._core.hooks import logger
from smsgate._sync import io
from smsgate.errors import ForbiddenError, NotFoundError, SMSGateError
from smsgate_api import operations

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from smsgate._sync.exchange import Exchange
    from smsgate.runtime.types import Page
    from smsgate_api.models import Device

_TTL = 300.0
"""TTL of the device list, seconds."""


class DeviceCache:
    """Cache of the list of phones, with a TTL of five minutes; concurrent callers share one request.

    Args:
        exchange: makes the requests.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._is_phone = False
        self._devices: Sequence[Device] = ()
        self._listed_at = float("-inf")
        self._failed_at = float("-inf")
        self._failure: SMSGateError | None = None
        self._warned_of: set[type[SMSGateError]] = set()
        self._lock = io.Lock()

    def list(self, exchange: Exchange, begun: float | None = None) -> Page[Device]:
        """List the phones of the account past the cache; a phone's local server, which has another path, lists itself.

        Args:
            exchange: makes the request.
            begun: as in `Exchange.run`.
        """
        if not self._is_phone:
            with suppress(NotFoundError):
                return exchange.run(operations.list_devices(), begun)
        devices = exchange.run(operations.list_local_devices(), begun)
        self._is_phone = True
        return devices

    def choose(self, message_id: str, active_within: int, excluded: Container[str] = ()) -> str | None:
        """Return the device id for a message; None without a phone, and when the gateway does not allow to list them.

        Args:
            message_id: determines the choice among several phones.
            active_within: hours; 0 prefers phones of the last 24 hours.
            excluded: ids of phones that cannot be chosen.

        Raises:
            SMSGateError: the phones cannot be listed; the text says that nothing was sent.
        """
        devices = self._get_devices()
        return choose_device(devices, active_within, datetime.now(timezone.utc), message_id, excluded)

    def expire(self) -> None:
        """Expire the cache."""
        self._listed_at = float("-inf")

    def _get_devices(self) -> Sequence[Device]:
        if io.now() - self._listed_at < _TTL:
            return self._devices
        begun = io.now()
        with self._lock.hold():
            if io.now() - self._listed_at >= _TTL:
                if self._failure is not None and self._failed_at >= begun:  # failed while this caller was waiting
                    raise copy_error(self._failure)
                self._devices = self._request_devices()
                self._listed_at, self._failure = io.now(), None
        return self._devices

    def _request_devices(self) -> Sequence[Device]:
        try:
            return self.list(self._exchange)
        except (ForbiddenError, NotFoundError) as error:
            if type(error) not in self._warned_of:
                self._warned_of.add(type(error))
                logger.warning("messages are sent without a chosen device: listing devices failed (%s)", error)
            return ()
        except SMSGateError as error:
            failure = device_list_error(error)
            self._failed_at, self._failure = io.now(), copy_error(failure)
            raise failure from error
