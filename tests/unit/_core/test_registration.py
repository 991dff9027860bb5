"""Checks of webhooks and settings before they are sent."""

from __future__ import annotations

import pytest

from smsgate import DeviceSettings, InvalidRequestError, SettingsMessages, WebhookEvent
from smsgate._core.registration import build_webhooks, check_settings, check_target, find_stale_webhooks, is_registered

URL = "https://example.org/sms"
CLOUD, PHONE = "https://api.sms-gate.app/3rdparty/v1", "http://192.0.2.7:8080"


@pytest.mark.parametrize(
    "url", [URL, "http://127.0.0.1:8000/x", "https://xn--bcher-kva.example/", "https://[::1]:8443/"]
)
def test_targets_that_phones_deliver_to_pass(url):
    check_target(url, allow_insecure=False)


@pytest.mark.parametrize(
    "url", ["", "example.org", "ftp://a.test", "https://", "https://a.test:0", "https://a b.test", "https://[::", 5,
            "https://a..test", "http://a.test", "https://a.test/" + "x" * 250],
)  # fmt: skip
def test_other_targets_are_rejected_without_being_quoted(url):
    with pytest.raises(InvalidRequestError) as caught:
        check_target(url, allow_insecure=False)
    assert caught.value.__cause__ is None


def test_http_targets_pass_on_demand():
    check_target("http://a.test", allow_insecure=True)


def test_ids_depend_on_every_argument_and_on_nothing_else():
    def ids(url=URL, events=("sms:received",), device_id=None, name="smsgate", *, phone=False):
        return [each.id for each in build_webhooks(url, events, device_id=device_id, name=name, phone=phone)]

    different = [
        ids(), ids(URL + "/2"), ids(events=["sms:sent"]), ids(device_id="d"), ids(name="other"), ids(phone=True)
    ]  # fmt: skip
    assert ids() == ids(events=[WebhookEvent.SMS_RECEIVED, "sms:received"])
    assert len({id for part in different for id in part}) == len(different)


@pytest.mark.parametrize(("events", "name"), [([], "a"), ("sms:received", "a"), ([5], "a"), (["sms:recieved"], "a"),
                                              (["sms:sent"], ""), (["sms:sent"], "A")])  # fmt: skip
def test_webhooks_without_events_or_name_are_rejected(events, name):
    with pytest.raises(InvalidRequestError):
        build_webhooks(URL, events, device_id=None, name=name, phone=False)


def test_stale_webhooks_are_those_of_the_same_name_and_device_that_are_not_wanted():
    old = build_webhooks(URL, ["sms:sent", "sms:received"], device_id=None, name="app", phone=False)
    other = build_webhooks(URL, ["sms:sent"], device_id="d", name="app", phone=False)
    wanted = old[:1]

    assert is_registered(wanted[0], old, phone=False)
    assert not is_registered(other[0], old, phone=False)
    stale = find_stale_webhooks(wanted, [*old, *other], device_id=None, name="app", phone=False)
    assert stale == [old[1].id]


def test_settings_that_a_server_refuses_are_rejected_unless_a_phone_gets_them():
    backwards = SettingsMessages(send_interval_min=20, send_interval_max=10)
    secret = DeviceSettings.from_dict({"encryption": {"Pass_Phrase": None}})

    for settings, text in ((DeviceSettings(messages=backwards), "must not be below"), (secret, "in the app")):
        with pytest.raises(InvalidRequestError, match=text):
            check_settings(settings, CLOUD)
        check_settings(settings, PHONE)
    check_settings("no settings", CLOUD)  # the operation rejects it
