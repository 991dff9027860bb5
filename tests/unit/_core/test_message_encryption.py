"""Encrypted fields of messages and states."""

from __future__ import annotations

import pytest

from smsgate import DataMessage, InvalidRequestError, Message, MessageState, RecipientState, TextMessage
from smsgate._core import message_encryption as fields
from smsgate._core.encryption_schemes import decrypt_text
from smsgate.encryption import BaseEncryptor

CLOUD, PHONE = "https://api.sms-gate.app/3rdparty/v1", "http://192.0.2.7:8080"
NUMBER = "+12025550100"


class Reversing(BaseEncryptor):
    def encrypt(self, text, /):
        return f"$reversed$1${text[::-1]}"

    def decrypt(self, text, /):
        if "broken" in text:
            raise ValueError(text)
        return text.rpartition("$")[2][::-1]


def state(*numbers, text=None, is_hashed=False):
    return MessageState(
        id="m1", device_id="d1", state="Pending", is_hashed=is_hashed, is_encrypted=True,
        recipients=[RecipientState(phone_number=number, state="Pending") for number in numbers],
        text_message=text and TextMessage(text=text),
    )  # fmt: skip


def test_every_text_of_a_message_is_listed_and_replaced_in_the_same_order():
    message = Message(phone_numbers=[NUMBER, "+12025550101"], text_message=TextMessage(text="Hello"))
    texts = fields.list_plaintexts(message)
    encrypted = fields.insert_ciphertexts(message, [f"$x${text}" for text in texts])

    assert sorted(texts) == sorted([NUMBER, "+12025550101", "Hello"])
    assert encrypted.phone_numbers == [f"$x${NUMBER}", "$x$+12025550101"]
    assert encrypted.text_message.text == "$x$Hello"
    assert encrypted.is_encrypted


def test_what_cannot_be_encrypted_is_rejected():
    data = Message(phone_numbers=[NUMBER], data_message=DataMessage(data="AAAA", port=1))
    twice = Message(phone_numbers=[NUMBER, "+1 (202) 555-0100"], text_message=TextMessage(text="Hello"))

    for message in (data, twice, twice.model_copy(update={"is_encrypted": True})):
        with pytest.raises(InvalidRequestError):
            fields.check_encryptable(message, CLOUD)
    fields.check_encryptable(data, PHONE)
    with pytest.raises(InvalidRequestError, match="128"):
        fields.check_encrypted_size(twice.model_copy(update={"phone_numbers": ["$" * 129]}))


def test_text_that_cannot_be_decrypted_stays_and_keeps_the_mark():
    encryptor = Reversing()
    good, broken = encryptor.encrypt(NUMBER), "$reversed$1$broken"
    found = fields.list_ciphertexts(state(f"+{good}", text=broken), encryptor)
    plain = {text: decrypt_text(encryptor, text) for text in found}

    shown = fields.insert_plaintexts(state(f"+{good}", text=broken), plain)
    assert shown.recipients[0].phone_number == NUMBER
    assert shown.text_message.text == broken
    assert shown.is_encrypted
    assert not fields.insert_plaintexts(state(good), plain).is_encrypted
    assert fields.list_ciphertexts(state(good, is_hashed=True), encryptor) == []


def test_cost_of_all_decryptions_is_bounded_where_it_is_known():
    class Costly(Reversing):
        def cost_of_decryption(self, text):
            return len(text) * 10_000_000

    texts = ["aaa", "bbbbb", "ccc"]
    assert fields.select_affordable(Reversing(), texts) == texts
    assert fields.select_affordable(Costly(), texts) == ["aaa", "ccc"]
