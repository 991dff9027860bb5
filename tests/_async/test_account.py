"""Devices, webhooks, settings, logs, health and tokens, against the emulator."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from smsgate import (
    APIError,
    AsyncAPIClient,
    BearerAuth,
    DeviceSettings,
    ForbiddenError,
    HealthStatus,
    InvalidRequestError,
    LimitPeriod,
    NotImplementedByServerError,
    Scope,
    SettingsEncryption,
    SettingsGateway,
    SettingsMessages,
    SettingsPing,
    SettingsWebhooks,
    TokenRequest,
    UnauthorizedError,
    Webhook,
    WebhookEvent,
)
from smsgate.emulator import Gateway

PHONE_URL = "http://phone.test:8080"


@pytest.mark.anyio
async def test_devices_are_listed_and_removed(client_of):
    client = client_of(Gateway(devices=2))

    first, second = await client.list_devices()
    await client.remove_device(first.id)

    assert [device.id for device in await client.list_devices()] == [second.id]
    await client.remove_device(first.id)  # again: no error


@pytest.mark.anyio
async def test_phone_lists_itself_and_the_detour_is_remembered(client_of):
    client = client_of(Gateway(mode="local"), base_url=PHONE_URL)

    assert len(await client.list_devices()) == 1
    assert len(await client.list_devices()) == 1


@pytest.mark.anyio
async def test_webhook_without_id_gets_one_and_is_registered_once(client, http):
    hook = Webhook(url="https://example.com/hook", event=WebhookEvent.SMS_RECEIVED)

    created = await client.create_webhook(hook)
    again = await client.create_webhook(created)

    assert len(created.id) == 21
    assert again == created
    assert await client.get_webhooks() == [created]
    await client.delete_webhook(created.id)
    assert await client.get_webhooks() == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "http://localhost:9000/",
        "ftp://example.com",
        "https://",
        "hook",
        "",
        "https://example.com/" + "x" * 240,
        "https://[broken",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://example.com:x/",
        "https://example.com\\evil.test/",
        "https://./",
        "https://../",
        "https://a..b/",
        "https://" + "a" * 64 + ".test/",
        "https://300.1.1.1/",
        "https://[::zz]/",
    ],
)
async def test_webhook_targets_that_no_phone_would_reach_are_refused(client, http, url):
    with pytest.raises(InvalidRequestError):
        await client.create_webhook(Webhook(url=url, event=WebhookEvent.SMS_RECEIVED))

    assert http.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "change", [{"url": None}, {"url": 5}, {"id": ""}, {"id": "a/b"}, {"event": ""}, {"device_id": ""}]
)
async def test_webhook_broken_by_copying_is_refused(client, http, change):
    hook = Webhook(url="https://example.com/hook", event=WebhookEvent.SMS_RECEIVED)

    with pytest.raises(InvalidRequestError):
        await client.create_webhook(hook.model_copy(update=change))

    assert http.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url", ["https://bücher.test/", "https://[2001:db8::1]:8443/x", "https://my_host./", "https://1.2.3.4/"]
)
async def test_webhook_targets_that_may_exist_are_registered(client, url):
    assert (await client.create_webhook(Webhook(url=url, event=WebhookEvent.SMS_SENT))).url == url


@pytest.mark.anyio
async def test_webhook_to_the_phone_itself_passes_and_others_when_allowed(client_of):
    client = client_of(Gateway(mode="local"), base_url=PHONE_URL)

    created = await client.create_webhook(Webhook(url="http://127.0.0.1:9000/", event=WebhookEvent.SMS_SENT))

    assert created.url == "http://127.0.0.1:9000/"


@pytest.mark.anyio
async def test_insecure_webhook_target_is_sent_when_allowed(client, http):
    hook = Webhook(url="http://192.168.1.5/", event=WebhookEvent.SMS_SENT)

    with pytest.raises(Exception, match="https://"):
        await client.create_webhook(hook, allow_insecure=True)

    assert len(http.requests) == 1


@pytest.mark.anyio
async def test_webhooks_are_ensured_once_and_stale_ones_removed_on_request(client, http):
    events = [WebhookEvent.SMS_RECEIVED, "sms:failed", WebhookEvent.SMS_RECEIVED]
    other = await client.create_webhook(Webhook(id="mine", url="https://a.test/", event=WebhookEvent.SMS_SENT))

    first = await client.ensure_webhooks("https://old.test/", events)
    http.requests.clear()
    again = await client.ensure_webhooks("https://old.test/", events)
    assert again == first
    assert [request.method for request in http.requests] == ["GET"]
    moved = await client.ensure_webhooks("https://new.test/", events, remove_stale=True)

    registered = {hook.id: hook for hook in await client.get_webhooks()}
    assert registered.keys() == {other.id, *(hook.id for hook in moved)}
    assert [hook.event for hook in moved] == ["sms:received", "sms:failed"]


@pytest.mark.anyio
async def test_webhooks_are_ensured_on_a_phone_and_for_one_device(client_of):
    gateway = Gateway(devices=2)
    cloud = client_of(gateway)
    device = (await cloud.list_devices())[0].id
    phone = client_of(Gateway(mode="local"), base_url=PHONE_URL)

    await cloud.ensure_webhooks("https://a.test/", ["sms:sent"], device_id=device)
    bound = await cloud.ensure_webhooks("https://a.test/", ["sms:sent"], device_id=device)
    local = [await phone.ensure_webhooks("https://a.test/", ["sms:sent"]) for _ in range(2)]

    assert await cloud.get_webhooks() == bound
    assert len(await phone.get_webhooks()) == 1
    assert local[0][0].id != bound[0].id


@pytest.mark.anyio
async def test_webhooks_of_other_devices_are_not_stale(client_of):
    client = client_of(Gateway(devices=2))
    one, other = [device.id for device in await client.list_devices()]

    for url in ("https://old.test/", "https://new.test/"):
        for device in (one, other, None):
            await client.ensure_webhooks(url, ["sms:sent"], device_id=device, remove_stale=True)

    registered = {(hook.device_id, hook.url) for hook in await client.get_webhooks()}
    assert registered == {(device, "https://new.test/") for device in (one, other, None)}


@pytest.mark.anyio
async def test_stale_webhooks_of_a_phone_are_those_of_the_name(client_of):
    gateway = Gateway(mode="local")
    phone = client_of(gateway, base_url=PHONE_URL)

    await phone.ensure_webhooks("https://old.test/", ["sms:sent"])
    await phone.ensure_webhooks("https://other.test/", ["sms:sent"], name="other")
    await phone.ensure_webhooks("https://new.test/", ["sms:sent"], device_id=gateway.devices[0].id, remove_stale=True)

    assert {hook.url for hook in await phone.get_webhooks()} == {"https://other.test/", "https://new.test/"}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("url", "events", "name"),
    [
        ("https://a.test/", [], "smsgate"),
        ("https://a.test/", "sms:sent", "smsgate"),
        ("https://a.test/", ["sms:sent"], "a name"),
        ("http://a.test/", ["sms:sent"], "smsgate"),
        ("https://a.test/", [5], "smsgate"),
    ],
)
async def test_webhooks_that_cannot_be_ensured_are_refused(client, http, url, events, name):
    with pytest.raises(ValueError, match=r"."):
        await client.ensure_webhooks(url, events, name=name)

    assert http.requests == []


@pytest.mark.anyio
async def test_settings_are_patched_replaced_and_reset(client):
    assert await client.get_settings() == DeviceSettings()
    limits = SettingsMessages(limit_period=LimitPeriod.PER_HOUR, limit_value=10)

    patched = await client.patch_settings(DeviceSettings(messages=limits, ping=SettingsPing(interval_seconds=60)))
    reset = await client.patch_settings(DeviceSettings(ping=SettingsPing(interval_seconds=None)))
    replaced = await client.update_settings(DeviceSettings(messages=SettingsMessages(limit_value=5)))

    assert patched.messages.limit_period == LimitPeriod.PER_HOUR
    assert patched.ping.interval_seconds == 60
    assert reset.ping.interval_seconds is None
    assert reset.messages.limit_value == 10
    assert replaced.ping is None
    assert replaced.messages.limit_period is None


@pytest.mark.anyio
@pytest.mark.parametrize(
    "settings",
    [
        DeviceSettings(encryption=SettingsEncryption(passphrase="x")),
        DeviceSettings(encryption=SettingsEncryption(passphrase=None)),
        DeviceSettings(gateway=SettingsGateway(cloud_url="https://example.com")),
        DeviceSettings(gateway=SettingsGateway(private_token=None)),
        DeviceSettings(webhooks=SettingsWebhooks(signing_key=None)),
        DeviceSettings.from_dict({"encryption": {"Passphrase": "x"}}),
        DeviceSettings.from_dict({"Encryption": {"PASSPHRASE": "x"}}),
        DeviceSettings.from_dict({"webhooks": {"signingKey": "x"}}),
        DeviceSettings.from_dict({"gateway": {"cloudUrl": None}}),
        DeviceSettings().model_copy(update={"encryption": {"passphrase": "x"}}),
    ],
)
async def test_secrets_never_leave_for_a_cloud_server_nor_nulls_in_their_place(client, http, settings):
    for call in (client.update_settings, client.patch_settings):
        with pytest.raises(InvalidRequestError, match="phone's local server"):
            await call(settings)

    assert http.requests == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    "sections",
    [
        {"ping": {"interval_seconds": 0}},
        {"logs": {"lifetime_days": -1}},
        {"webhooks": {"retry_count": 0}},
        *({"messages": {name: 0}} for name in ("send_interval_min", "send_interval_max", "limit_value")),
        {"messages": {"log_lifetime_days": 0}},
        {"messages": {"send_interval_min": 10, "send_interval_max": 9}},
    ],
)
async def test_numbers_that_a_server_would_refuse_never_leave(client, http, sections):
    given = [
        DeviceSettings(**sections),
        DeviceSettings.from_dict(sections),
        DeviceSettings().model_copy(update=sections),
    ]
    for settings in given:
        with pytest.raises(InvalidRequestError, match=r"\w+\.\w+ must"):
            await client.patch_settings(settings)

    assert http.requests == []


@pytest.mark.anyio
async def test_phone_takes_secrets_but_has_no_replacement_of_settings(client_of):
    client = client_of(Gateway(mode="local"), base_url=PHONE_URL)
    settings = DeviceSettings(encryption=SettingsEncryption(passphrase="correct horse"))

    await client.patch_settings(settings)

    with pytest.raises(APIError, match="patch_settings"):
        await client.update_settings(settings)


@pytest.mark.anyio
async def test_logs_are_the_phone_s_own(client, client_of):
    start = datetime(2020, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(NotImplementedByServerError, match="local server"):
        await client.get_logs()

    phone = client_of(Gateway(mode="local"), base_url=PHONE_URL)

    assert isinstance(await phone.get_logs(from_=start, to="2100-01-01T00:00:00Z"), list)


@pytest.mark.anyio
async def test_health_needs_no_credentials(client, http):
    for call in (client.health_check, client.liveness_check, client.readiness_check, client.startup_check):
        assert (await call()).status == HealthStatus.PASS

    assert not any("Authorization" in request.headers for request in http.requests)


@pytest.mark.anyio
async def test_failing_health_is_an_answer_and_is_asked_once(client, http, gateway):
    gateway.outage(True)

    health = await client.health_check()

    assert health.status == HealthStatus.FAIL
    assert len(http.requests) == 1


@pytest.mark.anyio
async def test_tokens_are_made_used_refreshed_and_revoked(client, gateway):
    made = await client.generate_token(TokenRequest(scopes=[Scope.MESSAGES_LIST, Scope.TOKENS_MANAGE], ttl=600))
    bearer = AsyncAPIClient(
        auth=BearerAuth(made.access_token), base_url="http://gateway.test/3rdparty/v1", http=gateway.async_http()
    )

    assert await bearer.get_messages() == []
    with pytest.raises(ForbiddenError, match="Scope"):
        await bearer.send("Hello", to="+79990001234")
    refreshed = await client.refresh_token(made.refresh_token)
    assert refreshed.access_token != made.access_token
    with pytest.raises(UnauthorizedError):
        await client.refresh_token(made.refresh_token)
    await client.revoke_token(made.id)
    with pytest.raises(UnauthorizedError):
        await bearer.get_messages()


@pytest.mark.anyio
async def test_token_as_password_is_a_bearer_token(client, gateway):
    made = await client.generate_token(TokenRequest(scopes=["messages:list"]))

    bearer = AsyncAPIClient(
        None, made.access_token, base_url="http://gateway.test/3rdparty/v1", http=gateway.async_http()
    )

    assert await bearer.get_messages() == []


@pytest.mark.anyio
async def test_scopes_that_no_server_knows_end_in_an_error_that_says_where_the_known_ones_are(client, gateway):
    made = await client.generate_token(TokenRequest(scopes=["sms:send", "sms:read"], ttl=3600))
    bearer = AsyncAPIClient(
        None, made.access_token, base_url="http://gateway.test/3rdparty/v1", http=gateway.async_http()
    )

    with pytest.raises(ForbiddenError, match=r"messages:send.*add it to scopes=.*Scope"):
        await bearer.send("Hello", to="+79990001234")


@pytest.mark.anyio
async def test_wrong_password_is_unauthorized(gateway):
    stranger = AsyncAPIClient("demo", "wrong", base_url="http://gateway.test/3rdparty/v1", http=gateway.async_http())

    with pytest.raises(UnauthorizedError):
        await stranger.list_devices()


@pytest.mark.anyio
@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "ü"])
async def test_tokens_that_break_the_header_are_refused(client, http, token):
    with pytest.raises(ValueError, match="token"):
        await client.refresh_token(token)

    assert http.requests == []


@pytest.mark.anyio
async def test_path_like_ids_are_refused_everywhere(client, http):
    for call in (client.remove_device, client.delete_webhook, client.revoke_token):
        with pytest.raises(InvalidRequestError):
            await call("../messages")

    assert http.requests == []
