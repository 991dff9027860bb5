# Written by scripts/unasync.py from tests/_async/test_options.py; change that file instead.
"""`with_options` views that share connections and tokens, and conversion of national numbers."""

from __future__ import annotations

import json
import sys

import pytest

from smsgate import (
    APIClient,
    ConfigurationError,
    Encryptor,
    InvalidRequestError,
    JWTAuth,
    Message,
    RetryPolicy,
    Scope,
    ServiceUnavailableError,
    TextMessage,
    Timeout,
)

BASE_URL = "http://gateway.test/3rdparty/v1"
MOBILE = "+4915123456789"


def message(*numbers, **fields):
    return Message(phone_numbers=list(numbers), text_message=TextMessage("Hi"), **fields)


def sent_numbers(http):
    return [json.loads(request.content)["phoneNumbers"] for request in http.requests if request.method == "POST"]


# --- views


def test_view_has_its_own_limits_and_leaves_those_of_the_client(client, http):
    view = client.with_options(timeout=Timeout(connect=1, read=2, total=3))
    view.health_check()
    client.health_check()
    view.with_options(timeout=5).health_check()

    assert type(view) is type(client)
    assert [request.timeout.total for request in http.requests] == [3, 30.0, 5.0]


def test_view_has_its_own_retries(answered):
    client, backend = answered((503, b"{}"))

    for user, attempts in (
        (client.with_options(retry=RetryPolicy(max_retries=2, base_delay=0.001)), 3),
        (client, 1),
        (client.with_options(timeout=3), 1),
    ):
        backend.requests.clear()
        with pytest.raises(ServiceUnavailableError):
            user.list_devices()
        assert len(backend.requests) == attempts


def test_view_shares_tokens(gateway, http):
    auth = JWTAuth("demo", "demo-password", scopes=[Scope.ALL_ANY])
    client = APIClient(auth=auth, base_url=BASE_URL, http=http)

    client.with_options(timeout=5).get_messages()
    client.get_messages()
    client.with_options(timeout=6).get_messages()

    assert sum(request.url.endswith("/auth/token") for request in http.requests) == 1


def test_views_share_the_list_of_devices(client, http):
    for view in (client.with_options(pin_device=True), client.with_options(pin_device=True, timeout=5)):
        view.send("Hi", to=MOBILE, skip_phone_validation=True)

    assert sum(request.url.endswith("/devices") for request in http.requests) == 1


def test_closing_a_view_closes_nothing(answered):
    client, backend = answered((200, b'{"status": "pass"}'))

    with client.with_options(timeout=5) as view:
        view.health_check()
    view.close()
    view.health_check()
    assert backend.closed == 0
    client.close()

    assert backend.closed == 1


def test_client_closes_the_backend_that_a_view_made_it_open(monkeypatch, answered):
    _, backend = answered((200, b'{"status": "pass"}'))
    monkeypatch.setattr(
        sys.modules[f"{APIClient.__module__.rpartition('.')[0]}.transport"], "get_client", lambda *_, **__: backend
    )
    client = APIClient("demo", "demo-password", base_url=BASE_URL)

    client.with_options(timeout=5).health_check()
    client.with_options(timeout=6).health_check()
    client.close()

    assert len(backend.requests) == 2
    assert backend.closed == 1


def test_view_pins_devices_and_encrypts_on_its_own(client, http):
    pytest.importorskip("cryptography", reason="encryption needs the extra smsgate[encryption]")
    view = client.with_options(pin_device=True, encryptor=Encryptor("correct horse"))

    view.send("Hi", to=MOBILE, skip_phone_validation=True)
    view.with_options(pin_device=False, encryptor=None).send("Hi", to=MOBILE, skip_phone_validation=True)
    client.send("Hi", to=MOBILE, skip_phone_validation=True)

    bodies = [json.loads(request.content) for request in http.requests if request.method == "POST"]
    assert [("deviceId" in body, body.get("isEncrypted", False)) for body in bodies] == [
        (True, True),
        (False, False),
        (False, False),
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 0},
        {"timeout": None},
        {"retry": 3},
        {"retry": None},
        {"pin_device": "yes"},
        {"encryptor": "passphrase"},
        {"default_region": "Germany"},
        {"default_region": ""},
        {"default_region": 49},
    ],
)
def test_option_of_a_view_that_could_never_work_is_refused(client, options):
    with pytest.raises(ConfigurationError):
        client.with_options(**options)


@pytest.mark.parametrize("options", [{"base_url": "https://a.test"}, {"http": "httpx"}, {"auth": None}, {"timeuot": 1}])
def test_view_takes_no_other_options(client, options):
    with pytest.raises(TypeError):
        client.with_options(**options)


# --- national numbers


def test_national_numbers_become_international_ones_before_anything_is_sent(gateway, http):
    pytest.importorskip("phonenumbers", reason="needs the extra smsgate[numbers]")
    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=http, default_region="de")
    client.send("Hi", to=["0151 23456789", "+1 202 555 0101"], skip_phone_validation=True)
    client.send(message("0049 151/23456789"))
    client.send(message("0151 23456789"), skip_phone_validation=True)
    results = [result for result in client.send_many([message("0151-23456789")])]
    client.with_options(default_region="US").send("Hi", to="(202) 555-0101", skip_phone_validation=True)
    client.with_options(default_region=None).send("Hi", to="0151 23456789", skip_phone_validation=True)

    assert results[0].error is None
    assert results[0].message.phone_numbers == [MOBILE]
    assert sent_numbers(http) == [
        [MOBILE, "+1 202 555 0101"],
        [MOBILE],
        [MOBILE],
        [MOBILE],
        ["+12025550101"],
        ["0151 23456789"],
    ]


def test_number_that_is_none_of_the_region_is_refused_by_its_place(client, http):
    pytest.importorskip("phonenumbers", reason="needs the extra smsgate[numbers]")
    client = client.with_options(default_region="DE")
    for numbers in (["+12025550101", "12345"], ["+12025550101", "my phone"]):
        with pytest.raises(
            InvalidRequestError, match=r"phone_numbers\[1\] is no phone number of the region DE"
        ) as caught:
            client.send(message(*numbers))
        assert numbers[1] not in str(caught.value)
    assert http.requests == []

    client.send(message("80808"), skip_phone_validation=True)
    assert sent_numbers(http) == [["80808"]]


def test_numbers_that_become_the_same_are_no_two_recipients(client, http):
    pytest.importorskip("phonenumbers", reason="needs the extra smsgate[numbers]")
    with pytest.raises(InvalidRequestError, match="distinct"):
        client.with_options(default_region="DE").send("Hi", to=["0151 23456789", MOBILE])

    assert http.requests == []


def test_message_without_checked_numbers_is_still_refused(client, http):
    pytest.importorskip("phonenumbers", reason="needs the extra smsgate[numbers]")
    for broken in (
        Message.model_construct(),
        *(message(MOBILE).model_copy(update={"phone_numbers": n}) for n in ([5], 5)),
    ):
        with pytest.raises(InvalidRequestError):
            client.with_options(default_region="DE").send(broken)

    assert http.requests == []


def test_missing_phonenumbers_is_named_with_its_extra(monkeypatch, client):
    monkeypatch.setitem(sys.modules, "phonenumbers", None)

    with pytest.raises(ConfigurationError, match=r"pip install 'smsgate\[numbers\]'"):
        client.with_options(default_region="DE")
