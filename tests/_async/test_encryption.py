"""End-to-end encryption of the clients, against the emulator."""

from __future__ import annotations

import json
import time

import pytest

from smsgate import (
    AsyncAPIClient,
    ConfigurationError,
    ConflictError,
    DataMessage,
    EncryptionError,
    Encryptor,
    InvalidRequestError,
    Message,
    MessageState,
    MmsAttachment,
    MmsMessage,
    RecipientState,
    RetryPolicy,
    TextMessage,
    encryption,
)
from smsgate._core.message_encryption import insert_ciphertexts, insert_plaintexts, list_ciphertexts, list_plaintexts
from smsgate.emulator import Faults, Gateway, ManualClock
from smsgate.encryption import BaseEncryptor

pytest.importorskip("cryptography", reason="encryption needs the extra smsgate[encryption]")
pytestmark = pytest.mark.filterwarnings("ignore:encryption with")

NUMBERS = ["+79990001234", "+79990005678"]
PREFIX = "$aes-256-cbc/pbkdf2-sha1$"


def quick(passphrase="correct horse"):
    return Encryptor(passphrase, iterations=10)


def text(body="Meet me", numbers=NUMBERS, **fields):
    return Message(phone_numbers=numbers, text_message=TextMessage(text=body), **fields)


class Counting(BaseEncryptor):
    """Says what it was asked to encrypt."""

    def __init__(self):
        self.seen = []

    def encrypt(self, text):
        self.seen.append(text)
        return "$own$" + text[::-1]

    def decrypt(self, text):
        return text.removeprefix("$own$")[::-1]


@pytest.fixture
def silent():
    return Gateway(phone=False)


@pytest.mark.anyio
async def test_nothing_plain_leaves_and_everything_comes_back_plain(silent, client_of):
    client = client_of(silent, encryptor=quick())

    sent = await client.send(text())
    state = await client.get_state(sent.id)

    stored = silent.messages[0]
    assert stored.is_encrypted
    assert all(recipient.phone_number.startswith(PREFIX) for recipient in stored.recipients)
    assert "Meet me" not in str(stored)
    for seen in (sent, state):
        assert [recipient.phone_number for recipient in seen.recipients] == NUMBERS
        assert seen.text_message.text == "Meet me"
        assert seen.is_encrypted is False


@pytest.mark.anyio
async def test_every_field_has_a_salt_of_its_own(silent, client_of):
    await client_of(silent, encryptor=quick()).send(text(NUMBERS[0]))

    salts = {recipient.phone_number.split("$")[3] for recipient in silent.messages[0].recipients}
    assert len(salts) == 2


@pytest.mark.anyio
async def test_plain_foreign_and_own_messages_live_in_one_list(silent, client_of):
    own = client_of(silent, encryptor=quick())
    await client_of(silent).send(text("plain", id="plain"))
    await client_of(silent, encryptor=quick("foreign")).send(text("foreign", id="foreign"))
    await own.send(text("own", id="own"))

    states = {state.id: state for state in await own.get_messages(include_content=True)}

    assert states["plain"].text_message.text == "plain"
    assert states["own"].text_message.text == "own"
    assert states["own"].is_encrypted is False
    assert states["foreign"].is_encrypted is True
    assert states["foreign"].recipients[0].phone_number.startswith(PREFIX)


@pytest.mark.anyio
async def test_encrypted_state_without_an_encryptor_is_returned_as_it_is(silent, client_of):
    await client_of(silent, encryptor=quick()).send(text(id="m1"))

    state = await client_of(silent).get_state("m1")

    assert state.is_encrypted is True
    assert state.recipients[0].phone_number.startswith(PREFIX)


@pytest.mark.anyio
async def test_plus_that_the_server_puts_before_ciphertext_does_no_harm(silent, client_of):
    client = client_of(silent, encryptor=quick())
    sent = await client.send(text(numbers=NUMBERS[:1]))
    silent.report(sent.id, "Sent")

    state = await client.get_state(sent.id)

    assert [recipient.phone_number for recipient in state.recipients] == NUMBERS[:1]


@pytest.mark.anyio
async def test_hashed_messages_are_left_alone(silent, client_of):
    await client_of(silent).send(text("plain", id="m1"))
    silent.report("m1", "Delivered")
    silent.hash_now()

    page = await client_of(silent, encryptor=quick()).get_messages(include_content=True)

    assert page[0].is_hashed


@pytest.mark.anyio
async def test_cancelled_and_waited_for_messages_are_shown_plain(silent, client_of):
    client = client_of(silent, encryptor=quick())
    sent = await client.send(text())

    cancelled = await client.cancel_message(sent.id)

    assert {one.phone_number for one in cancelled.recipients} == set(NUMBERS)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "message",
    [
        text(is_encrypted=True),
        Message(phone_numbers=NUMBERS, data_message=DataMessage.with_bytes(b"abc", 53739)),
        text(numbers=["+" + "7" * 60]),
        text("x" * 50_000),
    ],
)
async def test_what_cannot_be_encrypted_is_refused_before_it_is_sent(silent, client_of, message):
    client = client_of(silent, encryptor=quick())

    with pytest.raises(InvalidRequestError):
        await client.send(message)

    assert silent.messages == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "wrong",
    [
        {"phone_numbers": [NUMBERS[0], NUMBERS[0]]},
        {"phone_numbers": [NUMBERS[0], "+7 (999) 000-12-34"]},
        {"phone_numbers": ["Bank", "BANK"]},
        {"text_message": TextMessage.model_construct(text="")},
        {"is_encrypted": True},
        {"id": "with space"},
    ],
)
async def test_nothing_is_encrypted_before_the_plain_message_is_found_good(silent, client_of, wrong):
    encryptor = Counting()

    with pytest.raises(InvalidRequestError):
        await client_of(silent, encryptor=encryptor).send(text().model_copy(update=wrong))

    assert (encryptor.seen, silent.messages) == ([], [])


@pytest.mark.anyio
async def test_every_text_is_encrypted_once_and_the_answer_and_the_result_are_plain(silent, client_of):
    encryptor = Counting()
    client = client_of(silent, encryptor=encryptor)

    results = [result async for result in client.send_many([text(id="m1"), text("Or not", NUMBERS[:1], id="m2")])]

    assert sorted(encryptor.seen) == sorted([*NUMBERS, "Meet me", NUMBERS[0], "Or not"])
    assert [result.message.phone_numbers for result in results] == [NUMBERS, NUMBERS[:1]]
    assert [result.state.text_message.text for result in results] == ["Meet me", "Or not"]
    shown = {state.id: state.text_message.text async for state in client.iter_messages(include_content=True)}
    assert shown == {"m1": "Meet me", "m2": "Or not"}


@pytest.mark.anyio
async def test_waiting_shows_plain_numbers(client_of):
    client = client_of(Gateway(), encryptor=quick())

    state = await client.wait((await client.send(text())).id, until="delivered", interval=0.01)

    assert {recipient.phone_number for recipient in state.recipients} == set(NUMBERS)


@pytest.mark.anyio
async def test_waiting_for_sent_trusts_the_message_where_the_server_loses_its_recipients_states(client_of):
    clock = ManualClock()
    gateway = Gateway(phone=False, clock=clock)
    client = client_of(gateway, encryptor=quick())
    sent = await client.send(text())
    gateway.report(sent.id, "Sent")
    clock.advance(600)  # what the phone reported was remembered for five minutes; the stored recipients were not found

    state = await client.wait(sent.id, until="sent", timeout=0)

    assert state.state == "Sent"
    assert {recipient.state for recipient in state.recipients} == {"Pending"}


@pytest.mark.anyio
@pytest.mark.parametrize("body", ["Meet me", "Another"])
async def test_encrypted_message_under_the_id_of_an_earlier_one_is_a_conflict(silent, client_of, body):
    client = client_of(silent, encryptor=quick(), pin_device=True, retry=RetryPolicy(base_delay=0.0, max_delay=0.0))
    await client.send(text(id="m1"))
    silent.faults = Faults.script(["reset"], only=["POST /messages"])

    with pytest.raises(ConflictError):  # equal plain texts have different ciphertexts
        await client.send(text(body, id="m1"))

    assert len(silent.messages) == 1


@pytest.mark.anyio
async def test_phone_takes_encrypted_data(client_of):
    phone = Gateway(mode="local", phone=False)
    client = client_of(phone, base_url="http://phone.test:8080", encryptor=quick())
    data = DataMessage.with_bytes(b"abc", 53739)

    sent = await client.send(Message(phone_numbers=NUMBERS, data_message=data))

    assert sent.data_message == data


@pytest.mark.anyio
async def test_scheme_of_one_s_own_that_fails_loses_no_state(silent, client_of):
    class Own(BaseEncryptor):
        def encrypt(self, text):
            return "$own$" + text[::-1]

        def decrypt(self, text):
            raise RuntimeError(text)

    client = client_of(silent, encryptor=Own())

    sent = await client.send(text())

    assert sent.is_encrypted is True
    assert sent.recipients[0].phone_number == "$own$" + NUMBERS[0][::-1]


def test_all_texts_of_an_mms_are_encrypted():
    part = MmsAttachment(content_type="image/png", data="AAAA", name="secret.png")
    message = Message(phone_numbers=NUMBERS, mms_message=MmsMessage(subject="Subject", text="Text", attachments=[part]))

    texts = list_plaintexts(message)
    wire = insert_ciphertexts(message, [f"<{text}>" for text in texts])

    assert texts == [*NUMBERS, "Subject", "Text", "AAAA", "secret.png"]
    assert wire.mms_message.attachments[0].name == "<secret.png>"
    assert wire.mms_message.attachments[0].content_type == "image/png"
    assert wire.is_encrypted


@pytest.mark.anyio
async def test_deprecated_text_is_encrypted_too(silent, client_of):
    sent = await client_of(silent, encryptor=quick()).send(Message(phone_numbers=NUMBERS, message="old style"))

    assert "old style" not in str(silent.messages[0])
    assert sent.text_message.text == "old style"


@pytest.mark.parametrize("encryptor", ["passphrase", object(), Encryptor])
def test_encryptor_that_could_not_encrypt_is_refused(encryptor):
    with pytest.raises(ConfigurationError):
        AsyncAPIClient("login", "password", encryptor=encryptor)


@pytest.mark.anyio
async def test_passphrase_in_the_environment_makes_an_encryptor(monkeypatch, silent):
    monkeypatch.setenv("SMSGATE_PASSPHRASE", "correct horse")
    client = AsyncAPIClient.from_env(
        login="demo", password="demo-password", base_url="http://gateway.test/3rdparty/v1", http=silent.async_http()
    )

    await client.send(text(numbers=NUMBERS[:1]))

    assert silent.messages[0].is_encrypted


@pytest.mark.anyio
@pytest.mark.parametrize(
    "other",
    [
        "+7 (999) 000-12.34",
        "tel:+79990001234",
        "+7\u2011999\u20110001234",
        "\u200e+79990001234",
        "+7999\u200b0001234",
        "+\uff179990001234",
    ],
)
async def test_one_number_in_two_spellings_is_refused(silent, client_of, other):
    client = client_of(silent, encryptor=quick())

    with pytest.raises(InvalidRequestError, match="different spellings"):
        await client.send(text(numbers=[NUMBERS[0], other]))

    assert silent.messages == []


@pytest.mark.anyio
async def test_service_codes_that_differ_in_stars_are_two(silent, client_of):
    await client_of(silent, encryptor=quick()).send(
        text(numbers=["*100#", "100#", "\uff0a100\uff031"]), skip_phone_validation=True
    )

    assert len(silent.messages[0].recipients) == 3


@pytest.mark.anyio
@pytest.mark.parametrize("gives", ["", "Meet me", "$own$\ud800", None, b"$own$x"])
async def test_scheme_that_gives_no_ciphertext_sends_nothing(silent, client_of, gives):
    class Own(Counting):
        def encrypt(self, text):
            return gives if text == "Meet me" else super().encrypt(text)

    with pytest.raises(EncryptionError) as caught:
        await client_of(silent, encryptor=Own()).send(text())

    assert "Meet me" not in str(caught.value)
    assert silent.messages == []


@pytest.mark.parametrize("left", ["$rsa-oaep$x", "++$aes-256-cbc/pbkdf2-sha1$i=1$x$y", " $aes-256-cbc/pbkdf2-sha1$x"])
def test_state_with_a_field_that_stays_ciphertext_says_so(left):
    encryptor = quick()
    body = encryptor.encrypt("Meet me")
    state = MessageState(
        id="m1",
        device_id="d",
        state="Pending",
        is_encrypted=True,
        recipients=[RecipientState(phone_number=left, state="Pending")],
        text_message=TextMessage(text=body),
    )

    assert list_ciphertexts(state, encryptor) == [body]
    shown = insert_plaintexts(state, {body: "Meet me"})

    assert shown.is_encrypted is True
    assert (shown.recipients[0].phone_number, shown.text_message.text) == (left, "Meet me")


@pytest.mark.anyio
async def test_scheme_that_changes_its_mind_loses_no_state(silent, client_of):
    class Moody(Counting):
        asked = 0

        def is_encrypted(self, text):
            self.asked += 1
            return not text.startswith("$own$") or self.asked % 3 != 0

    state = await client_of(silent, encryptor=Moody()).get_state(
        (await client_of(silent, encryptor=Counting()).send(text())).id
    )

    assert len(state.recipients) == 2


def foreign(iterations):
    return Encryptor("another passphrase", iterations=iterations).encrypt("x")


def page_of(ciphertexts):
    recipients = [{"phoneNumber": text, "state": "Pending"} for text in ciphertexts]
    state = {"id": "m", "deviceId": "d", "state": "Pending", "isEncrypted": True, "recipients": recipients}
    return 200, json.dumps([state]).encode()


@pytest.mark.anyio
async def test_response_costs_no_more_iterations_than_there_are_for_one(answered, caplog, monkeypatch):
    monkeypatch.setattr("smsgate._core.message_encryption.MOST_ITERATIONS", 100_000)
    derived = []
    derive = encryption._derive_key
    monkeypatch.setattr(encryption, "_derive_key", lambda *args: derived.append(args[-1]) or derive(*args))
    own = Encryptor("correct horse", iterations=10_000).encrypt("+79990001234")
    ciphertexts = [own, *(foreign(30_000) for _ in range(20))]
    derived.clear()
    client, _ = answered(page_of(ciphertexts), encryptor=Encryptor("correct horse"))

    (state,) = await client.get_messages()

    assert sum(derived) <= 100_000
    assert state.recipients[0].phone_number == "+79990001234"
    assert state.is_encrypted
    assert [record.getMessage() for record in caplog.records if "stay encrypted" in record.getMessage()] == [
        "17 of 21 encrypted fields of a response stay encrypted: decrypting them would take too long"
    ]


@pytest.mark.anyio
async def test_decrypting_ends_with_the_time_of_the_call(answered, caplog):
    class Slow(Counting):
        def decrypt(self, text):
            time.sleep(0.05)
            return super().decrypt(text)

    client, _ = answered(page_of([f"$own$x{number}" for number in range(1000)]), encryptor=Slow(), timeout=1.0)

    (state,) = await client.get_messages()

    left = [item.phone_number for item in state.recipients if item.phone_number.startswith("$")]
    assert 0 < len(left) < 1000
    assert state.is_encrypted
    assert "stay encrypted" in caplog.text
