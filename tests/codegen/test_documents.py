"""Documents of three small services: generated, type-checked, and sent over a socket."""

from __future__ import annotations

import os
from datetime import date, datetime, timezone
from pathlib import Path
from uuid import UUID

import pytest

from generating import NEEDS_GENERATOR, Package, refusal, run_generator, serving, type_errors
from smsgate import (
    APIClient,
    BadRequestError,
    ConflictError,
    InternalServerError,
    RetryPolicy,
    UnprocessableEntityError,
)
from smsgate.runtime.types import InvalidArgumentError

pytestmark = NEEDS_GENERATOR
DOCUMENTS = Path(__file__).parent / "documents"
PUBLISHED = Path(os.environ.get("SMSGATE_REFERENCE", Path(__file__).parents[3] / "shared" / "reference"))
PARCEL = UUID("0b5b7d4e-94a1-4c1b-9f5f-8f6a52bb3f10")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("services")
    return {path.stem: Package(folder, path) for path in sorted(DOCUMENTS.iterdir())}


@pytest.fixture
def stub():
    with serving() as server:
        yield server


@pytest.fixture
def client(stub):
    with APIClient("login", "secret", base_url=stub.url, retry=RetryPolicy.none()) as made_client:
        yield made_client


def test_generated_packages_pass_the_strictest_type_check(made, tmp_path):
    names = [package.name for package in made.values()]
    folder = next(iter(made.values())).folder
    program = "".join(f"import {name}.models, {name}.operations\n" for name in names)

    assert type_errors(folder, program) == []


def test_parameters_of_every_place_and_style_arrive(made, stub, client):
    operations, models = made["parcels"].operations, made["parcels"].models
    stub.answer([])

    page = client.execute(
        operations.list_parcels(
            x_shop="shop-1", status=[models.Status.IN_TRANSIT, models.Status("lost")], carrier=["a,b", "c"],
            shipped_on=date(2026, 1, 31), since=datetime(2026, 1, 31, 12, tzinfo=timezone.utc), min_weight=0.5,
            text="a&b=c", limit=2, offset=4,
        )
    )  # fmt: skip

    (request,) = stub.requests
    assert request.target == (
        "/parcels?status=in-transit&status=lost&carrier=a%2Cb,c&shippedOn=2026-01-31&since=2026-01-31T12%3A00%3A00.000Z"
        "&min-weight=0.5&text=a%26b%3Dc&limit=2&offset=4"
    )
    assert request.headers["X-Shop"] == "shop-1"
    assert request.headers["Authorization"].startswith("Basic ")
    assert (page, page.limit, page.offset) == ([], 2, 4)


def test_required_parameters_cannot_be_left_out_and_headers_hold_one_line(made):
    operations = made["parcels"].operations

    with pytest.raises(TypeError, match="x_shop"):
        operations.list_parcels()
    with pytest.raises(InvalidArgumentError, match="x_shop is required"):
        operations.list_parcels(x_shop=None)
    with pytest.raises(InvalidArgumentError, match="X-Shop must be visible ASCII"):
        operations.list_parcels(x_shop="a\r\nX-Evil: 1")
    with pytest.raises(InvalidArgumentError, match="class should be a known DownloadLabelClass"):
        operations.download_label(PARCEL, class_="a5")


def test_constants_and_nulls_of_a_body_are_written_and_rules_hold(made, stub, client):
    operations, models = made["parcels"].operations, made["parcels"].models
    to = models.Address(name="Ada", line="1 Loop", country="GB", company=None)
    parcel = models.NewParcel(to=to, box=models.Box(grams=5), insured_until=None)
    stub.answer({"reason": "?"}, 422, "application/problem+json")

    with pytest.raises(UnprocessableEntityError):
        client.execute(operations.create_parcel(parcel, x_shop="s", idempotency_key=PARCEL))

    (request,) = stub.requests
    assert request.headers["Idempotency-Key"] == str(PARCEL)
    assert request.body == (
        b'{"to":{"name":"Ada","line":"1 Loop","country":"GB","company":null},"box":{"grams":5},'
        b'"kind":"parcel","insuredUntil":null}'
    )
    with pytest.raises(ValueError, match="unique_items"):
        models.NewParcel(to=to, box=models.Box(grams=5), insured_until=None, tags=["a", "a"])
    with pytest.raises(ValueError, match="country"):
        models.Address(name="Ada", line="1 Loop", country="Britain")
    assert operations.change_parcel(PARCEL, models.ParcelChange(note=None)).content == b'{"note":null}'
    assert operations.change_parcel(PARCEL, models.ParcelChange()).content == b"{}"


def test_documented_errors_are_typed_by_their_status(made, stub, client):
    operations, models = made["parcels"].operations, made["parcels"].models
    parcel = models.NewParcel(
        to=models.Address(name="Ada", line="1", country="GB"), box=models.Box(grams=1), insured_until=None
    )
    stub.answer({"fields": {"to": ["too far"]}}, 422, "application/problem+json")
    with pytest.raises(UnprocessableEntityError) as caught:
        client.execute(operations.create_parcel(parcel, x_shop="s"))
    assert caught.value.data == models.CreateParcelError422(fields={"to": ["too far"]})

    stub.responses.clear()
    stub.answer({"code": "E1"}, 500)
    with pytest.raises(InternalServerError) as caught:
        client.execute(operations.create_parcel(parcel, x_shop="s"))
    assert caught.value.data == models.Problem(code="E1")

    stub.responses.clear()
    stored = {
        "id": str(PARCEL), "status": "ordered", "createdAt": "2026-01-31T12:00:00Z", "kind": "parcel",
        "to": {"name": "A", "line": "1", "country": "GB"}, "box": {"grams": 1}, "insuredUntil": None,
    }  # fmt: skip
    stub.answer(stored, 409)
    with pytest.raises(ConflictError) as caught:
        client.execute(operations.create_parcel(parcel, x_shop="s"))
    assert caught.value.data.id == PARCEL


def test_responses_of_every_media_type_are_read(made, stub, client):
    operations, models = made["parcels"].operations, made["parcels"].models
    for content, media in ((b"%PDF", "application/pdf"), (b"a;\xe9", "text/csv; charset=latin-1")):
        stub.answer(content, media=media)
    for content in (7, "delivered", {"a": 12}, {"city": "X", "children": [{"city": "Y"}]}, b""):
        stub.answer(content)

    assert client.execute(operations.download_label(PARCEL, class_="a4")) == b"%PDF"
    assert client.execute(operations.export_report(month="2026-01")) == "a;é"
    assert client.execute(operations.count_parcels()) == 7
    assert client.execute(operations.service_state()) is models.Status.DELIVERED
    assert client.execute(operations.compare_rates([models.Box(grams=3)])) == {"a": 12}
    assert client.execute(operations.depot_tree()).children == [models.Depot(city="Y")]
    assert client.execute(operations.has_parcel(PARCEL)) is None

    accepted = [request.headers["Accept"] for request in stub.requests]
    assert accepted[:3] == ["application/pdf", "text/csv", "application/json"]
    assert stub.requests[4].body == b'[{"grams":3}]'
    assert "Authorization" not in stub.requests[5].headers
    assert (stub.requests[6].method, stub.requests[6].target) == ("HEAD", f"/parcels/{PARCEL}")


def test_forms_files_cookies_and_keys_are_sent_as_documented(made, stub, client):
    operations, models = made["helpdesk"].operations, made["helpdesk"].models
    stub.answer({"number": 1, "subject": "x", "state": "open"})
    due = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    form = models.TicketsOpenBody(subject="a&b=c ü", labels=["x", "y"], due=due, password="p w")
    client.execute(operations.tickets_open(form, key="k-1"))
    opened = stub.requests[-1]
    assert opened.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert opened.headers["X-Api-Key"] == "k-1"
    assert "Authorization" not in opened.headers
    assert opened.body == (
        b"subject=a%26b%3Dc%20%C3%BC&labels=x&labels=y&due=2026-01-31T12%3A00%3A00.000Z&password=p%20w"
    )

    stub.responses.clear()
    stub.answer({"bytes": 3})
    sent = operations.tickets_attach(4, models.TicketsAttachBody(file=b"\x00\r\n", title="T"), key="k")
    assert client.execute(sent).bytes_ == 3
    attached = stub.requests[-1]
    boundary = attached.headers["Content-Type"].partition("boundary=")[2].encode()
    assert attached.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert attached.body == (
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="file"; filename="file"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n\x00\r\n\r\n"
        b"--" + boundary + b'\r\nContent-Disposition: form-data; name="title"\r\n\r\nT\r\n--' + boundary + b"--\r\n"
    )  # fmt: skip

    stub.responses.clear()
    stub.answer({"items": [], "next": None})
    found = operations.get_tickets(q="x", a_b_c="1&2=3", labels=["a b", "c"], session="s1", key="k")
    assert client.execute(found).next is None
    assert stub.requests[-1].target == "/tickets?q=x&a%26b%3Dc=1%262%3D3&labels=a%20b%7Cc"
    assert stub.requests[-1].headers["Cookie"] == "session=s1"
    with pytest.raises(InvalidArgumentError, match="sid cannot stand in a cookie"):
        operations.avatar_upload(b"", session="a; admin=1")


def test_text_bodies_several_successes_and_unions(made, stub, client):
    operations, models = made["helpdesk"].operations, made["helpdesk"].models
    stub.answer({"number": 1, "subject": "x", "state": "closed", "class": "A", "openedBy": "me"})
    stub.answer(b"later", 202, "text/plain")
    closed = client.execute(operations.tickets_close(1, "dønę", key="k"))
    assert (closed.class_, closed.opened_by_, closed.order) == ("A", "me", models.Order.NEWEST)
    assert closed.reminded_at == datetime(2026, 1, 31, 11, tzinfo=timezone.utc)
    assert stub.requests[-1].body == "dønę".encode()
    assert stub.requests[-1].headers["Content-Type"] == "text/plain; charset=utf-8"
    assert client.execute(operations.tickets_close(1, "x", key="k")) is None

    stub.responses.clear()
    stub.answer([{"kind": "robot", "version": 2}, {"kind": "person", "name": "Ada"}])
    assert client.execute(operations.actors_list()) == [models.Robot(version=2), models.Person(name="Ada")]
    stub.responses.clear()
    stub.answer(b"", 204)
    client.execute(operations.actors_save(models.Robot(version=2)))
    assert stub.requests[-1].body == b'{"version":2,"kind":"robot"}'


def test_read_only_and_write_only_fields_are_left_to_their_side(made, stub, client):
    operations, models = made["invoices"].operations, made["invoices"].models
    stub.answer({"id": "c1", "name": "Ada"})

    created = client.execute(operations.customers_create(models.Customer(name="Ada", secret="s")))

    assert stub.requests[-1].body == b'{"name":"Ada","secret":"s"}'
    assert (created.id, created.secret) == ("c1", None)
    stub.responses.clear()
    stub.answer([{"path": "name"}], 400)
    with pytest.raises(BadRequestError) as caught:
        client.execute(operations.customers_create(models.Customer(name="Ada")))
    assert [error.path for error in caught.value.data] == ["name"]


@pytest.mark.parametrize("name", ["upstream-swagger.json", "upstream-server-swagger.json"])
def test_published_document_is_generated_or_refused_in_one_line(tmp_path, name):
    path = PUBLISHED / name
    if not path.exists():
        pytest.skip("the published documents are not part of the repository")

    code, errors = run_generator(path, "--package", "published", "--output", tmp_path)

    if '"swagger"' in path.read_text(encoding="utf-8")[:200]:
        assert code == 2
        assert errors.startswith("smsgate.codegen: /swagger: Swagger 2.0 is not supported; convert it first")
        assert len(errors.splitlines()) == 1
    else:
        assert code == 0, errors


def test_swagger_is_refused_with_the_way_out(tmp_path):
    assert "npx swagger2openapi" in refusal(tmp_path, {"swagger": "2.0", "info": {}, "paths": {}})


def test_docstrings_list_documented_arguments_only(made):
    operations = made["helpdesk"].operations

    assert "API key, sent as the header X-Api-Key." in operations.tickets_attach.__doc__
    for module in (package.operations for package in made.values()):
        for name in module.__all__:
            assert not [
                line
                for line in (getattr(module, name).__doc__ or "").splitlines()
                if line.endswith(":") and line.startswith("        ")
            ]
