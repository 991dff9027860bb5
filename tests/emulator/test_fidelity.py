"""Details in which the emulator once differed from the real server (each seen there)."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from smsgate.testing import make_gateway, serve

UNSORTED = ["+79990001239", "+79990001231", "+79990001235"]


def numbers(state):
    return [recipient["phoneNumber"] for recipient in state["recipients"]]


@pytest.fixture
def quiet(open_gateway):
    return open_gateway(phone=False, devices=2)


@pytest.fixture(scope="module")
def odd_server():
    pytest.importorskip("uvicorn", reason="the emulator's port needs uvicorn")
    with serve(make_gateway()) as server:
        yield server


def test_response_of_a_send_and_its_cached_state_keep_the_order_of_recipients(quiet):
    sent = quiet.send(UNSORTED, id="a").json

    assert numbers(sent) == UNSORTED
    assert numbers(quiet.state("a")) == UNSORTED


def test_lists_and_uncached_states_sort_recipients_by_number(quiet):
    quiet.send(UNSORTED, id="a")

    (listed,) = quiet("GET", "/messages").json
    quiet.clock.advance(301)  # the cache keeps a state for five minutes

    assert numbers(listed) == sorted(UNSORTED)
    assert numbers(quiet.state("a")) == sorted(UNSORTED)


def test_responses_of_cancellations_sort_recipients_by_number(quiet):
    quiet.send(UNSORTED, id="a")

    assert numbers(quiet("DELETE", "/messages/a").json) == sorted(UNSORTED)
    assert numbers(quiet.state("a")) == sorted(UNSORTED)


@pytest.mark.parametrize(
    "url",
    [
        "https://exa mple.com",
        " https://example.com",
        "https://example.com ",
        "https://example.com:80a/",
        "https://example.com/%zz",
        "https://example.com/\t",
        "https://exa\\mple.com/",
        "https://",
        "https:///path",
        "https:example.com",
        "example.com",
        "ftp://example.com",
    ],
)
def test_urls_that_the_server_cannot_parse_fail_before_event_and_device_are_checked(quiet, url):
    answer = quiet("POST", "/webhooks", {"url": url, "event": "no such event", "deviceId": "nobody"})

    assert answer.status == 400
    assert "failed on the 'http_url' tag" in answer.message


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a b?c d#e f",
        "HTTPS://EXAMPLE.COM",
        "https://user:pass@example.com:8443/x",
        "https://[::1]/x",
        "https://bücher.example/ü",
        "https://example.com?x=%zz",
    ],
)
def test_urls_that_the_server_parses_are_registered(quiet, url):
    answer = quiet("POST", "/webhooks", {"url": url, "event": "sms:received"})

    assert (answer.status, answer.json["url"]) == (201, url)


@pytest.mark.parametrize("name", ["limit", "sort", "state", "deviceId"])
def test_empty_values_of_checked_query_parameters_are_rejected(quiet, name):
    answer = quiet("GET", f"/messages?{name}=")

    assert answer.status == 400
    assert answer.message.startswith("failed to validate: Key:")


@pytest.mark.parametrize("query", ["offset=", "includeContent=", "from=&to=", "nonsense="])
def test_other_empty_query_values_are_the_default(quiet, query):
    quiet.send(id="a")

    assert [row["id"] for row in quiet("GET", f"/messages?{query}").json] == ["a"]


def test_empty_query_values_of_a_send_are_the_default(quiet):
    assert quiet.send(query="?skipPhoneValidation=&deviceActiveWithin=").status == 202


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
@pytest.mark.parametrize(
    ("hours", "reason"),
    [
        ({}, "workHoursStart is required when work hours are enabled"),
        ({"work_hours_start": "09:00"}, "workHoursEnd is required when work hours are enabled"),
        ({"work_hours_end": "09:00"}, "workHoursStart is required when work hours are enabled"),
        ({"work_hours_start": None, "work_hours_end": "09:00"}, "workHoursStart is required"),
        ({"work_hours_start": "9:00", "work_hours_end": "09:00"}, 'workHoursStart must be in HH:mm format, got "9:00"'),
        ({"work_hours_start": "09:00", "work_hours_end": "24:00"}, 'workHoursEnd "24:00" contains invalid time values'),
    ],
)
def test_enabled_work_hours_need_two_times(quiet, method, hours, reason):
    answer = quiet(method, "/settings", {"messages": {"work_hours_enabled": True, **hours}})

    assert answer.status == 400
    assert answer.message.startswith(f"Invalid settings format: failed to validate: validation failed: {reason}")
    assert quiet("GET", "/settings").json == {}


@pytest.mark.parametrize("enabled", [False, None])
def test_times_of_disabled_work_hours_are_not_checked(quiet, enabled):
    hours = {"work_hours_enabled": enabled, "work_hours_start": "never"}

    assert quiet("PATCH", "/settings", {"messages": hours}).json == {"messages": hours}


@pytest.mark.parametrize(
    ("method", "path", "raw", "reason"),
    [
        ("POST", "/messages", b'{"phoneNumbers": ["+79990001234"], "message": "hi"}', "'PhoneNumbers'"),
        ("POST", "/messages", b"x", "'PhoneNumbers'"),
        ("POST", "/webhooks", b"a=b", "'URL'"),
        ("POST", "/inbox/refresh", b"a=b", "'Since'"),
        ("POST", "/auth/token", b"a=b", "'Scopes'"),
        ("PATCH", "/settings", b"{}", "schema: interface must be a pointer to struct"),
    ],
)
def test_a_form_is_read_without_an_error_of_syntax_and_lacks_everything(quiet, method, path, raw, reason):
    kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}

    answer = quiet(method, path, raw=raw, headers=kind)

    assert answer.status == 400
    assert reason in answer.message
    assert "Unprocessable" not in answer.message


@pytest.mark.parametrize("kind", ["text/plain", "application/jsonx", ""])
def test_bodies_of_other_types_are_unprocessable(quiet, kind):
    answer = quiet("POST", "/messages", raw=b"{}", headers={"Content-Type": kind})

    assert (answer.status, answer.message) == (400, "failed to parse body: Unprocessable Entity")


ODD_IDS = ["trail ", " lead", "a\0b", "\0", "line\nbreak", "tab\t", "é x", "\x7f", "\u2028", "'\"\\"]


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_are_stored_and_found(quiet, odd):
    sent = quiet.send(id=odd)
    found = quiet("GET", f"/messages/{quote(odd, safe='')}")

    assert (sent.status, sent.json["id"]) == (202, odd)
    assert (found.status, found.json["id"]) == (200, odd)
    assert quiet("DELETE", f"/messages/{quote(odd, safe='')}").json["state"] == "Cancelling"


@pytest.mark.parametrize("path", ["/messages/{}", "/devices/{}", "/webhooks/{}", "/auth/token/{}"])
def test_deletes_by_odd_ids_get_the_usual_responses(quiet, path):
    for odd in ODD_IDS:
        answer = quiet("DELETE", path.format(quote(odd, safe="")))

        assert answer.status == (404 if path.startswith("/messages") else 204)


def test_options_unknown_to_this_version_are_accepted(quiet):
    answer = quiet.send(futureOption={"a": [1]}, textMessage={"text": "hi", "futureStyle": "bold"})

    assert answer.status == 202
    assert answer.json["textMessage"] == {"text": "hi"}


def test_settings_unknown_to_this_version_are_accepted_and_dropped_like_the_server_does(quiet):
    change = {"messages": {"limit_value": 5, "future_option": 1}, "future_section": {"a": 1}}

    answer = quiet("PATCH", "/settings", change)

    assert (answer.status, answer.json) == (200, {"messages": {"limit_value": 5}})


@pytest.mark.parametrize("odd", ODD_IDS)
def test_odd_ids_pass_over_a_port(odd_server, odd):
    account = (odd_server.login, odd_server.password)
    body = {"id": odd, "phoneNumbers": ["+79990001234"], "textMessage": {"text": "hi"}}

    with httpx.Client(auth=account, trust_env=False) as client:
        sent = client.post(f"{odd_server.url}/messages", json=body)
        found = client.get(f"{odd_server.url}/messages/{quote(odd, safe='')}")

    assert (sent.status_code, sent.json()["id"]) == (202, odd)
    assert (found.status_code, found.json()["id"]) == (200, odd)
