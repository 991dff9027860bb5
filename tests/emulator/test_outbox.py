"""Outbox of a gateway, and the assertions on it."""

from __future__ import annotations

import re
import threading

import pytest

from smsgate import APIClient, DataMessage, Encryptor, Message
from smsgate.emulator import Gateway

NUMBER, OTHER = "+12025550101", "+12025550102"


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
def client(gateway):
    with APIClient("demo", "demo-password", http=gateway.http()) as client:
        yield client


def test_outbox_holds_texts_recipients_and_states(gateway, client):
    state = client.send("Hello", to=[OTHER, NUMBER])

    (message,) = gateway.outbox
    assert (message.id, message.text, message.state) == (state.id, "Hello", "Pending")
    assert message.recipients == (OTHER, NUMBER)


def test_outbox_follows_states(gateway, client):
    gateway.timings.processed = gateway.timings.sent = gateway.timings.delivered = 0.0
    client.send("Hello", to=NUMBER)

    assert gateway.wait_for(lambda message: message.state == "Delivered").text == "Hello"


def test_text_can_be_read_after_the_server_has_hashed_it(gateway, client):
    state = client.send("Hello", to=NUMBER)
    gateway.report(state.id, "Delivered")
    gateway.hash_now()

    assert client.get_state(state.id).is_hashed or gateway.messages[0].is_hashed
    assert (gateway.outbox[0].text, gateway.outbox[0].recipients) == ("Hello", (NUMBER,))


def test_data_and_encrypted_messages_are_told_apart(gateway, client):
    client.send(Message(phone_numbers=[NUMBER], data_message=DataMessage.with_bytes(b"\x01", 53739)))
    pytest.importorskip("cryptography")
    client.with_options(encryptor=Encryptor("secret")).send("Hello", to=NUMBER)

    data, encrypted = gateway.outbox
    assert (data.text, data.data, data.port, data.is_encrypted) == (None, "AQ==", 53739, False)
    assert encrypted.is_encrypted
    assert encrypted.text.startswith("$aes-256-cbc")


@pytest.mark.parametrize(
    ("expected", "count"),
    [
        ({}, 2),
        ({"to": NUMBER}, 1),
        ({"to": [NUMBER, OTHER]}, 0),
        ({"text": "Hello Ann"}, 1),
        ({"text": re.compile("^Hello")}, 2),
        ({"to": OTHER, "text": "Hello Ann"}, 0),
    ],
)
def test_conditions_are_all_met(gateway, client, expected, count):
    client.send("Hello Ann", to=NUMBER)
    client.send("Hello Bob", to=OTHER)

    assert len(gateway.assert_sent(**expected, count=count)) == count
    with pytest.raises(AssertionError, match=f"found {count} of 2"):
        gateway.assert_sent(**expected, count=count + 1)


def test_failed_assertion_shows_the_outbox_and_a_diff(gateway, client):
    client.send("Your table is ready", to=NUMBER)

    with pytest.raises(AssertionError) as failed:
        gateway.assert_sent(to=NUMBER, text="Your table is redy")

    assert "expected a message to +12025550101 with text 'Your table is redy', found 0 of 1" in str(failed.value)
    assert "Pending to +12025550101: 'Your table is ready'" in str(failed.value)
    assert "- Your table is redy" in str(failed.value)
    assert "+ Your table is ready" in str(failed.value)


def test_assertion_on_an_empty_outbox_says_so(gateway):
    with pytest.raises(AssertionError, match="found 0 of 0"):
        gateway.assert_sent()


def test_waiting_ends_when_the_message_is_sent(gateway, client):
    sender = threading.Timer(0.1, lambda: client.send("Later", to=NUMBER))
    sender.start()

    assert gateway.wait_for(to=NUMBER, text="Later", timeout=60).text == "Later"
    sender.join()


def test_waiting_in_vain_ends_with_the_assertion(gateway, client):
    client.send("Hello", to=NUMBER)

    with pytest.raises(AssertionError, match="found 0 of 1"):
        gateway.wait_for(text="Bye", timeout=0.05)


def test_waiting_in_vain_says_how_long_and_for_what(gateway, client):
    client.send("Hello", to=NUMBER)

    with pytest.raises(
        AssertionError, match=r"^after 0.05 s: expected a message that meets the predicate, found 0 of 1"
    ):
        gateway.wait_for(lambda message: message.state == "Failed", timeout=0.05)


def test_text_that_was_sent_to_somebody_else_needs_no_diff(gateway, client):
    client.send("Hello", to=NUMBER)

    with pytest.raises(AssertionError) as failed:
        gateway.assert_sent(to=OTHER, text="Hello")

    assert "closest text" not in str(failed.value)


def test_failed_assertion_shows_data_and_the_last_messages_of_a_long_outbox(gateway, client):
    for number in range(25):
        client.send(f"Text {number}", to=NUMBER)
    client.send(Message(phone_numbers=[NUMBER], data_message=DataMessage.with_bytes(b"\x01", 53739)))

    with pytest.raises(AssertionError) as failed:
        gateway.assert_sent(count=1)

    assert "… 6 earlier ones" in str(failed.value)
    assert "data AQ== to port 53739" in str(failed.value)


@pytest.mark.parametrize(
    ("conditions", "error"),
    [
        ({"to": 12025550101}, TypeError),
        ({"to": [12025550101]}, TypeError),
        ({"to": []}, ValueError),
        ({"to": ""}, ValueError),
        ({"text": 5}, TypeError),
        ({"text": b"x"}, TypeError),
        ({"text": re.compile(b"x")}, TypeError),
    ],
)
@pytest.mark.parametrize("method", ["assert_sent", "wait_for"])
def test_conditions_that_cannot_be_meant_are_rejected(gateway, client, method, conditions, error):
    client.send("Hello", to=NUMBER)

    with pytest.raises(error, match=r"^(to|text) (is|names)"):
        getattr(gateway, method)(**conditions)
