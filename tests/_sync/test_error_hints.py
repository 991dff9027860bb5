# Written by scripts/unasync.py from tests/_async/test_error_hints.py; change that file instead.
"""Hints of errors about refused credentials and failed connections."""

from __future__ import annotations

import socket

import pytest

from smsgate import (
    APIClient,
    APIError,
    BearerAuth,
    ConflictError,
    ConnectError,
    ForbiddenError,
    JWTAuth,
    RequestTimeoutError,
    RetryPolicy,
    Scope,
    TransportError,
    UnauthorizedError,
)
from smsgate.emulator import Gateway
from smsgate.http import Response

CLOUD = "http://gateway.test:8080/3rdparty/v1"
PHONE = "http://phone.test:8080"
ONCE = RetryPolicy.none()
PAGE = b"<html>error code: 1010</html>"


def client(gateway, *arguments, base_url=CLOUD, **options):
    return APIClient(*arguments, base_url=base_url, http=gateway.http(), retry=ONCE, **options)


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        (
            {"login": "demo", "password": "wrong-secret"},
            "login and password were sent to gateway.test:8080: check both",
        ),
        ({"auth": BearerAuth("wrong-secret")}, "an access token was sent to gateway.test:8080: .*expired"),
        ({"auth": JWTAuth("demo", "wrong-secret", [Scope.MESSAGES_READ])}, "login and password were sent to gateway"),
    ],
)
@pytest.mark.parametrize(("mode", "base_url"), [("cloud", CLOUD), ("local", PHONE)])
def test_refused_credentials_are_named_by_kind_and_host(credentials, said, mode, base_url):
    refused = client(Gateway(mode=mode, phone=False), base_url=base_url, **credentials)

    expected = said if mode == "cloud" else said.replace("gateway", "phone")
    with pytest.raises(UnauthorizedError, match=expected) as caught:
        refused.get_state("m1")

    assert "wrong-secret" not in str(caught.value)
    assert ("Local Server" in str(caught.value)) == (mode == "local" and "password" in said)


def test_refused_refresh_token_is_called_one():
    with pytest.raises(UnauthorizedError, match=r"a refresh token was sent to gateway\.test:8080.*once"):
        client(Gateway(), "demo", "demo-password").refresh_token("used")


@pytest.mark.parametrize(("mode", "base_url"), [("cloud", CLOUD), ("local", PHONE)])
def test_missing_scope_is_named_once_with_where_to_add_it(mode, base_url):
    lacking = JWTAuth("demo", "demo-password", [Scope.SETTINGS_READ])
    refused = client(Gateway(mode=mode, phone=False), base_url=base_url, auth=lacking)

    with pytest.raises(ForbiddenError) as caught:
        refused.get_state("m1")

    text = str(caught.value)
    assert text.count("messages:read") == 1
    assert text.count("add ") == text.count("to scopes=") == 1
    assert sum(scope in text for scope in Scope) == 1


def test_phone_s_own_scope_of_the_list_is_named():
    lacking = JWTAuth("demo", "demo-password", [Scope.SETTINGS_READ])

    with pytest.raises(ForbiddenError, match="add messages:read to scopes="):
        client(Gateway(mode="local"), base_url=PHONE, auth=lacking).get_messages()


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [PAGE, b"", b"denied", b"[]", b'{"error": "denied"}'])
@pytest.mark.parametrize("credentials", [("login", "password"), (None, "token")])
def test_refusal_by_what_is_before_the_gateway_is_no_matter_of_scopes(answered, status, body, credentials):
    _, backend = answered(Response(status, {"Server": "cloudflare"}, body))
    refused = APIClient(*credentials, base_url=CLOUD, http=backend, retry=ONCE)

    with pytest.raises(APIError, match=r"gateway\.test:8080 is not the gateway's own.*base_url.*CDN") as caught:
        refused.send("Hello", to="+79990001234")

    assert "scope" not in str(caught.value)


def test_refused_cancel_says_why():
    gateway = Gateway()
    user = client(gateway, "demo", "demo-password")
    sent = user.send("Hello", to="+79990001234")
    user.cancel_message(sent.id)

    with pytest.raises(ConflictError, match="only a pending message can be cancelled"):
        user.cancel_message(sent.id)


@pytest.mark.parametrize(
    ("base_url", "place"),
    [
        (CLOUD, "gateway.test:8080"),
        ("https://gateway.test/3rdparty/v1", "gateway.test:443"),
        ("http://gateway.test/3rdparty/v1", "gateway.test:80"),
        ("http://[::1]/3rdparty/v1", "[::1]:80"),
    ],
)
@pytest.mark.parametrize("kind", [ConnectError, RequestTimeoutError])
def test_connection_that_does_not_come_about_is_named_by_host_and_port(answered, base_url, place, kind):
    failure = kind("no connection: Connection refused", sent=False)
    _, backend = answered(failure)
    user = APIClient("login", "password", base_url=base_url, http=backend, retry=RetryPolicy(base_delay=0))

    with pytest.raises(kind) as caught:
        user.list_devices()

    assert str(caught.value) == f"no connection: Connection refused (to {place})"


@pytest.mark.parametrize(
    "error", [TransportError("broken", sent=False), ConnectError("x", sent=None), ConnectError("")]
)
def test_other_transport_errors_stay_as_they_are_or_get_a_place(answered, error):
    text = str(error)
    user, _ = answered(error)

    with pytest.raises(TransportError) as caught:
        user.list_devices()

    assert str(caught.value) in {text, f"{text} (to gateway.test:80)"}


@pytest.mark.parametrize(
    ("why", "advised"),
    [
        ("the certificate was not accepted, self-signed certificate", True),
        ("the certificate was not accepted, self signed certificate in certificate chain", True),
        ("the certificate was not accepted, unable to get local issuer certificate", True),
        ("invalid peer certificate: UnknownIssuer", True),
        ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", True),
        ("invalid peer certificate: Expired", False),
        ("the certificate was not accepted, certificate has expired", False),
        ("Connection refused", False),
    ],
)
def test_untrusted_certificate_comes_with_the_option(answered, why, advised):
    user, _ = answered(ConnectError(f"no connection: {why}"))

    with pytest.raises(ConnectError) as caught:
        user.list_devices()

    assert ("verify=" in str(caught.value)) == advised


def test_refused_connection_of_a_real_socket_is_named():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    user = APIClient("login", "password", base_url=f"http://127.0.0.1:{port}", http="httpx", retry=ONCE)

    with user:
        with pytest.raises(ConnectError, match=rf"\(to 127\.0\.0\.1:{port}\)"):
            user.list_devices()
