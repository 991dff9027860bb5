# Written by scripts/unasync.py from tests/_async/test_sends.py; change that file instead.
"""Sends under faults: no lost and no duplicate message in the emulator."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta

import pytest

from smsgate import (
    APIClient,
    BadRequestError,
    BasicAuth,
    BearerAuth,
    ConflictError,
    ConnectError,
    EncryptionError,
    ForbiddenError,
    InternalServerError,
    Message,
    ProcessState,
    RateLimitError,
    ResponseError,
    RetryPolicy,
    SendOutcomeUnknownError,
    ServiceUnavailableError,
    TextMessage,
    Timeout,
    TokenRequest,
    TransportError,
    UnauthorizedError,
)
from smsgate.emulator import Faults, Gateway, ManualClock, QueueLimit
from smsgate.encryption import BaseEncryptor
from smsgate.http import Request

BASE_URL = "http://gateway.test/3rdparty/v1"
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
POST = "POST /messages"
GET = "GET /messages/*"


def text(body="Hello", number="+79990001234", **fields):
    return Message(phone_numbers=[number], text_message=TextMessage(text=body), **fields)


@pytest.fixture
def setting(client_of):
    """Make a gateway with two silent phones whose exchanges fail as scripted, and a patient client of it."""

    def make(*steps, only=(POST,), devices=2, **options):
        gateway = Gateway(devices=devices, phone=False, faults=Faults.script(steps, only=list(only)))
        return gateway, client_of(gateway, **{"retry": FAST, **options})

    return make


def stored(gateway):
    return [message.id for message in gateway.messages]


@pytest.mark.parametrize("fault", ["refuse", 429])
def test_attempt_without_effect_is_simply_repeated(setting, fault):
    gateway, client = setting(fault, fault)

    state = client.send(text())

    assert stored(gateway) == [state.id]


@pytest.mark.parametrize("fault", ["reset", "lost", "late", "truncate", 500, 502, 503, 504, 408])
@pytest.mark.parametrize("pin", [True, False])
def test_message_is_stored_once_whatever_happens_to_an_exchange(setting, fault, pin):
    gateway, client = setting(fault, fault, pin_device=pin)

    state = client.send(text())

    assert stored(gateway) == [state.id]


@pytest.mark.parametrize("fault", ["500-handled", "503-handled", "504-handled", "garbage-handled"])
@pytest.mark.parametrize("pin", [True, False])
def test_error_answer_to_a_stored_message_does_not_double_it(setting, fault, pin):
    gateway, client = setting(fault, pin_device=pin)

    state = client.send(text())

    assert stored(gateway) == [state.id]


def test_unpinned_message_is_looked_for_before_it_is_sent_again(setting):
    gateway, client = setting("lost")

    client.send(text())

    assert gateway.faults.counts == {"lost": 1}
    assert gateway.faults.exchanges == 3  # the post, the list of devices and one look, no second post


def test_pinned_message_goes_to_the_same_device_every_time(setting):
    gateway, client = setting("reset", "reset", pin_device=True)

    state = client.send(text())

    assert gateway.messages[0].device_id == state.device_id


def test_connection_refused_to_the_end_says_that_nothing_left(setting):
    gateway, client = setting(*["refuse"] * 9)

    with pytest.raises(ConnectError) as caught:
        client.send(text())

    assert caught.value.sent is False
    assert stored(gateway) == []


def test_outcome_that_cannot_be_known_is_reported_with_the_id(setting):
    gateway, client = setting(None, "lost", *["reset"] * 30, only=())

    with pytest.raises(SendOutcomeUnknownError) as caught:
        client.send(text(id="order-1"))

    assert caught.value.message_id == "order-1"
    assert stored(gateway) == ["order-1"]


def test_lost_request_is_unknown_even_if_the_gateway_does_not_have_it_yet(setting):
    gateway, client = setting(*["reset"] * 9)

    with pytest.raises(SendOutcomeUnknownError):
        client.send(text())

    assert stored(gateway) == []


def test_failure_that_the_server_itself_reports_is_certain_once_the_gateway_does_not_have_it(setting):
    gateway, client = setting(*[500] * 9)

    with pytest.raises(InternalServerError):
        client.send(text())

    assert stored(gateway) == []


def test_policy_without_retries_still_asks_before_it_says_unknown(setting):
    gateway, client = setting("lost", retry=RetryPolicy.none())

    state = client.send(text())

    assert stored(gateway) == [state.id]


def test_conflict_on_the_first_attempt_is_the_caller_s_own(setting):
    _, client = setting()
    pinned = text(id="order-1", device_id=(client.list_devices())[0].id)
    client.send(pinned)

    with pytest.raises(ConflictError):
        client.send(pinned)


@pytest.mark.parametrize(
    "changed", [text("other text", id="order-1"), text("Hello", "+79990009999", id="order-1"), text(id="ORDER-1")]
)
@pytest.mark.parametrize(("pin", "devices"), [(True, 2), (False, 1), (False, 2)])
def test_conflict_with_another_message_is_not_mistaken_for_an_arrival(setting, changed, pin, devices):
    gateway, client = setting(devices=devices, pin_device=pin)
    client.send(text("Hello", id="order-1"))
    gateway.faults = Faults.script(["reset"], only=[POST])

    with pytest.raises(ConflictError):
        client.send(changed)

    assert stored(gateway) == ["order-1"]


def test_conflict_without_a_device_leaves_the_outcome_unknown(setting):
    gateway, client = setting(devices=2)
    token = (client.generate_token(TokenRequest(scopes=["messages:send", "messages:read"]))).access_token
    limited = APIClient(auth=BearerAuth(token), base_url=BASE_URL, http=gateway.http(), retry=FAST)
    limited.send(text("Hello", id="order-1"))
    gateway.faults = Faults.script(["reset"], only=[POST])

    with pytest.raises(SendOutcomeUnknownError) as caught:
        limited.send(text("other text", id="order-1"))

    assert isinstance(caught.value.__cause__, ConflictError)
    assert stored(gateway) == ["order-1"]


@pytest.mark.parametrize("devices", [1, 2, 3])
def test_id_of_the_caller_is_taken_on_all_phones(setting, client_of, devices):
    gateway, _ = setting(devices=devices)
    ids = [f"order-{number}" for number in range(20)]

    for id in ids:
        client_of(gateway).send(text(id=id))
        with pytest.raises(ConflictError):  # in the next run of the program
            client_of(gateway).send(text(id=id))
    results = [result.error for result in client_of(gateway).send_many([text(id=id) for id in ids])]

    assert {type(error) for error in results} == {ConflictError}
    assert stored(gateway) == ids


@pytest.mark.parametrize("fault", ["503", "garbage", "reset"])
def test_id_of_the_caller_is_not_sent_while_the_phones_cannot_be_listed(setting, fault):
    gateway, client = setting(*[fault] * 4, only=["GET /devices"])

    with pytest.raises((ServiceUnavailableError, ResponseError, TransportError), match="nothing was sent"):
        client.send(text(id="order-1"))

    assert stored(gateway) == []


def test_phones_are_listed_for_ids_of_the_caller_without_a_device_only(setting):
    gateway, client = setting(only=())
    device = gateway.devices[0].id

    client.send(text())
    client.send(text(id="order-1", device_id=device))
    assert gateway.faults.exchanges == 2

    for number in range(2, 5):
        client.send(text(id=f"order-{number}"))
    assert gateway.faults.exchanges == 2 + 1 + 3  # one list


@pytest.mark.parametrize("number", ["+1 202 555 0101 ext 5", "+1-202-FLOWERS", "8 (999) 000-12-34 доб. 5"])
@pytest.mark.parametrize("pin", [True, False])
def test_message_whose_number_was_rewritten_is_not_mistaken_for_another(setting, number, pin):
    gateway, client = setting("lost", pin_device=pin)

    state = client.send(text(number=number))

    assert stored(gateway) == [state.id]


def test_pinned_arrival_whose_state_cannot_be_had_is_answered_as_the_gateway_would_have(setting):
    gateway, client = setting("lost", pin_device=True, devices=1)
    gateway.faults = Faults.script(["lost", None, *["reset"] * 9], only=[POST, GET])

    state = client.send(text())

    assert stored(gateway) == [state.id]
    assert state.state == ProcessState.Pending
    assert [recipient.phone_number for recipient in state.recipients] == ["+79990001234"]


def test_refusal_of_a_retry_does_not_hide_that_the_first_attempt_arrived(setting):
    gateway, client = setting("lost", pin_device=True)
    gateway.queue_limit = QueueLimit(max_pending=1, refresh=0.0)

    state = client.send(text())

    assert stored(gateway) == [state.id]


@pytest.mark.parametrize("pin", [True, False])
def test_schedule_that_has_passed_at_the_retry_does_not_hide_that_the_first_attempt_arrived(client_of, pin):
    clock = ManualClock()
    gateway = Gateway(devices=2, phone=False, clock=clock, faults=Faults.script(["500-handled"], only=[POST]))
    late = RetryPolicy(base_delay=0.0, on_retry=lambda _: clock.advance(60))
    client = client_of(gateway, retry=late, pin_device=pin)

    state = client.send(text(schedule_at=clock() + timedelta(seconds=30)))

    assert stored(gateway) == [state.id]


def test_refusal_of_a_retry_whose_first_attempt_was_not_stored_is_the_refusal(client_of):
    clock = ManualClock()
    gateway = Gateway(devices=2, phone=False, clock=clock, faults=Faults.script([500], only=[POST]))
    late = RetryPolicy(base_delay=0.0, on_retry=lambda _: clock.advance(60))
    client = client_of(gateway, retry=late, pin_device=True)

    with pytest.raises(BadRequestError, match="scheduleAt"):
        client.send(text(schedule_at=clock() + timedelta(seconds=30)))

    assert stored(gateway) == []


def test_device_that_is_gone_at_the_retry_does_not_hide_that_the_first_attempt_arrived(client_of):
    gateway = Gateway(devices=2, phone=False, faults=Faults.script(["lost"], only=[POST]))

    def leave(_):
        url = f"{BASE_URL}/devices/{gateway.messages[0].device_id}"
        who = BasicAuth(gateway.login, gateway.password).authorization()
        assert gateway.handle(Request("DELETE", url, {"Authorization": who}, None, Timeout())).status == 204

    client = client_of(gateway, retry=RetryPolicy(base_delay=0.0, on_retry=leave), pin_device=True)

    state = client.send(text(id="order-1"))

    assert (state.id, state.state) == ("order-1", ProcessState.Pending)
    assert gateway.faults.counts == {"lost": 1}


def test_full_queue_is_not_retried(setting):
    gateway, client = setting(devices=1)
    gateway.queue_limit = QueueLimit(max_pending=1, refresh=0.0)
    client.send(text())
    gateway.faults = Faults.script([], only=[POST])

    with pytest.raises(ServiceUnavailableError, match=r"queue limits exceeded.*bring it online"):
        client.send(text())

    assert gateway.faults.exchanges == 1


def test_unreadable_answer_is_made_up_for_by_asking(setting):
    gateway, client = setting("garbage-handled")

    state = client.send(text())

    assert stored(gateway) == [state.id]


def test_page_of_something_in_between_is_an_unreadable_answer_with_the_message_id(setting):
    gateway, client = setting("garbage")

    with pytest.raises(ResponseError) as caught:
        client.send(text(id="order-1"))

    assert caught.value.message_id == "order-1"
    assert stored(gateway) == []


def test_unreadable_answers_to_everything_keep_the_message_id(setting):
    gateway, client = setting(None, *["garbage-handled"] * 9, only=())

    with pytest.raises(ResponseError) as caught:
        client.send(text(id="order-1"))

    assert caught.value.message_id == "order-1"
    assert stored(gateway) == ["order-1"]


def test_pinning_without_any_device_lets_the_server_say_so(setting):
    _, client = setting(devices=0, pin_device=True)

    with pytest.raises(BadRequestError, match="record not found"):
        client.send(text())


def test_pinning_lists_devices_once(setting):
    gateway, client = setting(pin_device=True)
    gateway.faults = Faults.script([], only=["GET /devices"])

    for _ in range(3):
        client.send(text())

    devices = {message.device_id for message in gateway.messages}
    assert devices <= {device.id for device in gateway.devices}
    assert gateway.faults.exchanges == 7 - 3 - 3 + 3  # three posts and one list


def test_pinning_without_the_scope_sends_unpinned_with_one_warning(setting, caplog):
    gateway, client = setting()
    token = (client.generate_token(TokenRequest(scopes=["messages:send"]))).access_token
    limited = APIClient(auth=BearerAuth(token), base_url=BASE_URL, http=gateway.http(), pin_device=True)

    with caplog.at_level(logging.WARNING, logger="smsgate"):
        limited.send(text())
        limited.send(text())

    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1
    assert len(gateway.messages) == 2


def test_devices_that_cannot_be_listed_mean_that_nothing_left(setting):
    gateway, client = setting(*["reset"] * 9, only=["GET /devices"], pin_device=True)

    with pytest.raises(Exception, match="devices could not be listed") as caught:
        client.send(text())

    assert caught.value.sent is False
    assert stored(gateway) == []


def test_pinning_warns_once_however_often_devices_are_listed(setting, caplog):
    gateway, client = setting()
    token = (client.generate_token(TokenRequest(scopes=["messages:send"]))).access_token
    limited = APIClient(auth=BearerAuth(token), base_url=BASE_URL, http=gateway.http(), pin_device=True)

    for _ in range(3):
        limited.send(text())
        limited._sender.devices.expire()  # five minutes later

    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("refuse", ConnectError),
        ("lost", TransportError),
        (503, ServiceUnavailableError),
        (500, InternalServerError),
        (429, RateLimitError),
        ("garbage", ResponseError),
        ("garbage-handled", ResponseError),
    ],
)
def test_devices_that_cannot_be_listed_mean_that_nothing_was_sent(setting, fault, kind):
    gateway, client = setting(*[fault] * 9, only=["GET /devices"], pin_device=True)

    with pytest.raises(kind, match="nothing was sent: the devices could not be listed") as caught:
        client.send(text(id="order-1"))

    assert type(caught.value) is kind
    assert getattr(caught.value, "sent", False) is False
    assert getattr(caught.value, "message_id", None) is None
    assert stored(gateway) == []
    gateway.faults = None
    assert (client.send(text(id="order-1"))).id == "order-1"


def test_hint_of_a_refused_list_of_devices_stays(setting):
    gateway, _ = setting()
    wrong = APIClient("demo", "wrong", base_url=BASE_URL, http=gateway.http(), retry=FAST, pin_device=True)

    with pytest.raises(UnauthorizedError, match=r"401 Unauthorized \(nothing was sent"):
        wrong.send(text())


@pytest.mark.parametrize("fault", ["lost", "500-handled", "late", "reset", 503])
def test_cancel_is_settled_by_asking(setting, fault):
    gateway, client = setting(fault, only=["DELETE /messages/*"])
    sent = client.send(text())

    state = client.cancel_message(sent.id)

    assert state.state == ProcessState.Cancelling
    assert gateway.messages[0].state == "Cancelling"


def test_cancel_that_fails_to_the_end_says_why(setting):
    _, client = setting(*[503] * 9, only=["DELETE /messages/*"])
    sent = client.send(text())

    with pytest.raises(ServiceUnavailableError):
        client.cancel_message(sent.id)


def test_scope_missing_for_the_look_leaves_the_outcome_unknown(setting):
    gateway, client = setting()
    token = (client.generate_token(TokenRequest(scopes=["messages:send"]))).access_token
    gateway.faults = Faults.script(["lost"], only=[POST])
    limited = APIClient(auth=BearerAuth(token), base_url=BASE_URL, http=gateway.http(), retry=FAST)

    with pytest.raises(SendOutcomeUnknownError) as caught:
        limited.send(text())

    assert isinstance(caught.value.__cause__, ForbiddenError)


# -- many at once --------------------------------------------------------------------------------------------------


class UnforeseenError(Exception):
    """What no code of the package knows."""


def failing_at(*numbers):
    """Make a hook that raises at the n-th requests to send, from 1."""
    seen = []

    def hook(event):
        if event.operation == "send_message":
            seen.append(event)
            if len(seen) in numbers:
                raise UnforeseenError(f"number {len(seen)}")

    return hook


def collect(many, note):
    for result in many:
        note(result)


def test_unforeseen_exception_comes_after_the_results_of_its_window(setting, caplog):
    gateway, client = setting(on_request=failing_at(2))
    results = []

    with pytest.raises(UnforeseenError) as caught:
        collect(client.send_many([text(id=f"m{n}") for n in range(8)], concurrency=4), results.append)

    assert type(caught.value) is UnforeseenError
    assert 1 <= len(results) < 8
    assert sorted(result.state.id for result in results) == sorted(stored(gateway))
    lost = {f"m{n}" for n in range(len(results) + 1)} - {result.message.id for result in results}
    assert [lost.pop() in record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [True]


def test_every_unforeseen_exception_of_a_window_leaves_a_trace(setting, caplog):
    _, client = setting(on_request=failing_at(1, 3))
    results = []

    with pytest.raises(UnforeseenError):
        collect(client.send_many([text(id=f"m{n}") for n in range(3)]), results.append)

    sent = {result.message.id for result in results}
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    lost = {id for id in ("m0", "m1", "m2") if any(id in line and "UnforeseenError" in line for line in said)}
    assert lost
    assert len(said) == len(lost)
    assert not lost & sent


def test_input_that_fails_is_sent_as_far_as_it_was_read(setting):
    gateway, client = setting()
    results = []

    def source():
        for number in range(5):
            yield text(id=f"m{number}")
        raise UnforeseenError

    with pytest.raises(UnforeseenError):
        collect(client.send_many(source(), concurrency=3), results.append)

    assert [result.state.id for result in results] == ["m0", "m1", "m2", "m3", "m4"]
    assert len(gateway.messages) == 5


class Failing(BaseEncryptor):
    """An encryptor of the user's own that quotes what it cannot encrypt."""

    def encrypt(self, text):
        raise UnforeseenError(f"cannot encrypt {text}") from ValueError(text)

    def decrypt(self, text):
        return text

    def is_encrypted(self, text):
        return text.startswith("$x$")


def test_what_an_encryptor_raises_is_an_encryption_error_without_the_text(setting):
    gateway, client = setting(encryptor=Failing("canary-passphrase", iterations=1))
    secret = text("canary text")

    with pytest.raises(EncryptionError, match="UnforeseenError") as caught:
        client.send(secret)
    results = [result for result in client.send_many([secret])]

    shown = "".join(traceback.format_exception(caught.value))
    assert "canary text" not in shown
    assert "raise UnforeseenError" in shown  # the line where it happened
    assert isinstance(results[0].error, EncryptionError)
    assert stored(gateway) == []


def test_encryptor_that_gives_no_text_is_an_encryption_error(setting):
    class Odd(Failing):
        def encrypt(self, text):
            return text.encode()

    _, client = setting(encryptor=Odd("canary-passphrase", iterations=1))

    with pytest.raises(EncryptionError):
        client.send(text())


def test_accepted_message_is_not_lost_over_an_encryptor_that_fails_to_read_it(setting):
    class Odd(Failing):
        def encrypt(self, text):
            return f"$x${text}"

        asked = 0

        def is_encrypted(self, text):
            self.asked += 1
            if self.asked > len(sent.phone_numbers) + 1:
                raise UnforeseenError(text)
            return True

    sent = text()
    gateway, client = setting(encryptor=Odd("canary-passphrase", iterations=1))

    state = client.send(sent)

    assert stored(gateway) == [state.id]
    assert state.is_encrypted
