"""Encrypts what goes out and decrypts what comes back, on all cores and off the event loop."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from smsgate._async import io
from smsgate._core.hooks import logger
from smsgate._core.message_encryption import (
    check_encryptable,
    check_encrypted_size,
    ciphertext,
    decrypted,
    insert_ciphertexts,
    insert_plaintexts,
    list_ciphertexts,
    list_plaintexts,
    select_affordable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.encryption import BaseEncryptor
    from smsgate_api.models import Message, MessageState

__all__ = ["Cipher"]


class Cipher:
    """Stands between the plain messages of the user and the wire; without an encryptor nothing changes."""

    def __init__(self, encryptor: BaseEncryptor | None, base_url: str, seconds: float | None = None) -> None:
        self._seconds = seconds
        self.encryptor = encryptor
        self._base_url = base_url

    def check(self, message: Message) -> None:
        """Refuse what could not be encrypted.

        Raises:
            InvalidRequestError: naming why.
        """
        if self.encryptor is not None:
            check_encryptable(message, self._base_url)

    async def encrypt(self, message: Message) -> Message:
        """Return the message as it goes over the wire.

        Raises:
            InvalidRequestError: when its encrypted form is too long.
            EncryptionError: when a text cannot be encrypted.
        """
        encryptor = self.encryptor
        if encryptor is None:
            return message
        wire = insert_ciphertexts(
            message, await io.run_in_workers(partial(ciphertext, encryptor), list_plaintexts(message))
        )
        check_encrypted_size(wire)
        return wire

    async def decrypt(self, states: Sequence[MessageState], deadline: float | None = None) -> list[MessageState]:
        """Return states with all that can be decrypted shown; what cannot stays as it is.

        One response costs a bounded number of iterations and no more than the client's total time limit: who may ask
        for them, as any server can, could stop the program otherwise.
        """
        encryptor = self.encryptor
        if encryptor is None:
            return list(states)
        texts = [list_ciphertexts(state, encryptor) for state in states]
        found = [text for part in texts for text in part]
        affordable = select_affordable(encryptor, list(dict.fromkeys(found)))
        if self._seconds is not None:
            deadline = min(io.now() + self._seconds, math.inf if deadline is None else deadline)
        results = await io.run_in_workers_until(partial(decrypted, encryptor), affordable, deadline)
        done = {text: result for text, result in zip(affordable, results, strict=True) if result is not None}
        if len(done) < len(set(found)):
            logger.warning(
                "%d of %d encrypted fields of a response stay encrypted: decrypting them would take too long",
                len(set(found)) - len(done),
                len(set(found)),
            )
        plain = {text: result.text for text, result in done.items()}
        return [
            insert_plaintexts(state, {text: plain.get(text) for text in part})
            for state, part in zip(states, texts, strict=True)
        ]

    async def decrypt_one(self, state: MessageState, deadline: float | None = None) -> MessageState:
        """Return one state, likewise."""
        if self.encryptor is None:
            return state
        return (await self.decrypt([state], deadline))[0]
