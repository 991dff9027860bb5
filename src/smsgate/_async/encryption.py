"""Encryption of outgoing messages and decryption of states, on all cores and off the event loop."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

from smsgate._async import io
from smsgate._core.encryption_schemes import decrypt_text
from smsgate._core.hooks import logger
from smsgate._core.message_encryption import (
    check_encryptable,
    check_encrypted_size,
    count_texts,
    encrypt_text,
    insert_all_plaintexts,
    insert_ciphertexts,
    list_all_ciphertexts,
    list_plaintexts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smsgate.encryption import BaseEncryptor
    from smsgate_api.models import Message, MessageState

_MANY = 200
"""Texts of a response from which on they are found and replaced in a thread: each costs some ten microseconds."""


class Cipher:
    """Encrypts messages and decrypts states; without an encryptor both stay as they are.

    Args:
        encryptor: the scheme and its passphrase, None for no encryption.
        base_url: the client's base URL; phones and servers take different messages.
        seconds: time limit for the decryption of one response, None for no limit.
    """

    def __init__(self, encryptor: BaseEncryptor | None, base_url: str, seconds: float | None = None) -> None:
        self.encryptor = encryptor
        self._base_url = base_url
        self._seconds = math.inf if seconds is None else seconds

    def check(self, message: Message) -> None:
        """Reject a message that cannot be encrypted.

        Raises:
            InvalidRequestError: it is encrypted, holds data for a cloud or private server, or repeats a recipient.
        """
        if self.encryptor is not None:
            check_encryptable(message, self._base_url)

    async def encrypt(self, message: Message) -> Message:
        """Return the encrypted message.

        Raises:
            InvalidRequestError: when its encrypted form is too long.
            EncryptionError: when a text cannot be encrypted.
        """
        encryptor = self.encryptor
        if encryptor is None:
            return message
        ciphertexts = await io.run_in_workers(partial(encrypt_text, encryptor), list_plaintexts(message))
        encrypted = insert_ciphertexts(message, ciphertexts)
        check_encrypted_size(encrypted)
        return encrypted

    async def decrypt(self, states: Sequence[MessageState], deadline: float | None = None) -> list[MessageState]:
        """Return states with their texts decrypted; a text that cannot be decrypted stays as it is.

        The iterations and the time for one response are bounded: otherwise a server could keep the program busy with
        expensive ciphertexts.
        """
        encryptor = self.encryptor
        if encryptor is None:
            return list(states)
        many = count_texts(states) >= _MANY
        texts, affordable = await io.compute(list_all_ciphertexts, states, encryptor, in_thread=many)
        found = {text for part in texts for text in part}
        end = min(io.now() + self._seconds, math.inf if deadline is None else deadline)
        results = await io.run_in_workers(partial(decrypt_text, encryptor), affordable, end)
        plain = dict(zip(affordable, results, strict=False))  # the first ones, until the deadline
        if left := len(found) - len(plain):
            text = "%d of %d encrypted fields of a response stay encrypted: decrypting them would take too long"
            logger.warning(text, left, len(found))
        return await io.compute(insert_all_plaintexts, states, texts, plain, in_thread=many)

    async def decrypt_one(self, state: MessageState, deadline: float | None = None) -> MessageState:
        """Return one state with its texts decrypted, as `decrypt` does."""
        if self.encryptor is None:
            return state
        return (await self.decrypt([state], deadline))[0]
