"""Tokens of both modes: lifetimes, rotation, revocation and scopes."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta

import pytest

CLOUD_SCOPES = [
    ("messages:send", "POST", "/messages"),
    ("messages:list", "GET", "/messages"),
    ("messages:read", "GET", "/messages/x"),
    ("messages:cancel", "DELETE", "/messages/x"),
    ("messages:export", "POST", "/messages/inbox/export"),
    ("inbox:list", "GET", "/inbox"),
    ("inbox:refresh", "POST", "/inbox/refresh"),
    ("devices:list", "GET", "/devices"),
    ("devices:delete", "DELETE", "/devices/x"),
    ("webhooks:list", "GET", "/webhooks"),
    ("webhooks:write", "POST", "/webhooks"),
    ("webhooks:delete", "DELETE", "/webhooks/x"),
    ("settings:read", "GET", "/settings"),
    ("settings:write", "PUT", "/settings"),
    ("settings:write", "PATCH", "/settings"),
    ("logs:read", "GET", "/logs"),
    ("tokens:manage", "POST", "/auth/token"),
    ("tokens:manage", "DELETE", "/auth/token/x"),
]
LOCAL_SCOPES = [
    ("messages:send", "POST", "/messages"),
    ("messages:read", "GET", "/message"),
    ("messages:read", "GET", "/messages/x"),
    ("messages:cancel", "DELETE", "/messages/x"),
    ("messages:export", "POST", "/messages/inbox/export"),
    ("inbox:list", "GET", "/inbox"),
    ("inbox:read", "GET", "/inbox/x/attachments/1"),
    ("inbox:refresh", "POST", "/inbox/refresh"),
    ("devices:list", "GET", "/device"),
    ("webhooks:list", "GET", "/webhook"),
    ("webhooks:write", "POST", "/webhooks"),
    ("webhooks:delete", "DELETE", "/webhooks/x"),
    ("settings:read", "GET", "/settings"),
    ("settings:write", "PATCH", "/settings"),
    ("logs:read", "GET", "/logs"),
    ("tokens:manage", "POST", "/auth/token"),
]


def bearer(pair, kind="access_token"):
    return f"Bearer {pair[kind]}"


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize(("scope", "method", "path"), CLOUD_SCOPES)
def test_each_cloud_operation_asks_for_its_scope(cloud, scope, method, path):
    right = bearer(cloud.token(scope))
    wrong = bearer(cloud.token("something:else"))
    everything = bearer(cloud.token("all:any"))

    refused = cloud(method, path, auth=wrong)

    assert (refused.status, refused.message) == (403, f"scope required: {scope}")
    assert cloud(method, path, auth=right).status not in {401, 403}
    assert cloud(method, path, auth=everything).status not in {401, 403}


@pytest.mark.parametrize(("scope", "method", "path"), LOCAL_SCOPES)
def test_each_local_operation_asks_for_its_scope(local, scope, method, path):
    other = "logs:read" if scope != "logs:read" else "settings:read"

    refused = local(method, path, auth=bearer(local.token(other)))

    assert (refused.status, refused.message) == (403, "Insufficient permissions")
    assert local(method, path, auth=bearer(local.token(scope))).status not in {401, 403}


def test_an_access_token_ends_with_the_second_it_names(cloud):
    cloud.clock.advance(0.5)
    pair = cloud.token("messages:list", ttl=60)
    assert datetime.fromisoformat(pair["expires_at"].replace("Z", "+00:00")) == cloud.clock() + timedelta(seconds=59.5)

    cloud.clock.advance(59.4)
    assert cloud("GET", "/messages", auth=bearer(pair)).status == 200
    cloud.clock.advance(0.1)

    assert cloud("GET", "/messages", auth=bearer(pair)).status == 401


@pytest.mark.parametrize(
    ("ttl", "lifetime"),
    [(None, 900), (0, 900), (60, 60), (901, 900), (10**15, 900)],
)
def test_lifetimes_are_capped_in_silence(cloud, ttl, lifetime):
    pair = cloud.token("a:b", **({} if ttl is None else {"ttl": ttl}))

    found = claims(pair["access_token"])

    assert found["exp"] - found["iat"] == lifetime
    assert claims(pair["refresh_token"])["exp"] - found["iat"] == 30 * 24 * 3600


def test_a_lifetime_that_overflows_to_the_negative_is_refused(cloud):
    answer = cloud("POST", "/auth/token", {"scopes": ["a:b"], "ttl": 10_000_000_000})

    assert answer.status == 400
    assert answer.message == "failed to generate token pair: invalid params: access ttl must be positive"


def test_the_servers_lifetimes_can_be_set(cloud):
    cloud.gateway.tokens.access_ttl = 3
    cloud.gateway.tokens.refresh_ttl = 5
    pair = cloud.token("messages:list", ttl=100)

    cloud.clock.advance(4)
    assert cloud("GET", "/messages", auth=bearer(pair)).status == 401
    assert cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token")).status == 201
    cloud.clock.advance(3601)

    assert cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token")).status == 401


def test_claims_are_those_of_the_server(cloud):
    pair = cloud.token("messages:list")

    access, refresh = claims(pair["access_token"]), claims(pair["refresh_token"])

    assert access["jti"] == pair["id"]
    assert access["iss"] == "sms-gate.app"
    assert access["sub"] == access["user_id"] == cloud.gateway.login
    assert access["scopes"] == refresh["original_scopes"] == ["messages:list"]
    assert refresh["scopes"] == ["tokens:refresh"]


def test_a_refresh_token_works_once_and_the_old_access_token_stays(cloud):
    pair = cloud.token("messages:list")

    fresh = cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token"))
    again = cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token"))

    assert (fresh.status, again.status) == (201, 401)
    assert cloud("GET", "/messages", auth=bearer(pair)).status == 200
    assert cloud("GET", "/messages", auth=bearer(fresh.json)).status == 200
    assert claims(fresh.json["access_token"])["scopes"] == ["messages:list"]


def test_a_token_that_merely_claims_the_refresh_scope_cannot_refresh(cloud):
    pair = cloud.token("tokens:refresh")

    assert cloud("POST", "/auth/token/refresh", auth=bearer(pair)).status == 401
    assert cloud("POST", "/auth/token/refresh", auth=bearer(cloud.token("all:any"))).status == 403


def test_revoking_the_access_token_takes_its_refresh_token_along(cloud):
    pair, other = cloud.token("messages:list"), cloud.token("messages:list")

    assert cloud("DELETE", f"/auth/token/{pair['id']}").status == 204

    assert cloud("GET", "/messages", auth=bearer(pair)).status == 401
    assert cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token")).status == 401
    assert cloud("GET", "/messages", auth=bearer(other)).status == 200


def test_revoking_the_refresh_token_leaves_the_access_token(cloud):
    pair = cloud.token("messages:list")

    cloud("DELETE", f"/auth/token/{claims(pair['refresh_token'])['jti']}")

    assert cloud("GET", "/messages", auth=bearer(pair)).status == 200
    assert cloud("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token")).status == 401


def test_a_server_without_a_secret_knows_no_tokens(cloud):
    pair = cloud.token("messages:list")

    cloud.gateway.tokens.enabled = False

    created = cloud("POST", "/auth/token", {"scopes": ["a:b"]})
    assert (created.status, created.message) == (501, "token service disabled, contact your administrator")
    assert cloud("DELETE", "/auth/token/x").status == 501
    assert cloud("POST", "/auth/token/refresh").status == 403
    assert cloud("GET", "/messages", auth=bearer(pair)).status == 401
    assert cloud("POST", "/auth/token", {}).status == 400


@pytest.mark.parametrize("damage", ["head", "claims", "signature", "none", "issuer"])
def test_forged_tokens_are_refused(cloud, open_gateway, damage):
    head, body, signature = cloud.token("messages:list")["access_token"].split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    local_token = open_gateway(mode="local").token("logs:read")["access_token"]
    token = {
        "head": f"x{head}.{body}.{signature}",
        "claims": f"{head}.{body[:-2]}AA.{signature}",
        "signature": f"{head}.{body}.{signature[:-2]}AA",
        "none": f"{unsigned}.{body}.",
        "issuer": local_token,  # the same seed signs with the same secret
    }[damage]

    assert cloud("GET", "/messages", auth=f"Bearer {token}").status == 401


def test_local_tokens_live_a_day_and_refresh_with_200(local):
    pair = local.token("messages:read")
    found = claims(pair["access_token"])
    assert found["exp"] - found["iat"] == 24 * 3600
    assert found["token_use"] == "access"
    assert claims(pair["refresh_token"])["exp"] - found["iat"] == 7 * 24 * 3600
    assert pair["expires_at"].endswith(".000Z")

    fresh = local("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token"))
    again = local("POST", "/auth/token/refresh", auth=bearer(pair, "refresh_token"))

    assert (fresh.status, again.status, again.content) == (200, 401, b"")
    assert local("GET", "/messages", auth=bearer(fresh.json)).status == 200
    assert local("DELETE", f"/auth/token/{fresh.json['id']}").status == 204
    assert local("GET", "/messages", auth=bearer(fresh.json)).status == 401


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "scopes must not be empty"),
        ({"scopes": [" "]}, "scopes must not be empty"),
        ({"scopes": ["messages:list"]}, "unsupported scope provided"),
        ({"scopes": ["tokens:refresh"]}, "unsupported scope provided"),
        ({"scopes": ["all:any"], "ttl": 0}, "ttl must be > 0"),
        ({"scopes": ["all:any"], "ttl": 366 * 24 * 3600}, "ttl exceeds maximum allowed value"),
        ({"scopes": "all:any"}, "Failed to convert request body: json: cannot unmarshal string"),
    ],
)
def test_local_token_requests_are_checked(local, body, message):
    answer = local("POST", "/auth/token", body)

    assert answer.status == 400
    assert answer.message.startswith(message)


def test_the_longest_local_token_has_a_refresh_token_of_the_same_life(local):
    year = 365 * 24 * 3600
    pair = local.token("all:any", ttl=year)

    access, refresh = claims(pair["access_token"]), claims(pair["refresh_token"])

    assert access["exp"] - access["iat"] == refresh["exp"] - refresh["iat"] == year


def test_only_a_refresh_token_refreshes_locally(local):
    basic = local("POST", "/auth/token/refresh")
    access = local("POST", "/auth/token/refresh", auth=bearer(local.token("all:any")))

    assert (basic.status, basic.message) == (401, "Unauthorized")
    assert (access.status, access.message) == (403, "Insufficient permissions")
