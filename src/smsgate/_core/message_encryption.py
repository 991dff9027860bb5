"""Which texts of a message are encrypted, and which of a state are decrypted. Pure: the texts are changed elsewhere.

A message is rebuilt in two passes over the same fields in the same order: one collects their texts, one puts the
changed texts in. Every field is encrypted under a salt of its own, which is also the initial vector: two fields must
never share one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from smsgate._core.base_url import is_phone
from smsgate._core.encryption_schemes import looks_encrypted, without_plus
from smsgate.errors import EncryptionError, InvalidRequestError, SMSGateError
from smsgate.runtime.rules import MAX_STORED_SIZE, stored_size

if TYPE_CHECKING:
    from smsgate.encryption import BaseEncryptor
    from smsgate.runtime.types import Model
    from smsgate_api.models import Message, MessageState, MmsMessage

__all__ = [
    "MOST_ITERATIONS",
    "Decrypted",
    "check_encryptable",
    "check_encrypted_size",
    "ciphertext",
    "decrypted",
    "insert_ciphertexts",
    "insert_plaintexts",
    "list_ciphertexts",
    "list_plaintexts",
    "plaintext",
    "select_affordable",
]

Change: TypeAlias = Callable[[str], str]
M = TypeVar("M", bound="Model")

MOST_ITERATIONS = 60_000_000
"""Rounds of key derivation that one response may cost, some 20 seconds of one core; 800 fields at the usual 75,000."""
_LONGEST_RECIPIENT = 128
_PUNCTUATION = re.compile(r"[\s()./-]+")
_MEANINGFUL = frozenset("*#")


def check_encryptable(message: Message, base_url: str) -> None:
    """Refuse what cannot be encrypted.

    Raises:
        InvalidRequestError: for a message that says it is encrypted already, data for a cloud or private server, or a
            recipient in two spellings, which no server notices in ciphertext.
    """
    if message.is_encrypted:
        raise InvalidRequestError("the message says that it is encrypted already, and the client has an encryptor")
    if message.data_message is not None and not is_phone(base_url):
        raise InvalidRequestError("cloud and private servers refuse encrypted data messages: only a phone takes them")
    numbers = message.phone_numbers
    if len(numbers) > 1 and len(set(map(_dialled, numbers))) != len(numbers):
        raise InvalidRequestError("two recipients are one number in different spellings")


def list_plaintexts(message: Message) -> list[str]:
    """Return the texts of a message that are encrypted, in the order that `insert_ciphertexts` takes them."""
    return _collected(message, _message)


def insert_ciphertexts(message: Message, ciphertexts: Sequence[str]) -> Message:
    """Return the message with its texts replaced by ciphertexts, marked as encrypted."""
    return _filled(message, _message, ciphertexts).model_copy(update={"is_encrypted": True})


def check_encrypted_size(message: Message) -> None:
    """Refuse an encrypted message that the server could not store.

    Raises:
        InvalidRequestError: for a recipient of more than 128 characters or a content of more than 65,535 bytes.
    """
    if any(len(number) > _LONGEST_RECIPIENT for number in message.phone_numbers):
        raise InvalidRequestError(f"an encrypted recipient may have {_LONGEST_RECIPIENT} characters at most")
    content = message.text_message or message.data_message or message.message
    if content is not None and stored_size(content) > MAX_STORED_SIZE:
        raise InvalidRequestError(f"an encrypted content may take {MAX_STORED_SIZE} bytes at most")


def list_ciphertexts(state: MessageState, encryptor: BaseEncryptor) -> list[str]:
    """Return the ciphertexts of a state, the keys that `insert_plaintexts` takes; none of a plain or hashed one."""
    if not state.is_encrypted or state.is_hashed:
        return []
    return [text for text in map(without_plus, _collected(state, _state)) if _is_ciphertext(encryptor, text)]


def insert_plaintexts(state: MessageState, plain: Mapping[str, str | None]) -> MessageState:
    """Return the state with its ciphertexts replaced.

    Args:
        state: as it came.
        plain: what became of each of `list_ciphertexts`. None leaves one as it is; then, or when something else in the
            state looks like the ciphertext of any scheme, the state stays encrypted.
    """
    if not plain:
        return state
    left = False

    def change(text: str) -> str:
        nonlocal left
        result = plain.get(without_plus(text))
        if result is None:
            left = left or without_plus(text) in plain or looks_encrypted(text)
            return text
        return result

    changed = _state(state, change)
    return changed.model_copy(update={"is_encrypted": left})


def ciphertext(encryptor: BaseEncryptor, text: str) -> str:
    """Encrypt a text.

    What an encryptor of the user's own raises may quote the text. So it is no cause of ours: only its type is named,
    and the traceback leads to it.

    Raises:
        EncryptionError: when the encryptor raises it or anything else, or gives what it would not know again: the
            text as it was, an empty one, one without UTF-8 form.
    """
    try:
        encrypted = encryptor.encrypt(text)
    except SMSGateError:
        raise
    except Exception as error:  # noqa: BLE001 - anything at all
        failure = EncryptionError(f"the encryptor raised {type(error).__name__}")
        raise failure.with_traceback(error.__traceback__) from None
    if not isinstance(encrypted, str) or encrypted == text or not _is_ciphertext(encryptor, encrypted):
        raise EncryptionError("the encryptor gave nothing that it takes for encrypted itself")
    try:
        encrypted.encode()
    except UnicodeEncodeError:
        raise EncryptionError("the encryptor gave a text that is no valid Unicode") from None
    return encrypted


@dataclass(frozen=True, slots=True)
class Decrypted:
    """What came of decrypting a field: its text, None when that failed."""

    text: str | None


def decrypted(encryptor: BaseEncryptor, text: str) -> Decrypted:
    """Decrypt a text, so that a failure can be told from one that was not tried."""
    return Decrypted(plaintext(encryptor, text))


def select_affordable(encryptor: BaseEncryptor, texts: Sequence[str]) -> list[str]:
    """Return the ciphertexts whose decryption together takes at most `MOST_ITERATIONS`, in their order.

    What a scheme of the user's own costs is not known, so that all of them are returned.
    """
    cost_of: Callable[[str], int] | None = getattr(encryptor, "cost_of_decryption", None)
    if cost_of is None:
        return list(texts)
    left = MOST_ITERATIONS
    affordable: list[str] = []
    for text in texts:
        cost = cost_of(text)
        if cost <= left:
            left -= cost
            affordable.append(text)
    return affordable


def plaintext(encryptor: BaseEncryptor, text: str) -> str | None:
    """Decrypt a text; None when that fails: an encryptor may raise anything, and no state is lost over it."""
    try:
        plain = encryptor.decrypt(text)
    except Exception:  # noqa: BLE001 - see above
        return None
    return plain if isinstance(plain, str) else None


def _dialled(number: str) -> str:
    """Return a number without what is written for the eye: spaces, brackets, invisible marks, ``tel:``."""
    if number.isascii():
        return _PUNCTUATION.sub("", number.lower().removeprefix("tel:"))
    import unicodedata  # noqa: PLC0415 - slow to import, and needed for unusual numbers only

    letters = unicodedata.normalize("NFKC", number).lower().removeprefix("tel:")
    return "".join(x for x in letters if x in _MEANINGFUL or unicodedata.category(x)[0] not in "PZC")


def _is_ciphertext(encryptor: BaseEncryptor, text: str) -> bool:
    try:
        return encryptor.is_encrypted(text)
    except Exception:  # noqa: BLE001 - as in `plaintext`
        return False


def _collected(model: M, visit: Callable[[M, Change], M]) -> list[str]:
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    visit(model, note)
    return found


def _filled(model: M, visit: Callable[[M, Change], M], texts: Sequence[str]) -> M:
    remaining: Iterator[str] = iter(texts)
    return visit(model, lambda _: next(remaining))


def _message(message: Message, change: Change) -> Message:
    update: dict[str, Any] = {"phone_numbers": [change(number) for number in message.phone_numbers]}
    if message.text_message is not None:
        text = change(message.text_message.text)
        update["text_message"] = message.text_message.model_copy(update={"text": text})
    if message.message:
        update["message"] = change(message.message)
    if message.data_message is not None:
        data = change(message.data_message.data)
        update["data_message"] = message.data_message.model_copy(update={"data": data})
    if message.mms_message is not None:
        update["mms_message"] = _mms(message.mms_message, change)
    return message.model_copy(update=update)


def _mms(mms: MmsMessage, change: Change) -> MmsMessage:
    update: dict[str, Any] = {name: change(text) for name in ("subject", "text") if (text := getattr(mms, name))}
    if mms.attachments is not None:
        update["attachments"] = [
            part.model_copy(update={name: change(text) for name in ("data", "name") if (text := getattr(part, name))})
            for part in mms.attachments
        ]
    return mms.model_copy(update=update)


def _state(state: MessageState, change: Change) -> MessageState:
    recipients = [item.model_copy(update={"phone_number": change(item.phone_number)}) for item in state.recipients]
    update: dict[str, Any] = {"recipients": recipients}
    if state.text_message is not None:
        text = change(state.text_message.text)
        update["text_message"] = state.text_message.model_copy(update={"text": text})
    if state.data_message is not None:
        data = change(state.data_message.data)
        update["data_message"] = state.data_message.model_copy(update={"data": data})
    return state.model_copy(update=update)
