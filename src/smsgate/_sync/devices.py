# Written by scripts/unasync.py from src/smsgate/_async/devices.py; change that file instead.
"""Device cache: the account's phones, for the choice of a device."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from smsgate._core.attempts import copy_error, device_list_error
from smsgate._core.device_choice import choose_device
from smsgate._core.hooks import logger
from smsgate._sync import io
from smsgate.errors import ForbiddenError, NotFoundError, SMSGateError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from smsgate_api.models import Device

_TTL = 300.0
"""TTL of the device list, seconds."""


class DeviceCache:
    """Cache of the list of phones, with a TTL of five minutes; concurrent callers share one request.

    Args:
        list_devices: lists the account's phones.
    """

    def __init__(self, list_devices: Callable[[], Sequence[Device]]) -> None:
        self._list_devices = list_devices
        self._devices: Sequence[Device] = ()
        self._listed_at = float("-inf")
        self._failed_at = float("-inf")
        self._failure: SMSGateError | None = None
        self._warned_of: set[type[SMSGateError]] = set()
        self._lock = io.Lock()

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
            return self._list_devices()
        except (ForbiddenError, NotFoundError) as error:
            if type(error) not in self._warned_of:
                self._warned_of.add(type(error))
                logger.warning("messages are sent without a chosen device: listing devices failed (%s)", error)
            return ()
        except SMSGateError as error:
            failure = device_list_error(error)
            self._failed_at, self._failure = io.now(), copy_error(failure)
            raise failure from error
