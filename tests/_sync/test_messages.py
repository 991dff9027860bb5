# Written by scripts/unasync.py from tests/_async/test_messages.py; change that file instead.
"""Sends, states, lists and cancellation of messages, against the emulator."""

from __future__ import annotations

import itertools
import json
from contextlib import closing
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest

from smsgate import (
    BadRequestError,
    ConflictError,
    InvalidRequestError,
    Message,
    MessagePriority,
    MessagesQueryFilter,
    NotFoundError,
    ProcessState,
    QueryPagination,
    TextMessage,
    WaitTimeoutError,
)
from smsgate.emulator import Gateway, ManualClock
from smsgate.http import Response

NUMBER = "+79990001234"


def text(body="Hello", number=NUMBER, **fields):
    return Message(phone_numbers=[number], text_message=TextMessage(text=body), **fields)


def test_message_is_accepted_and_comes_back_with_its_content(client):
    state = client.send(text("Grüße 👋", with_delivery_report=True))

    assert state.state == ProcessState.Pending
    assert [recipient.phone_number for recipient in state.recipients] == [NUMBER]
    assert state.text_message.text == "Grüße 👋"
    assert (client.get_state(state.id)).id == state.id


def test_text_with_recipients_is_shorthand_for_a_message(client):
    state = client.send(
        "Hello", to=[NUMBER, "+79990005678"], ttl=600, priority=MessagePriority.BYPASS_THRESHOLD, sim_number=1
    )

    assert len(state.recipients) == 2
    assert state.text_message.text == "Hello"


def test_single_recipient_may_be_given_as_text(client):
    state = client.send("Hello", to=NUMBER)

    assert [recipient.phone_number for recipient in state.recipients] == [NUMBER]


def test_message_gets_an_id_of_one_letter_case_before_it_is_sent(client, http):
    state = client.send(text())

    assert f'"id":"{state.id}"'.encode() in http.requests[0].content
    assert len(state.id) == 21
    assert state.id == state.id.lower()


def test_chosen_id_is_kept_and_a_second_use_is_a_conflict(client):
    client.send(text(id="order-1"))

    with pytest.raises(ConflictError, match="same ID"):
        client.send(text("other", id="order-1"))


def test_short_code_is_refused_with_a_hint_and_passes_without_validation(client):
    with pytest.raises(BadRequestError, match="skip_phone_validation=True"):
        client.send(text(number="+78002000500"))

    state = client.send(text(number="900"), skip_phone_validation=True)

    assert state.recipients[0].phone_number == "900"


def test_options_of_a_send_become_query_parameters(client, http):
    client.send(text(), skip_phone_validation=True, device_active_within=12)
    client.send(text())

    assert http.requests[0].url.endswith("/messages?skipPhoneValidation=true&deviceActiveWithin=12")
    assert http.requests[1].url.endswith("/messages")


def test_unknown_message_is_not_found(client):
    with pytest.raises(NotFoundError, match="message not found"):
        client.get_state("nobody")


def test_pending_message_is_cancelled_once(client):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    sent = client.send(text(schedule_at=tomorrow))

    cancelled = client.cancel_message(sent.id)

    assert cancelled.state == ProcessState.Cancelling
    with pytest.raises(ConflictError, match="not pending"):
        client.cancel_message(sent.id)


def test_list_knows_its_total_and_obeys_filter_and_paging(client):
    for number in range(5):
        client.send(text(f"number {number}", id=f"m{number}"))

    page = client.get_messages(pagination=QueryPagination(limit=2, offset=1), sort="created_at")

    assert [state.id for state in page] == ["m1", "m2"]
    assert (page.total, page.limit, page.offset, page.invalid) == (5, 2, 1, [])
    assert client.get_messages(query=MessagesQueryFilter(state=ProcessState.Failed)) == []


def test_list_takes_plain_keywords_too(client):
    sent = client.send(text())
    start = datetime(2020, 1, 1, tzinfo=timezone.utc)

    page = client.get_messages(from_=start, state="Pending", device_id=sent.device_id, limit=1, offset=0)

    assert [state.id for state in page] == [sent.id]


def test_content_is_listed_only_when_asked_for(client):
    client.send(text("secret"))

    assert (client.get_messages())[0].text_message is None
    assert (client.get_messages(include_content=True))[0].text_message.text == "secret"


def test_iteration_yields_every_message_once_across_pages(client, http):
    for number in range(7):
        client.send(text(id=f"m{number}"))
    http.requests.clear()

    seen = [state.id for state in client.iter_messages(page_size=3)]

    assert sorted(seen) == [f"m{number}" for number in range(7)]
    assert len(http.requests) == 3


def test_iteration_is_not_disturbed_by_messages_sent_meanwhile(client):
    for number in range(6):
        client.send(text(id=f"m{number}"))

    seen = []
    for state in client.iter_messages(page_size=2):
        seen.append(state.id)
        if len(seen) == 2:
            client.send(text(id="late"))

    assert sorted(seen) == [f"m{number}" for number in range(6)]


@pytest.mark.parametrize("sort", [None, "created_at", "-created_at"])
@pytest.mark.parametrize("page_size", [1, 3, 10])
def test_iteration_may_cancel_what_it_gets(client_of, sort, page_size):
    client = client_of(Gateway(phone=False))
    for number in range(25):
        client.send(text(id=f"m{number}"))

    for state in client.iter_messages(state="Pending", page_size=page_size, sort=sort):
        client.cancel_message(state.id)

    assert (client.get_messages(state="Pending")).total == 0


@pytest.mark.parametrize("seconds", [-90, 90, 10**7])
def test_iteration_does_not_trust_the_clock(client_of, seconds):
    client = client_of(Gateway(clock=ManualClock(datetime.now(timezone.utc) + timedelta(seconds=seconds))))
    for number in range(5):
        client.send(text(id=f"m{number}"))

    seen = [state.id for state in client.iter_messages(page_size=2)]

    assert sorted(seen) == [f"m{number}" for number in range(5)]


@pytest.mark.parametrize("total", [{}, {"X-Total-Count": "250"}])
def test_iteration_over_a_server_that_ignores_offsets_ends(answered, total):
    items = [{"id": f"m{number}", "deviceId": "d", "state": "Sent", "recipients": []} for number in range(9)]
    client, backend = answered(Response(200, total, json.dumps([*items, None]).encode()))

    seen = [state.id for state in client.iter_messages(page_size=10)]

    assert seen == [f"m{number}" for number in range(9)]
    assert len(backend.requests) < 20


def test_iteration_reads_no_page_before_it_is_needed(client, http):
    for number in range(4):
        client.send(text(id=f"m{number}"))
    http.requests.clear()

    with closing(client.iter_messages(page_size=2)) as states:
        for _ in states:
            break

    assert len(http.requests) == 1


def test_wait_follows_a_message_to_its_delivery(client):
    sent = client.send(text())

    state = client.wait(sent.id, timeout=20, interval=0.05)

    assert state.state == ProcessState.Delivered


@pytest.mark.parametrize(
    "until",
    ["sent", "processed", {ProcessState.Sent, ProcessState.Delivered}, lambda state: state.state != "Pending"],
)
def test_wait_takes_several_forms_of_goal(client, until):
    sent = client.send(text())

    state = client.wait(sent.id, until=until, timeout=20, interval=0.05)

    assert state.state != ProcessState.Pending


def test_wait_ends_when_nothing_can_change_any_more(client):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    sent = client.send(text(schedule_at=tomorrow))
    client.cancel_message(sent.id)

    state = client.wait(sent.id, until=lambda _: False, timeout=20, interval=0.05)

    assert state.state == ProcessState.Cancelled


def test_wait_gives_up_with_the_last_state(client):
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    sent = client.send(text(schedule_at=tomorrow))

    with pytest.raises(WaitTimeoutError) as caught:
        client.wait(sent.id, timeout=1)

    assert caught.value.state.id == sent.id


@pytest.mark.parametrize(
    "options",
    [
        *(
            {"until": until}
            for until in ("delivred", b"sent", ProcessState, dict, {}, [], {"Sent": 1}, {"Snt"}, [None])
        ),
        {"until": [ProcessState("Teleported")]},
        {"timeout": -1},
        {"interval": 0},
        *({name: value} for name in ("timeout", "interval") for value in (float("nan"), float("inf"), -0.5, "5", True)),
    ],
)
def test_wait_refuses_what_could_never_end_well(client, http, options):
    with pytest.raises(InvalidRequestError):
        client.wait("m1", **options)

    assert http.requests == []


def test_many_messages_give_results_in_the_order_of_the_input(client):
    messages = [text(id=f"m{number}") for number in range(20)]

    results = [result for result in client.send_many(messages, concurrency=4)]

    assert [result.state.id for result in results] == [f"m{number}" for number in range(20)]
    assert all(result.error is None for result in results)


def test_one_bad_message_of_many_does_not_stop_the_others(client):
    client.send(text(id="taken"))

    results = [result for result in client.send_many([text(id="a"), text(id="taken"), text(id="b")])]

    assert [result.error is None for result in results] == [True, False, True]
    assert isinstance(results[1].error, ConflictError)
    assert results[1].message.id == "taken"


def test_many_messages_are_read_no_further_ahead_than_the_window(client):
    source = itertools.count()
    endless = (text(id=f"m{number}") for number in source)

    with closing(client.send_many(endless, concurrency=3)) as results:
        for _ in results:
            break

    assert next(source) <= 1000 + 1  # later messages go on while a busy machine holds the first one up


def test_many_messages_refuse_a_window_of_nothing(client):
    with pytest.raises(InvalidRequestError):
        for _ in client.send_many([text()], concurrency=0):
            pass


@pytest.mark.parametrize(
    "call",
    [
        partial(dict, message=""),
        partial(dict, message="x"),
        partial(dict, message="x", to=[]),
        partial(dict, message="x", to=["+1", "+1"]),
        partial(dict, message="x", to=["+1"] * 101),
        partial(dict, message="x", to="+1", ttl=60, valid_until=datetime(2030, 1, 1, tzinfo=timezone.utc)),
        partial(dict, message="x", to="+1", schedule_at=datetime(2030, 1, 1)),  # noqa: DTZ001 - no zone is the point
        partial(dict, message="x", to="+1", id="a/b"),
        partial(dict, message="x", to="+1", priority=200),
        partial(dict, message="x", to="+1", device_active_within=-1),
        partial(dict, message=None, to="+1"),
    ],
)
def test_bad_messages_are_refused_before_anything_is_sent(client, http, call):
    arguments = call()

    with pytest.raises(InvalidRequestError):
        client.send(arguments.pop("message"), **arguments)

    assert http.requests == []


def test_message_with_its_own_recipients_takes_no_keywords(client, http):
    with pytest.raises(InvalidRequestError, match="holds its recipients"):
        client.send(text(), to="+79990005678")

    assert http.requests == []


def test_message_broken_by_copying_is_refused_before_it_is_sent(client, http):
    broken = text().model_copy(update={"phone_numbers": []})

    with pytest.raises(InvalidRequestError):
        client.send(broken)

    assert http.requests == []


@pytest.mark.parametrize("id", ["", ".", "..", "a/b", "a\\b", "\x00"])
def test_ids_that_are_no_ids_are_refused(client, http, id):
    for call in (client.get_state, client.cancel_message):
        with pytest.raises(InvalidRequestError):
            call(id)

    assert http.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"limit": 0},
        {"limit": 101},
        {"limit": True},
        {"offset": -1},
        {"from_": datetime(2026, 1, 1)},  # noqa: DTZ001 - no zone is the point
        {"to": "yesterday"},
        {"from_": ""},
        {"to": ""},
        {"state": ""},
        {"device_id": ""},
        {"sort": ""},
        {"include_content": ""},
        {"query": ""},
        {"query": MessagesQueryFilter(device_id="")},
        {"to": datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-5)))},
        {"from_": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5)))},
        {"query": MessagesQueryFilter(from_=datetime(2026, 1, 1))},  # noqa: DTZ001 - no zone is the point
        {"pagination": QueryPagination(limit=1000)},
    ],
)
def test_list_arguments_that_the_server_would_refuse_are_refused(client, http, arguments):
    with pytest.raises(InvalidRequestError):
        client.get_messages(**arguments)

    assert http.requests == []


@pytest.mark.parametrize(
    "arguments",
    [*({"page_size": size} for size in (None, 0, 101, "5", True)), {"to": ""}, {"device_id": ""}, {"state": ""}],
)
def test_iteration_refuses_what_a_list_would_refuse(client, http, arguments):
    with pytest.raises(InvalidRequestError):
        for _ in client.iter_messages(**arguments):
            pass

    assert http.requests == []


def test_argument_goes_before_the_filter_s_value_also_when_it_is_empty(client, http):
    with pytest.raises(InvalidRequestError, match="must not be empty"):
        client.get_messages(query=MessagesQueryFilter(device_id="some"), device_id="")

    assert http.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.send("x", to=5),
        lambda client: client.send("x", to=b"+79990001234"),
        lambda client: client.send("x", to={"+79990001234": "Ann"}),
        lambda client: client.send("x", to=NUMBER, device_id=""),
        lambda client: client.send("x", to=NUMBER, ttl="60"),
        lambda client: client.send("x", to=NUMBER, priority=True),
        lambda client: client.send("x", to=NUMBER, skip_phone_validation=""),
        lambda client: client.send("x", to=NUMBER, skip_phone_validation="yes"),
        lambda client: client.send(text().model_copy(update={"id": ""})),
        lambda client: client.send(text().model_copy(update={"ttl": "60"})),
        lambda client: client.execute(None),
        lambda client: client.execute("get_message"),
        lambda client: client.execute_raw(object()),
        lambda client: client.ensure_webhooks("https://a.test/", None),
        lambda client: client.ensure_webhooks("https://a.test/", 5),
        lambda client: client.ensure_webhooks("https://a.test/", b"sms:sent"),
        lambda client: client.ensure_webhooks("https://a.test/", {"sms:sent": 1}),
        lambda client: client.ensure_webhooks("https://a.test/", [None]),
        lambda client: client.ensure_webhooks("https://a.test/", [""]),
        lambda client: client.ensure_webhooks("https://a.test/", ["sms:sent"], name=None),
        lambda client: client.ensure_webhooks("https://a.test/", ["sms:sent"], device_id=5),
        lambda client: client.ensure_webhooks("https://a.test/", ["sms:sent"], device_id=""),
        lambda client: client.send("x", to=[5]),
        lambda client: client.get_state(5),
        lambda client: client.get_messages(from_=5),
        lambda client: client.get_messages(query={"state": "Sent"}),
        lambda client: client.get_messages(pagination=5),
        lambda client: client.get_messages(sort="id"),
        lambda client: client.create_webhook(None),
        lambda client: client.update_settings({}),
        lambda client: client.patch_settings(None),
        lambda client: client.update_settings(text()),
        lambda client: client.generate_token("messages:send"),
        lambda client: client.refresh_inbox(None),
        lambda client: client.ensure_webhooks(None, ["sms:sent"]),
        lambda client: client.wait("m1", timeout="long"),
        lambda client: client.wait("m1", until=5),
    ],
)
def test_values_of_wrong_types_are_refused_before_anything_is_sent(client, http, call):
    with pytest.raises(InvalidRequestError):
        call(client)

    assert http.requests == []


@pytest.mark.parametrize("many", [[None], [5], ["abc"]])
def test_many_of_what_is_no_message_are_refused_one_by_one(client, http, many):
    results = [result for result in client.send_many(many)]

    assert [type(result.error) for result in results] == [InvalidRequestError]
    assert http.requests == []


def test_absent_options_may_be_given_as_none_like_in_the_official_client():
    message = text(priority=None, with_delivery_report=None, is_encrypted=None, ttl=None)

    assert (message.priority, message.with_delivery_report, message.is_encrypted) == (0, True, False)
