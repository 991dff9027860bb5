"""Steps between a message's turn and the radio: expiry, SIM, decryption, splitting and dialling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smsgate.phone._decryption import FieldError, decrypt, from_base64
from smsgate.phone._handset import SimError, choose_sim
from smsgate.phone._sms import count_parts, dialled

if TYPE_CHECKING:
    from datetime import datetime

    from smsgate.phone._handset import PhoneConfig
    from smsgate.phone._outgoing import OutgoingMessage, StoredMessage
    from smsgate.phone._settings import PhoneSettings

_LONGEST_PAUSE = 10 * 365 * 86_400


class MessageError(Exception):
    """A message that cannot be sent to anybody; the text is the app's."""


@dataclass(frozen=True, slots=True)
class Content:
    """Content to send: a text, or data in Base64; decrypted if the phone could."""

    text: str | None = field(repr=False)
    data: str | None = field(repr=False)


class Sender:
    """The app's way from a stored message to the radio."""

    def __init__(self, config: PhoneConfig) -> None:
        self._config = config

    def prepare(self, stored: StoredMessage, settings: PhoneSettings, time: datetime) -> Content:
        """Check the expiry, choose the SIM, decrypt and split a message whose turn it is.

        Raises:
            MessageError: it cannot be sent.
        """
        message = stored.message
        if message.valid_until and message.valid_until <= time:
            raise MessageError("TTL expired")
        try:
            stored.sim_number = choose_sim(
                self._config.handset, message.sim_number, settings.sim_selection_mode, stored.row, self._config.chance
            )
            content = self._read(message, settings)
        except (SimError, FieldError) as error:
            raise MessageError(f"Can't send message: {error}") from None
        if content.text is not None and content.text != message.text:
            stored.parts = count_parts(content.text)
        return content

    def dial(self, stored: StoredMessage, settings: PhoneSettings) -> tuple[dict[str, str], dict[str, str]]:
        """Return the dialled numbers and the errors of the pending recipients, both by their number as pulled."""
        message = stored.message
        numbers: dict[str, str] = {}
        errors: dict[str, str] = {}
        passphrase = self._passphrase(settings)
        for pulled in stored.pending:
            if message.is_encrypted and passphrase is None:
                numbers[pulled] = pulled
                continue
            try:
                number = decrypt(pulled, passphrase or "") if message.is_encrypted else pulled
                error = self._config.check_number(number) if message.checks_numbers else None
            except FieldError as failure:
                number, error = "", str(failure)
            if error is None:
                numbers[pulled] = dialled(number)
            else:
                errors[pulled] = f"sendSMS: {error}"
        return numbers, errors

    def draw_pause(self, settings: PhoneSettings) -> int:
        """Return the pause after a message in whole seconds."""
        low, high = max(0, settings.interval_min), settings.interval_max
        if high is None or high < low:
            return 0
        return self._config.chance.randint(min(low, _LONGEST_PAUSE), min(high, _LONGEST_PAUSE))

    def _read(self, message: OutgoingMessage, settings: PhoneSettings) -> Content:
        passphrase = self._passphrase(settings)
        if message.is_encrypted and passphrase is None:
            return Content(message.text, message.data)
        if message.text is not None:
            return Content(decrypt(message.text, passphrase or "") if message.is_encrypted else message.text, None)
        data = message.data or ""
        data = decrypt(data, passphrase or "") if message.is_encrypted else data
        try:
            from_base64(data)
        except FieldError:
            raise FieldError(f"Invalid Base64 data for message {message.id}") from None
        return Content(None, data)

    def _passphrase(self, settings: PhoneSettings) -> str | None:
        return self._config.handset.passphrase if settings.passphrase is None else settings.passphrase
