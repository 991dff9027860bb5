# Written by scripts/unasync.py from src/smsgate/_async/ciphering.py; change that file instead.
"""Encrypts what goes out and decrypts what comes back, on all cores."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smsgate._sync import io
from smsgate.sealing import (
    check_sealable,
    check_sealed,
    ciphertext,
    opened,
    plaintext,
    sealed,
    texts_to_open,
    texts_to_seal,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.encryption import BaseEncryptor
    from smsgate_api.models import Message, MessageState

__all__ = ["Cipher"]


class Cipher:
    """Stands between the plain messages of the user and the wire; without an encryptor nothing changes."""

    def __init__(self, encryptor: BaseEncryptor | None, base_url: str) -> None:
        self._encryptor = encryptor
        self._base_url = base_url

    def check(self, message: Message) -> None:
        """Refuse what could not be encrypted.

        Raises:
            InvalidRequestError: naming why.
        """
        if self._encryptor is not None:
            check_sealable(message, self._base_url)

    def seal(self, message: Message) -> Message:
        """Return the message as it goes over the wire.

        Raises:
            InvalidRequestError: when its encrypted form is too long.
            EncryptionError: when a text cannot be encrypted.
        """
        encryptor = self._encryptor
        if encryptor is None:
            return message
        wire = sealed(message, io.run_in_workers(partial(ciphertext, encryptor), texts_to_seal(message)))
        check_sealed(wire)
        return wire

    def open(self, states: Sequence[MessageState]) -> list[MessageState]:
        """Return states with all that can be decrypted shown; what cannot stays as it is."""
        encryptor = self._encryptor
        if encryptor is None:
            return list(states)
        texts = [texts_to_open(state, encryptor) for state in states]
        found = [text for part in texts for text in part]
        plain = iter(io.run_in_workers(partial(plaintext, encryptor), found))
        return [opened(state, {text: next(plain) for text in part}) for state, part in zip(states, texts, strict=True)]

    def open_one(self, state: MessageState) -> MessageState:
        """Return one state, likewise."""
        if self._encryptor is None:
            return state
        return (self.open([state]))[0]
