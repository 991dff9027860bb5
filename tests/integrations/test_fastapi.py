"""FastAPI integration: router, shared client, and errors as problem documents."""

from __future__ import annotations

import subprocess
import sys
import time
from http import HTTPStatus
from typing import Annotated

import anyio
import pytest

fastapi = pytest.importorskip("fastapi", reason="needs smsgate[fastapi]")

from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException  # noqa: E402 - after the check above
from fastapi.middleware.cors import CORSMiddleware  # noqa: E402
from starlette.middleware.base import BaseHTTPMiddleware  # noqa: E402

from eventually import LIMIT  # noqa: E402
from smsgate import AsyncAPIClient, domain, errors, webhooks  # noqa: E402
from smsgate.emulator import Gateway  # noqa: E402
from smsgate.fastapi import (  # noqa: E402
    SharedClient,
    WebhookRouter,
    install_error_handlers,
    lifespan_client,
    shared_client,
)

KEY = "key-of-the-phone"
pytestmark = pytest.mark.anyio


@pytest.fixture
def seen():
    return []


@pytest.fixture
def hooks(seen):
    router = WebhookRouter("/sms", signing_key=KEY, max_body=100_000)

    @router.on(webhooks.SmsReceived)
    async def keep(event: webhooks.SmsReceived) -> None:
        seen.append(event.payload.message)

    return router


@pytest.fixture
def app(hooks):
    application = FastAPI()
    application.include_router(hooks)
    return application


# --- receiving --------------------------------------------------------------------------------------------------------


async def test_event_is_answered_and_handled_without_a_lifespan(app, post, envelope, seen):
    body = envelope()

    answers = [await post(app, body), await post(app, body)]

    assert [(answer.status_code, answer.json()["reason"]) for answer in answers] == [
        (200, "accepted"),
        (200, "repeated"),
    ]
    assert seen == ["hello"]


async def test_content_type_does_not_matter(app, request_to, envelope, post, seen):
    for content_type in ("application/json; charset=UTF-8", "text/plain", None):
        body = envelope()
        moment = "1790000000"
        signed = {"X-Signature": webhooks.sign(body, moment, KEY), "X-Timestamp": moment}
        extra = {} if content_type is None else {"Content-Type": content_type}
        old = await request_to(app, "POST", "/sms", content=body, headers={**signed, **extra})
        assert old.json()["reason"].startswith("timestamp_too")
        assert (await post(app, body)).status_code == 200
    assert len(seen) == 3


async def test_refusals(app, post, envelope, request_to):
    answers = [
        await post(app, envelope(), headers={}),
        await post(app, b"[]"),
        await post(app, b"x" * 100_001),
        await request_to(app, "GET", "/sms"),
    ]

    assert [answer.status_code for answer in answers] == [401, 400, 413, 405]
    assert answers[0].json() == {"reason": "missing_header", "detail": "the request has no X-Signature"}
    assert KEY not in "".join(answer.text for answer in answers)


async def test_body_beyond_what_a_function_is_asked_about_is_refused_by_name(post, envelope):
    app, seen = FastAPI(), []
    hooks = WebhookRouter("/sms", signing_key={"phone-1": KEY}.get, max_unverified=1000)
    hooks.on(webhooks.UnknownEvent)(lambda event: seen.append(event.reason))
    app.include_router(hooks)

    large = await post(app, envelope(message="x" * 1000))
    unread = await post(app, envelope(message=[]))

    assert (large.status_code, large.headers["connection"], unread.status_code) == (413, "close", 200)
    assert "max_unverified" in large.json()["detail"]
    assert seen == ["payload.message (string_type)"]


async def test_key_may_be_looked_up_by_device_in_a_mapping_or_with_await(post, envelope):
    async def look_up(device):
        return {"phone-1": KEY}.get(device)

    for key in (look_up, {"phone-1": ["new", KEY]}, ["other", KEY]):
        app = FastAPI()
        app.include_router(WebhookRouter("/sms", signing_key=key))

        assert (await post(app, envelope())).json()["reason"] == "unhandled"


async def test_unhandled_and_unknown_events_are_answered_2xx(app, post, envelope):
    for name in ("sms:sent", "sms:some-new-event"):
        assert (await post(app, envelope(name))).json()["reason"] == "unhandled"


async def test_router_can_be_included_under_a_prefix_and_twice(hooks, post, envelope, seen):
    app = FastAPI()
    app.include_router(hooks, prefix="/api")
    app.include_router(hooks)

    statuses = [(await post(app, envelope(), path)).status_code for path in ("/api/sms", "/sms")]

    assert statuses == [200, 200]
    assert len(seen) == 2


async def test_dependencies_of_the_application_run_before_an_event_is_accepted(hooks, post, envelope, seen):
    def refuse():
        raise HTTPException(403, "not from here")

    app = FastAPI()
    app.include_router(hooks, dependencies=[Depends(refuse)])

    answer = await post(app, envelope())

    assert (answer.status_code, seen) == (403, [])


async def test_background_tasks_of_dependencies_run(hooks, post, envelope, seen):
    def count(tasks: BackgroundTasks):
        tasks.add_task(seen.append, "counted")

    app = FastAPI()
    app.include_router(hooks, dependencies=[Depends(count)])

    await post(app, envelope())

    assert sorted(seen) == ["counted", "hello"]


async def test_handlers_are_waited_for_at_the_end_as_long_as_is_said(post, envelope):
    hooks = WebhookRouter("/sms", signing_key=KEY, drain=0.1)
    begun = anyio.Event()

    @hooks.on()
    async def endless(_event):
        begun.set()
        await anyio.sleep_forever()

    app = FastAPI()
    app.include_router(hooks)

    async with anyio.create_task_group() as tasks:
        async with app.router.lifespan_context(app):
            tasks.start_soon(post, app, envelope())
            with anyio.fail_after(LIMIT):
                await begun.wait()
            started = time.monotonic()
        took = time.monotonic() - started

    assert 0.1 <= took < LIMIT


async def test_middleware_does_not_get_into_the_way(app, post, envelope, seen):
    class Reading(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            await request.body()
            return await call_next(request)

    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    app.add_middleware(Reading)

    assert (await post(app, envelope())).status_code == 200
    assert seen == ["hello"]


async def test_lifespan_of_the_router_runs_with_that_of_the_application(hooks, post, envelope, seen):
    app = FastAPI(lifespan=lifespan_client("login", "password"))
    app.include_router(hooks)

    async with app.router.lifespan_context(app):
        assert isinstance(app.state.smsgate_client, AsyncAPIClient)
        await post(app, envelope())

    assert seen == ["hello"]


def test_events_and_answers_are_in_the_schema(app):
    document = app.openapi()
    operation = document["paths"]["/sms"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]

    assert {"$ref": "#/components/schemas/SmsReceived"} in body["anyOf"]
    assert len(body["anyOf"]) == 15
    assert set(operation["responses"]) == {"200", "400", "401", "413", "default"}
    assert {(one["name"], one["in"], one["required"]) for one in operation["parameters"]} == {
        ("X-Signature", "header", True),
        ("X-Timestamp", "header", True),
    }
    assert set(document["components"]["schemas"]["SmsReceived"]["properties"]) >= {"id", "webhookId", "deviceId"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_route_can_be_left_out_of_the_schema():
    app = FastAPI()
    app.include_router(WebhookRouter("/sms", signing_key=KEY, include_in_schema=False))

    assert app.openapi()["paths"] == {}


def test_wrong_options_are_refused_at_once():
    for path, key in (("sms", KEY), ("/sms", ""), ("/sms", {})):
        with pytest.raises(errors.ConfigurationError):
            WebhookRouter(path, signing_key=key)


def test_missing_framework_is_told_in_one_sentence():
    code = """
import sys
sys.modules["fastapi"] = None
try:
    import smsgate.fastapi
except ImportError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.endswith("pip install 'smsgate[fastapi]'\n")


# --- the shared client ------------------------------------------------------------------------------------------------


@pytest.fixture
def gateway():
    return Gateway()


def with_client(lifespan):
    app = FastAPI(lifespan=lifespan)

    @app.get("/devices")
    async def devices(client: SharedClient) -> list[str]:
        return [device.name for device in await client.list_devices()]

    @app.get("/again")
    async def again(client: Annotated[AsyncAPIClient, Depends(shared_client)], other: SharedClient) -> bool:
        return client is other

    return app


async def test_path_operations_share_one_client(gateway, request_to):
    app = with_client(lifespan_client(gateway.login, gateway.password, http=gateway.async_http()))

    async with app.router.lifespan_context(app):
        devices = await request_to(app, "GET", "/devices")
        again = await request_to(app, "GET", "/again")

    assert devices.json() == [device.name for device in gateway.devices]
    assert again.json() is True


async def test_client_made_elsewhere_is_shared(gateway, request_to):
    client = AsyncAPIClient(gateway.login, gateway.password, http=gateway.async_http())
    app = with_client(lifespan_client(client))

    async with app.router.lifespan_context(app):
        assert (await request_to(app, "GET", "/devices")).status_code == 200
        assert app.state.smsgate_client is client

    assert not hasattr(app.state, "smsgate_client")


async def test_client_is_made_from_the_environment_or_a_token(monkeypatch):
    monkeypatch.setenv("SMSGATE_TOKEN", "token")

    for lifespan in (lifespan_client(), lifespan_client(None, "token")):
        app = FastAPI(lifespan=lifespan)
        async with app.router.lifespan_context(app):
            assert isinstance(app.state.smsgate_client, AsyncAPIClient)


async def test_application_without_client_says_what_is_missing(request_to):
    with pytest.raises(errors.ConfigurationError, match="lifespan_client"):
        await request_to(with_client(None), "GET", "/devices")


def test_options_for_a_client_that_is_made_are_refused():
    with pytest.raises(errors.ConfigurationError, match="no options"):
        lifespan_client(AsyncAPIClient("login", "password"), timeout=5)


# --- errors as answers ------------------------------------------------------------------------------------------------


def failing(error):
    app = FastAPI()
    install_error_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    return app


def limited():
    error = errors.RateLimitError("slow down", 429)
    error.retry_after = 7.4
    return error


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (errors.NotFoundError("no such message", 404), 404, "no such message"),
        (errors.ConflictError("taken", 409), 409, "taken"),
        (errors.BadRequestError("bad number", 400), 422, "bad number"),
        (errors.InvalidRequestError("an empty id"), 422, "an empty id"),
        (errors.UnauthorizedError("Unauthorized", 401), 502, "The SMS gateway refused the call."),
        (errors.InternalServerError("dial tcp 10.0.0.1", 500), 502, "The SMS gateway refused the call."),
        (errors.ServiceUnavailableError("queue full", 503), 503, "The SMS gateway is not ready."),
        (limited(), 503, "The SMS gateway is busy."),
        (errors.RequestTimeoutError("read timed out"), 504, "The SMS gateway did not answer in time."),
        (errors.ConnectError("refused"), 502, "The SMS gateway could not be reached."),
        (errors.WaitTimeoutError("not finished"), 504, "The message was not finished in time."),
        (errors.ResponseError("an HTML page"), 502, "The SMS gateway's answer could not be read."),
        (errors.ConfigurationError("no password"), 500, "The SMS gateway is not set up correctly."),
        (errors.SignatureError("wrong key"), 401, "wrong key"),
        (errors.PayloadError("no event"), 400, "no event"),
    ],
)
async def test_errors_become_problem_documents(request_to, error, status, detail):
    answer = await request_to(failing(error), "GET", "/")

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    title = HTTPStatus(status).phrase
    assert answer.json() == {"type": "about:blank", "title": title, "status": status, "detail": detail}
    assert answer.headers.get("retry-after") == ("7" if isinstance(error, errors.RateLimitError) else None)


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (errors.UnauthorizedError("Unauthorized", 401), "answered 502: UnauthorizedError 401"),
        (errors.ConfigurationError("no password"), "answered 500: ConfigurationError"),
        (errors.ConnectError("refused"), "answered 502: ConnectError"),
        (errors.InternalServerError("dial tcp 10.0.0.1", 500), "answered 502: InternalServerError 500"),
    ],
)
async def test_faults_of_the_application_itself_are_logged(request_to, caplog, error, line):
    await request_to(failing(error), "GET", "/")

    (record,) = [record for record in caplog.records if record.name.startswith("smsgate")]
    assert (record.levelname, record.getMessage()) == ("ERROR", line)
    assert record.exc_info[1] is error


async def test_strict_body_is_answered_422_with_the_place_and_a_good_one_is_built(request_to):
    app = FastAPI()

    @app.post("/jobs")
    async def job(message: domain.Strict[domain.Message]) -> str:
        return message.content

    good = {"phoneNumbers": ["+12025550101"], "textMessage": {"text": "Hi"}}
    answers = {
        name: await request_to(app, "POST", "/jobs", json={**good, **more})
        for name, more in {
            "good": {},
            "scheduleAt": {"scheduleAt": "2030-01-01T09:00:00"},
            "sheduleAt": {"sheduleAt": "2030-01-01T09:00:00Z"},
            "phoneNumbers": {"phoneNumbers": "+12025550101"},
        }.items()
    }

    assert (answers["good"].status_code, answers.pop("good").json()) == (200, "Hi")
    for name, answer in answers.items():
        assert answer.status_code == 422
        assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", name]]
    schema = (await request_to(app, "GET", "/openapi.json")).json()
    body = schema["paths"]["/jobs"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (body["title"], body["additionalProperties"]) == ("Message", False)


async def test_faults_of_callers_are_not_logged(request_to, caplog):
    for error in (errors.NotFoundError("no such message", 404), errors.InvalidRequestError("an empty id")):
        await request_to(failing(error), "GET", "/")

    assert [record for record in caplog.records if record.name.startswith("smsgate")] == []


@pytest.mark.parametrize(
    "wait", [float("inf"), 1e308, 10**400, float("nan"), -5.0, 0.4, "soon", None], ids=lambda wait: str(wait)[:9]
)
async def test_any_time_to_wait_can_be_told(request_to, wait):
    error = errors.RateLimitError("slow down", 429)
    error.retry_after = wait

    answer = await request_to(failing(error), "GET", "/")

    assert answer.status_code == 503
    assert answer.headers.get("retry-after", "0").isdigit()


async def test_text_of_a_server_is_short_and_printable_in_an_answer(request_to):
    answer = await request_to(failing(errors.NotFoundError("a\n\x1b[31m" + "x" * 9999, 404)), "GET", "/")

    assert answer.json()["detail"].isprintable()
    assert len(answer.json()["detail"]) <= 500


async def test_unknown_outcome_names_the_message(request_to):
    answer = await request_to(failing(errors.SendOutcomeUnknownError("?", message_id="m1")), "GET", "/")

    assert (answer.status_code, answer.json()["message_id"]) == (502, "m1")


async def test_without_being_asked_errors_stay_errors(request_to):
    app = FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise errors.NotFoundError("x", 404)

    with pytest.raises(errors.NotFoundError):
        await request_to(app, "GET", "/")
