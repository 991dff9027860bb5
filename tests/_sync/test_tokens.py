# Written by scripts/unasync.py from tests/_async/test_tokens.py; change that file instead.
"""Automatic refresh of tokens, and 401 responses caused by an outage."""

from __future__ import annotations

import base64
import json
import stat
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from smsgate import (
    APIClient,
    ConfigurationError,
    FileTokenStore,
    ForbiddenError,
    JWTAuth,
    MemoryTokenStore,
    NotImplementedByServerError,
    ResponseError,
    RetryPolicy,
    Scope,
    ServiceUnavailableError,
    SMSGateError,
    UnauthorizedError,
)
from smsgate.auth import TokenPair
from smsgate.emulator import Faults, Gateway, ManualClock

BASE_URL = "http://gateway.test/3rdparty/v1"
FAST = RetryPolicy(base_delay=0.0, max_delay=0.0)
SCOPES = [Scope.MESSAGES_LIST, Scope.MESSAGES_READ, Scope.MESSAGES_SEND]
MINT, REFRESH, LIST, SEND = "POST /auth/token", "POST /auth/token/refresh", "GET /messages", "POST /messages"


class Counter(Faults):
    """Lets everything pass and notes what was asked."""

    def __init__(self, faults=None):
        super().__init__(lambda: None)
        self.inner = faults
        self.asked = []

    def __call__(self, request):
        self.asked.append(f"{request.method} {request.url.split('/3rdparty/v1')[-1].split('?')[0]}")
        return self.inner(request) if self.inner else None


@pytest.fixture
def cloud():
    gateway = Gateway(phone=False)
    gateway.faults = Counter()
    return gateway


def user(gateway, login="demo", password="demo-password", *, retry=FAST, mode="3rdparty/v1", **options):
    auth = JWTAuth(login, password, options.pop("scopes", SCOPES), **options)
    return APIClient(auth=auth, base_url=f"http://gateway.test/{mode}", http=gateway.http(), retry=retry)


def test_first_call_fetches_a_token_and_the_next_ones_use_it(cloud):
    client = user(cloud)

    client.get_messages()
    client.get_messages()

    assert cloud.faults.asked == [MINT, LIST, LIST]


def test_token_has_the_scopes_asked_for_and_no_others(cloud):
    client = user(cloud, scopes=[Scope.MESSAGES_LIST])

    client.get_messages()

    with pytest.raises(ForbiddenError, match="messages:send"):
        client.send("Hello", to="+79990001234")


@pytest.mark.parametrize("mode", ["cloud", "local"])
def test_token_is_refreshed_shortly_before_its_end(mode):
    gateway = Gateway(phone=False, mode=mode)
    gateway.faults = Counter()
    prefix = "3rdparty/v1" if mode == "cloud" else ""
    client = user(gateway, mode=prefix, scopes=[Scope.MESSAGES_READ, Scope.MESSAGES_SEND])
    sent = client.send("Hello", to="+79990001234")
    client._exchange._refresher._pair = ended(client._exchange._refresher._pair)

    client.get_state(sent.id)

    assert [step.rsplit("/", 1)[-1] for step in gateway.faults.asked].count("refresh") == 1


@pytest.mark.parametrize("mode", ["cloud", "local"])
def test_token_with_a_lifetime_of_its_own_is_made_anew_with_it(mode):
    gateway = Gateway(phone=False, mode=mode)
    gateway.faults = Counter()
    prefix = "3rdparty/v1" if mode == "cloud" else ""
    client = user(gateway, mode=prefix, ttl=3, scopes=[Scope.MESSAGES_READ, Scope.MESSAGES_SEND])
    sent = client.send("Hello", to="+79990001234")
    refresher = client._exchange._refresher

    for _ in range(3):
        assert refresher._pair.lifetime == 3
        refresher._pair = ended(refresher._pair)
        client.get_state(sent.id)

    steps = [step.rsplit("/", 1)[-1] for step in gateway.faults.asked]
    assert (steps.count("token"), steps.count("refresh")) == (4, 0)


def ended(pair):
    """The same pair, seen as at the end of its life."""
    return TokenPair(pair.id, pair.access_token, pair.refresh_token, pair.ends_at.replace(year=2020), pair.lifetime)


def test_refused_token_is_renewed_once_and_the_call_repeated():
    clock = ManualClock()
    gateway = Gateway(phone=False, clock=clock)
    gateway.faults = Counter()
    client = user(gateway)
    client.get_messages()
    clock.advance(901)  # the server's clock runs ahead of the client's

    client.get_messages()

    assert gateway.faults.asked == [MINT, LIST, LIST, REFRESH, LIST]


def test_lost_answer_to_a_refresh_is_survived(cloud):
    client = user(cloud)
    client.get_messages()
    refresher = client._exchange._refresher
    refresher._pair = ended(refresher._pair)
    cloud.faults = Counter(Faults.script(["lost"], only=[REFRESH]))

    client.get_messages()

    assert cloud.faults.asked == [REFRESH, MINT, LIST]


def test_used_refresh_token_falls_back_to_the_password(cloud):
    client = user(cloud)
    client.get_messages()
    refresher = client._exchange._refresher
    old = refresher._pair
    refresher._pair = ended(old)
    client.get_messages()
    refresher._pair = ended(old)
    refresher._store.save(refresher._key, None)
    cloud.faults.asked.clear()

    client.get_messages()

    assert cloud.faults.asked == [REFRESH, "GET /health", MINT, LIST]


def test_wrong_password_ends_in_unauthorized_after_one_look_at_the_health(cloud):
    client = user(cloud, password="wrong")

    with pytest.raises(UnauthorizedError):
        client.get_messages()

    assert cloud.faults.asked == [MINT, "GET /health"]


def test_server_without_tokens_says_what_to_do(cloud):
    cloud.tokens.enabled = False
    client = user(cloud)

    with pytest.raises(NotImplementedByServerError, match="use login and password"):
        client.get_messages()


def test_refused_basic_credentials_during_an_outage_are_the_server_s_failure(cloud):
    cloud.outage(True)
    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=cloud.http(), retry=FAST)

    with pytest.raises(ServiceUnavailableError) as caught:
        client.get_messages()

    assert isinstance(caught.value.__cause__, UnauthorizedError)
    assert cloud.faults.asked.count("GET /health") == 1
    assert cloud.faults.asked.count(LIST) == 4


def test_wrong_basic_credentials_are_wrong_after_one_look_at_the_health(cloud):
    client = APIClient("demo", "wrong", base_url=BASE_URL, http=cloud.http(), retry=FAST)

    with pytest.raises(UnauthorizedError):
        client.get_messages()

    assert cloud.faults.asked == [LIST, "GET /health"]


def test_outage_neither_throws_a_good_refresh_token_away_nor_tries_the_password(cloud):
    client = user(cloud)
    client.get_messages()
    refresher = client._exchange._refresher
    refresher._pair = ended(refresher._pair)
    cloud.outage(True)
    cloud.faults.asked.clear()

    with pytest.raises(ServiceUnavailableError):
        client.get_messages()
    assert MINT not in cloud.faults.asked
    cloud.outage(False)
    cloud.faults.asked.clear()
    client.get_messages()

    assert cloud.faults.asked == [REFRESH, LIST]


def test_send_during_an_outage_is_not_stored_and_repeated_without_asking(cloud):
    client = user(cloud)
    client.get_messages()
    cloud.outage(True)

    with pytest.raises(ServiceUnavailableError):
        client.send("Hello", to="+79990001234")

    assert not any(step.startswith("GET /messages/") for step in cloud.faults.asked)
    assert cloud.messages == []


def test_token_call_during_an_outage_is_not_repeated_but_told_apart(cloud):
    cloud.outage(True)
    client = APIClient("demo", "demo-password", base_url=BASE_URL, http=cloud.http(), retry=FAST)

    with pytest.raises(ServiceUnavailableError):
        client.refresh_token("some-token")

    assert cloud.faults.asked.count(REFRESH) == 1


def test_failing_mint_is_repeated_like_a_503(cloud):
    cloud.faults = Counter(Faults.script([500, 502, "refuse"], only=[MINT]))
    client = user(cloud)

    client.get_messages()

    assert cloud.faults.asked.count(MINT) == 4


def test_pair_is_shared_through_a_store(cloud, tmp_path):
    for store in (MemoryTokenStore(), FileTokenStore(tmp_path / "tokens.json")):
        cloud.faults.asked.clear()
        for _ in range(2):
            user(cloud, store=store).get_messages()

        assert cloud.faults.asked == [MINT, LIST, LIST]


def test_pair_renewed_by_another_process_is_taken_from_the_store(cloud):
    store = MemoryTokenStore()
    first, second = user(cloud, store=store), user(cloud, store=store)
    first.get_messages()
    second.get_messages()
    refresher = first._exchange._refresher
    refresher._pair = ended(refresher._pair)
    first.get_messages()
    stale = second._exchange._refresher
    stale._pair = ended(stale._pair)
    cloud.faults.asked.clear()

    second.get_messages()

    assert cloud.faults.asked == [LIST]


def test_older_pair_of_a_store_that_could_not_be_written_is_left_alone(cloud):
    store = MemoryTokenStore()
    client = user(cloud, store=store)
    client.get_messages()
    refresher = client._exchange._refresher
    older = store.load(refresher._key)
    refresher._pair = ended(refresher._pair)
    client.get_messages()
    refresher._pair = replace(refresher._pair, ends_at=datetime.now(timezone.utc) + timedelta(seconds=20))
    store.save(refresher._key, ended(older))
    cloud.faults.asked.clear()

    client.get_messages()

    assert cloud.faults.asked == [REFRESH, LIST]


def test_refused_token_is_replaced_by_the_pair_that_another_process_has_made_since(cloud):
    store = MemoryTokenStore()
    first, second = user(cloud, store=store), user(cloud, store=store)
    first.get_messages()
    second.get_messages()
    APIClient("demo", "demo-password", base_url=BASE_URL, http=cloud.http()).revoke_token(
        first._exchange._refresher._pair.id
    )
    first.get_messages()
    cloud.faults.asked.clear()

    second.get_messages()

    assert cloud.faults.asked == [LIST, LIST]  # refused, and again with the pair of the first


@pytest.mark.parametrize("fault", ["refuse", 429, 500, 502, 503, 504, 408])
def test_failed_refresh_that_used_nothing_up_is_repeated_with_the_same_token(cloud, fault):
    client = user(cloud)
    client.get_messages()
    refresher = client._exchange._refresher
    refresher._pair = ended(refresher._pair)
    cloud.faults = Counter(Faults.script([fault], only=[REFRESH]))

    client.get_messages()

    assert cloud.faults.asked == [REFRESH, REFRESH, LIST]


@pytest.mark.parametrize("fault", ["refuse", 429, 503])
def test_pair_survives_a_refresh_that_fails_to_the_end(cloud, fault):
    client = user(cloud, retry=RetryPolicy.none())
    client.get_messages()
    refresher = client._exchange._refresher
    refresher._pair = ended(refresher._pair)
    cloud.faults = Counter(Faults.script([fault], only=[REFRESH]))

    with pytest.raises(SMSGateError):
        client.get_messages()
    client.get_messages()

    assert cloud.faults.asked == [REFRESH, REFRESH, LIST]


@pytest.mark.parametrize("fault", ["500-handled", "503-handled", "garbage-handled"])
def test_refresh_that_worked_behind_an_error_ends_in_a_new_pair(cloud, fault):
    client = user(cloud)
    client.get_messages()
    refresher = client._exchange._refresher
    refresher._pair = ended(refresher._pair)
    cloud.faults = Counter(Faults.script([fault], only=[REFRESH]))

    client.get_messages()

    assert cloud.faults.asked[-2:] == [MINT, LIST]
    assert cloud.faults.asked.count(MINT) == 1


@pytest.mark.parametrize("fault", ["garbage", "garbage-handled"])
def test_unreadable_answer_to_a_token_request_is_worth_another_attempt(cloud, fault):
    cloud.faults = Counter(Faults.script([fault], only=[MINT]))

    user(cloud).get_messages()

    assert cloud.faults.asked == [MINT, MINT, LIST]


def test_unreadable_answers_to_token_requests_to_the_end_say_so(cloud):
    cloud.faults = Counter(Faults.script(["garbage"] * 9, only=[MINT]))

    with pytest.raises(ResponseError) as caught:
        user(cloud).send("Hello", to="+79990001234")

    assert caught.value.message_id is None
    assert cloud.faults.asked == [MINT] * 4


@pytest.mark.parametrize(
    "expires",
    [10**18, 10**400, float("inf"), float("nan"), "never", [[]]],
    ids=["far", "farther", "inf", "nan", "text", "list"],
)
def test_end_of_life_beyond_all_time_is_no_trouble(answered, expires):
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": expires}).encode()).decode().rstrip("=")
    pair = {
        "id": "a",
        "token_type": "Bearer",
        "access_token": f"x.{claims}.x",
        "refresh_token": "r",
        "expires_at": "9999-12-31T23:59:59Z",
    }
    store = MemoryTokenStore()
    auth = JWTAuth("demo", "demo-password", SCOPES, store=store)
    _, backend = answered((201, json.dumps(pair).encode()), (200, b"[]"))
    client = APIClient(auth=auth, base_url=BASE_URL, http=backend)

    client.get_messages()
    client.get_messages()

    assert [request.method for request in backend.requests] == ["POST", "GET", "GET"]
    kept = store.load(auth.store_key(BASE_URL))
    assert TokenPair.from_dict(json.loads(json.dumps(kept.asdict()))) == kept


def test_closing_revokes_the_pair_when_asked_to(cloud):
    store = MemoryTokenStore()
    with user(cloud, revoke_on_close=True, store=store) as client:
        client.get_messages()
        token = client._exchange._refresher._pair.access_token

    stranger = APIClient(None, token, base_url=BASE_URL, http=cloud.http(), retry=FAST)
    with pytest.raises(UnauthorizedError):
        stranger.get_messages()
    assert repr(store) == "MemoryTokenStore(0 pairs)"
    with pytest.warns(ResourceWarning, match="closed"):
        client.get_messages()  # opens again, with a new token


def test_closing_forgets_no_pair_of_another_process(cloud):
    store = MemoryTokenStore()
    with user(cloud, revoke_on_close=True, store=store) as first:
        first.get_messages()
        newer = replace(first._exchange._refresher._pair, id="newer")
        key = first._exchange._refresher._key
        store.save(key, newer)

    assert store.load(key) == newer
    assert any(step.startswith("DELETE /auth/token/") for step in cloud.faults.asked)


class UnforeseenError(Exception):
    """What no code of the package knows."""


class Broken(MemoryTokenStore):
    """A store that fails when it is told to."""

    broken = False

    def load(self, key):
        if self.broken:
            raise UnforeseenError
        return super().load(key)


def test_closing_revokes_and_closes_though_the_store_fails(cloud):
    store = Broken()
    http = Closing(cloud.http())
    auth = JWTAuth("demo", "demo-password", SCOPES, store=store, revoke_on_close=True)
    client = APIClient(auth=auth, base_url=BASE_URL, http=http, retry=FAST)
    client.get_messages()
    store.broken = True

    with pytest.raises(UnforeseenError):
        client.close()

    assert http.closed == 1
    assert any(step.startswith("DELETE /auth/token/") for step in cloud.faults.asked)
    store.broken = False
    with pytest.warns(ResourceWarning, match="closed"):
        client.get_messages()


def test_closing_closes_though_a_hook_fails(cloud):
    def hook(event):
        if event.operation == "revoke_token":
            raise UnforeseenError

    http = Closing(cloud.http())
    auth = JWTAuth("demo", "demo-password", SCOPES, revoke_on_close=True)
    client = APIClient(auth=auth, base_url=BASE_URL, http=http, retry=FAST, on_request=hook)
    client.get_messages()

    with pytest.raises(UnforeseenError):
        client.close()

    assert http.closed == 1


class Closing:
    """A backend that counts how often it was closed."""

    def __init__(self, inner):
        self.inner = inner
        self.closed = 0
        self.send = inner.send
        self.stream = inner.stream

    def close(self):
        self.closed += 1
        self.inner.close()


def test_failing_to_revoke_is_no_error(cloud):
    with user(cloud, revoke_on_close=True) as client:
        client.get_messages()
        cloud.faults = Faults.script(["refuse"])


def test_stream_uses_a_token_too():
    gateway = Gateway(mode="local", phone=False)
    client = user(gateway, mode="", scopes=[Scope.INBOX_READ])

    with pytest.raises(Exception, match="404"):
        with client.stream_attachment("mms:1", 1):
            pass


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (("", "password", SCOPES), {}),
        (("login", "", SCOPES), {}),
        (("login", "password", []), {}),
        (("login", "password", "messages:send"), {}),
        (("login", "password", [""]), {}),
        (("login", "password", SCOPES), {"ttl": 0}),
        (("login", "password", SCOPES), {"ttl": 1.5}),
        (("login", "password", SCOPES), {"leeway": -1}),
    ],
)
def test_token_options_that_could_never_work_are_refused(arguments, options):
    with pytest.raises(ConfigurationError):
        JWTAuth(*arguments, **options)


def test_file_store_is_its_owner_s_alone(tmp_path):
    path = tmp_path / "tokens.json"
    path.touch()
    store = FileTokenStore(path)
    pair = TokenPair.from_dict(
        {"id": "a", "access_token": "b", "refresh_token": None, "ends_at": "2030-01-01T00:00:00+00:00", "lifetime": 60}
    )

    assert store.load("key") is None
    store.save("key", pair)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert store.load("key") == pair
    store.save("key", None)
    assert store.load("key") is None
    assert TokenPair.from_dict({"id": "a"}) is None


@pytest.mark.parametrize("trouble", ["no folder", "unreadable", "no longer a token file"])
def test_token_file_that_cannot_be_used_is_warned_of_and_done_without(cloud, tmp_path, caplog, trouble):
    path = tmp_path / "tokens.json"
    if trouble == "no folder":
        path = tmp_path / "missing" / "tokens.json"
    elif trouble == "unreadable":
        path.symlink_to(path)  # reading it fails, writing would replace it
    client = user(cloud, store=FileTokenStore(path))
    if trouble == "no longer a token file":
        path.write_text("my notes")

    client.get_messages()
    client.get_messages()

    assert cloud.faults.asked == [MINT, LIST, LIST]
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any(str(path) in line and "written" in line for line in warnings)
    assert path.is_symlink() == (trouble == "unreadable")  # what cannot be read is not overwritten
    assert trouble != "no longer a token file" or path.read_text() == "my notes"


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_pair_is_awaited_while_another_client_makes_it(cloud, tmp_path, kind):
    store = MemoryTokenStore() if kind == "memory" else FileTokenStore(tmp_path / "tokens.json")
    client = user(cloud, store=store)
    key = client._exchange._refresher._key
    other = user(cloud, store=MemoryTokenStore())
    other.get_messages()  # has a pair that is not in the store yet
    lock = store.try_lock(key)
    cloud.faults.asked.clear()
    load, loads = store.load, []

    def load_and_be_overtaken(asked):
        loads.append(asked)
        if len(loads) == 3:  # by then the client is waiting for the lock
            store.save(key, other._exchange._refresher._pair)
        return load(asked)

    store.load = load_and_be_overtaken
    client.get_messages()

    assert cloud.faults.asked == [LIST]
    assert store.try_lock(key) is None
    lock.release()
    assert store.try_lock(key) is not None


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_lock_that_is_never_given_back_is_warned_of_and_done_without(cloud, tmp_path, kind, caplog):
    store = MemoryTokenStore() if kind == "memory" else FileTokenStore(tmp_path / "tokens.json")
    auth = JWTAuth("demo", "demo-password", SCOPES, store=store)
    client = APIClient(auth=auth, base_url=BASE_URL, http=cloud.http(), timeout=0.3)
    lock = store.try_lock(auth.store_key(BASE_URL))

    client.get_messages()
    client.get_messages()

    assert cloud.faults.asked == [MINT, LIST, LIST]
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "another process has held the lock of the token store too long: refreshing without it"
    ]
    lock.release()


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_failed_renewal_gives_the_lock_back(cloud, tmp_path, kind):
    store = MemoryTokenStore() if kind == "memory" else FileTokenStore(tmp_path / "tokens.json")
    client = user(cloud, password="wrong", store=store)

    with pytest.raises(UnauthorizedError):
        client.get_messages()

    lock = store.try_lock(client._exchange._refresher._key)
    assert lock is not None
    lock.release()


def test_secrets_of_tokens_are_not_shown(tmp_path):
    pair = TokenPair("a", "canary", "canary", datetime(2030, 1, 1, tzinfo=timezone.utc), 6.0)

    assert "canary" not in repr(pair) + repr(JWTAuth("demo", "canary", SCOPES)) + repr(FileTokenStore(tmp_path / "x"))


def test_short_lived_token_is_used_for_most_of_its_life():
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    pair = TokenPair("a", "b", "c", now + timedelta(seconds=3), 3.0)

    assert not pair.expires_within(30.0, now)
    assert pair.expires_within(30.0, now + timedelta(seconds=2.5))
    assert TokenPair("a", "b", None, now, 3.0).expires_within(30.0, now)
