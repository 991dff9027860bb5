"""Encrypted fields of messages and states.

A message is processed in two passes over the same fields in the same order: the first lists their texts, the second
inserts the ciphertexts. Every field has its own salt, which is also the initialisation vector: two fields must
never share one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from smsgate._core.base_url import is_phone
from smsgate._core.encryption_schemes import is_ciphertext, looks_encrypted, without_plus
from smsgate.errors import EncryptionError, InvalidRequestError, SMSGateError
from smsgate.runtime.contents import MAX_STORED_SIZE, stored_size

if TYPE_CHECKING:
    from smsgate.encryption import BaseEncryptor
    from smsgate.runtime.types import Model
    from smsgate_api.models import Message, MessageState, MmsMessage

Change: TypeAlias = Callable[[str], str]
M = TypeVar("M", bound="Model")

MOST_ITERATIONS = 60_000_000
"""Rounds of key derivation for one response at most: about 20 s of one core, or 800 fields at 75,000 rounds."""
_LONGEST_RECIPIENT = 128
_PUNCTUATION = re.compile(r"[\s()./-]+")
_MEANINGFUL = frozenset("*#")


def check_encryptable(message: Message, base_url: str) -> None:
    """Reject a message that cannot be encrypted.

    Raises:
        InvalidRequestError: for a message that says it is encrypted already, data for a cloud or private server, or a
            recipient in two spellings, which no server notices in ciphertext.
    """
    if message.is_encrypted:
        raise InvalidRequestError("the message says that it is encrypted already, and the client has an encryptor")
    if message.data_message is not None and not is_phone(base_url):
        raise InvalidRequestError("cloud and private servers refuse encrypted data messages: only a phone takes them")
    numbers = message.phone_numbers
    if len(numbers) > 1 and len(set(map(_strip_formatting, numbers))) != len(numbers):
        raise InvalidRequestError("two recipients are one number in different spellings")


def list_plaintexts(message: Message) -> list[str]:
    """Return the texts of a message that are to be encrypted, in the order of `insert_ciphertexts`."""
    return _collect_texts(message, _change_message)


def insert_ciphertexts(message: Message, ciphertexts: Sequence[str]) -> Message:
    """Return the message with its texts replaced by ciphertexts, marked as encrypted."""
    remaining = iter(ciphertexts)
    return _change_message(message, lambda _: next(remaining)).model_copy(update={"is_encrypted": True})


def check_encrypted_size(message: Message) -> None:
    """Reject an encrypted message that is too long for the server.

    Raises:
        InvalidRequestError: for a recipient of more than 128 characters or a content of more than 65,535 bytes.
    """
    if any(len(number) > _LONGEST_RECIPIENT for number in message.phone_numbers):
        raise InvalidRequestError(f"an encrypted recipient may have {_LONGEST_RECIPIENT} characters at most")
    content = message.text_message or message.data_message or message.message
    if content is not None and stored_size(content) > MAX_STORED_SIZE:
        raise InvalidRequestError(f"an encrypted content may take {MAX_STORED_SIZE} bytes at most")


def list_ciphertexts(state: MessageState, encryptor: BaseEncryptor) -> list[str]:
    """Return the ciphertexts of a state, none for a plain or hashed one."""
    if not state.is_encrypted or state.is_hashed:
        return []
    return [text for text in map(without_plus, _collect_texts(state, _change_state)) if is_ciphertext(encryptor, text)]


def count_texts(states: Iterable[MessageState]) -> int:
    """Return how many texts the encrypted ones of these states may have."""
    return sum(len(state.recipients) + 1 for state in states if state.is_encrypted)


def list_all_ciphertexts(states: Iterable[MessageState], encryptor: BaseEncryptor) -> tuple[list[list[str]], list[str]]:
    """Return the ciphertexts of each state, and those that are to be decrypted: see `select_affordable`."""
    texts = [list_ciphertexts(state, encryptor) for state in states]
    return texts, select_affordable(encryptor, list(dict.fromkeys(text for part in texts for text in part)))


def insert_all_plaintexts(
    states: Iterable[MessageState], texts: Iterable[Iterable[str]], plain: Mapping[str, str]
) -> list[MessageState]:
    """Return the states with their ciphertexts replaced; those without plaintext stay as they are."""
    return [
        insert_plaintexts(state, {text: plain.get(text, text) for text in part})
        for state, part in zip(states, texts, strict=True)
    ]


def insert_plaintexts(state: MessageState, plain: Mapping[str, str]) -> MessageState:
    """Return the state with its ciphertexts replaced.

    Args:
        state: the state with its ciphertexts.
        plain: plaintexts by ciphertext; a ciphertext that could not be decrypted has itself. Then, or when another
            field looks like a ciphertext, the state stays marked as encrypted.
    """
    if not plain:
        return state
    left = False

    def change(text: str) -> str:
        nonlocal left
        ciphertext = without_plus(text)
        result = plain.get(ciphertext)
        if result is None or result == ciphertext:
            left = left or result is not None or looks_encrypted(text)
            return text
        return result

    changed = _change_state(state, change)
    return changed.model_copy(update={"is_encrypted": left})


def encrypt_text(encryptor: BaseEncryptor, text: str) -> str:
    """Encrypt a text.

    An exception of a user's encryptor may quote the text. So it is not chained: the error names its type and keeps its
    traceback.

    Raises:
        EncryptionError: when the encryptor fails, or returns no ciphertext: the same text, an empty text,
            or one without UTF-8 form.
    """
    try:
        encrypted = encryptor.encrypt(text)
    except SMSGateError:
        raise
    except Exception as error:  # noqa: BLE001 - anything at all
        failure = EncryptionError(f"the encryptor raised {type(error).__name__}")
        raise failure.with_traceback(error.__traceback__) from None
    if not isinstance(encrypted, str) or encrypted == text or not is_ciphertext(encryptor, encrypted):
        raise EncryptionError("the encryptor returned a text that its is_encrypted does not recognise")
    try:
        encrypted.encode()
    except UnicodeEncodeError:
        raise EncryptionError("the encryptor gave a text that is no valid Unicode") from None
    return encrypted


def select_affordable(encryptor: BaseEncryptor, texts: Sequence[str]) -> list[str]:
    """Return the first ciphertexts whose decryption takes at most `MOST_ITERATIONS` in all.

    The cost of a user's scheme is unknown, so all of its ciphertexts are returned.
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


def _strip_formatting(number: str) -> str:
    """Return a number without formatting: spaces, brackets, invisible characters, ``tel:``."""
    if number.isascii():
        return _PUNCTUATION.sub("", number.lower().removeprefix("tel:"))
    import unicodedata  # noqa: PLC0415 - slow to import, and needed for unusual numbers only

    letters = unicodedata.normalize("NFKC", number).lower().removeprefix("tel:")
    return "".join(x for x in letters if x in _MEANINGFUL or unicodedata.category(x)[0] not in "PZC")


def _collect_texts(model: M, visit: Callable[[M, Change], M]) -> list[str]:
    found: list[str] = []

    def note(text: str) -> str:
        found.append(text)
        return text

    visit(model, note)
    return found


def _change_fields(model: M, change: Change, *names: str) -> M:
    """Return a model with its filled text fields of these names changed."""
    return model.model_copy(update={name: change(text) for name in names if (text := getattr(model, name))})


def _change_contents(model: Message | MessageState, change: Change) -> dict[str, Any]:
    """Return the text and data contents of a message or state, changed."""
    contents = {"text_message": (model.text_message, "text"), "data_message": (model.data_message, "data")}
    return {name: _change_fields(part, change, field) for name, (part, field) in contents.items() if part is not None}


def _change_message(message: Message, change: Change) -> Message:
    update: dict[str, Any] = {"phone_numbers": [change(number) for number in message.phone_numbers]}
    update |= _change_contents(message, change)
    if message.mms_message is not None:
        update["mms_message"] = _change_mms(message.mms_message, change)
    return _change_fields(message, change, "message").model_copy(update=update)


def _change_mms(mms: MmsMessage, change: Change) -> MmsMessage:
    changed = _change_fields(mms, change, "subject", "text")
    if mms.attachments is None:
        return changed
    return changed.model_copy(
        update={"attachments": [_change_fields(part, change, "data", "name") for part in mms.attachments]}
    )


def _change_state(state: MessageState, change: Change) -> MessageState:
    recipients = [_change_fields(item, change, "phone_number") for item in state.recipients]
    return state.model_copy(update={"recipients": recipients, **_change_contents(state, change)})
