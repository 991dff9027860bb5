# Written by scripts/unasync.py from tests/_async/test_wait_many.py; change that file instead.
"""Waiting for many messages: polls of the list, look-ups by id, failures and timeouts."""

from __future__ import annotations

import json

import pytest

from smsgate import (
    APIClient,
    Encryptor,
    ForbiddenError,
    InvalidRequestError,
    JWTAuth,
    Message,
    NotFoundError,
    ProcessState,
    RetryPolicy,
    SMSGateError,
    TextMessage,
    WaitTimeoutError,
)
from smsgate.emulator import Faults, Gateway
from smsgate.http import Response

NUMBER = "+79990001234"
LONG = 60.0


def item(id, state):
    recipients = [{"phoneNumber": NUMBER, "state": state}]
    return {
        "id": id,
        "deviceId": "d",
        "state": state,
        "isHashed": False,
        "isEncrypted": False,
        "recipients": recipients,
    }


def listed(*pairs, total=None):
    headers = {} if total is None else {"X-Total-Count": str(total)}
    return Response(200, headers, json.dumps([item(id, state) for id, state in pairs]).encode())


def paths(requests):
    return [request.url.partition("/v1")[2].partition("?")[0] for request in requests]


def drain(waiting):
    """Return the ids that a wait yields, and the error that ends it."""
    ids = []
    try:
        for state in waiting:
            ids += [state.id]
    except SMSGateError as error:
        return ids, error
    return ids, None


def sent(client, count):
    messages = [Message(phone_numbers=[NUMBER], text_message=TextMessage(text=f"{n}")) for n in range(count)]
    return [result.unwrap().id for result in client.send_many(messages)]


def test_every_message_comes_once_and_only_lists_are_polled(client, http):
    ids = sent(client, 30)
    sent(client, 5)
    http.requests.clear()

    states = [state for state in client.wait_many([*ids, ids[0]], timeout=LONG, interval=0.05)]

    assert sorted(state.id for state in states) == sorted(ids)
    assert all(state.is_final for state in states)
    assert set(paths(http.requests)) == {"/messages"}


def test_states_come_in_the_order_in_which_messages_finish(answered):
    client, backend = answered(
        listed(("c", "Pending"), ("b", "Delivered"), ("a", "Sent")),
        listed(("c", "Failed"), ("b", "Delivered"), ("a", "Sent")),
        listed(("a", "Delivered")),
    )

    waiting = client.wait_many(["a", "b", "c"], interval=0.001)
    states = [(state.id, state.state.value) for state in waiting]

    assert states == [("b", "Delivered"), ("c", "Failed"), ("a", "Delivered")]
    assert len(backend.requests) == 3


def test_messages_over_several_pages_are_found(client, http):
    ids = sent(client, 250)
    http.requests.clear()

    states = [state for state in client.wait_many(ids, timeout=LONG, until=lambda state: bool(state.id))]

    assert {state.id for state in states} == set(ids)
    assert paths(http.requests) == ["/messages"] * 3


def test_message_behind_the_newest_pages_is_looked_up_by_its_id(client, http):
    [old] = sent(client, 1)
    sent(client, 120)
    http.requests.clear()

    states = [state for state in client.wait_many([old], timeout=LONG, interval=0.01)]

    assert [state.id for state in states] == [old]
    assert paths(http.requests)[0] == "/messages"
    assert set(paths(http.requests)[1:]) == {f"/messages/{old}"}


def test_token_that_may_not_list_looks_messages_up_by_id(http):
    auth = JWTAuth("demo", "demo-password", ["messages:send", "messages:read"])
    client = APIClient(auth=auth, base_url="http://gateway.test/3rdparty/v1", http=http)
    ids = sent(client, 3)

    states = [state for state in client.wait_many(ids, timeout=LONG, interval=0.05)]

    assert {state.id for state in states} == set(ids)


def test_unknown_message_is_an_error_after_all_others(client):
    ids = sent(client, 3)

    seen, error = drain(client.wait_many(["unknown", *ids], timeout=LONG, interval=0.05))

    assert sorted(seen) == sorted(ids)
    assert isinstance(error, NotFoundError)


@pytest.mark.parametrize("kind", ["refuse", 500, 503, "outage"])
def test_temporary_failures_do_not_end_it(client_of, kind):
    gateway = Gateway()
    client = client_of(gateway, retry=RetryPolicy.none())
    ids = sent(client, 3)
    gateway.faults = Faults.script([kind] * 5)

    states = [state for state in client.wait_many(ids, timeout=LONG, interval=0.05)]

    assert {state.id for state in states} == set(ids)


def test_look_up_that_keeps_failing_holds_no_other_message_up(answered):
    client, _ = answered(
        listed(),
        Response(503, {}, b""),
        Response(200, {}, json.dumps(item("b", "Sent")).encode()),
        Response(503, {}, b""),
    )

    seen, error = drain(client.wait_many(["a", "b"], until="sent", timeout=1.0, interval=0.01))

    assert seen == ["b"]
    assert isinstance(error, WaitTimeoutError)
    assert "1 of 2 messages are not finished after 1.0 s: a (unknown)" in str(error)
    assert error.__cause__.status_code == 503


def test_permanent_failure_ends_it(answered):
    client, _ = answered(listed(), (403, b""))

    _, error = drain(client.wait_many(["a"]))

    assert isinstance(error, ForbiddenError)


def test_timeout_names_what_is_left_after_the_finished_ones(answered):
    client, _ = answered(listed(*((id, "Pending") for id in "abcde"), ("f", "Sent")))

    seen, error = drain(client.wait_many([*"abcdef"], until={ProcessState.Sent}, timeout=0.05, interval=0.01))

    assert seen == ["f"]
    assert isinstance(error, WaitTimeoutError)
    assert "5 of 6 messages are not finished after 0.05 s: a (Pending), b (Pending), c (Pending), …" in str(error)
    assert error.state.id == "a"


def test_timeout_zero_polls_once(answered):
    client, backend = answered(listed(("a", "Pending")))

    _, error = drain(client.wait_many(["a"], timeout=0))

    assert isinstance(error, WaitTimeoutError)
    assert len(backend.requests) == 1


def test_texts_are_decrypted(client_of):
    client = client_of(Gateway(), encryptor=Encryptor("secret"))
    [id] = sent(client, 1)

    [state] = [state for state in client.wait_many([id], timeout=LONG, interval=0.05)]
    [seen] = [state for state in client.wait_many([id], until=lambda state: state.recipients[0].phone_number == NUMBER)]

    assert state.recipients[0].phone_number == seen.recipients[0].phone_number == NUMBER


def test_no_messages_need_no_request(answered):
    client, backend = answered(listed())

    assert [state for state in client.wait_many([])] == []
    assert backend.requests == []


@pytest.mark.parametrize(
    ("ids", "options"),
    [
        ("abc", {}),
        (None, {}),
        ([""], {}),
        (["a/b"], {}),
        ([5], {}),
        (["a"], {"until": "done"}),
        (["a"], {"timeout": -1}),
        (["a"], {"interval": 0}),
    ],
)
def test_arguments_that_cannot_work_are_refused_by_the_call_itself(answered, ids, options):
    client, _ = answered(listed())

    with pytest.raises(InvalidRequestError):
        client.wait_many(ids, **options)
