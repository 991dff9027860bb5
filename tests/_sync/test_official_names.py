# Written by scripts/unasync.py from tests/_async/test_official_names.py; change that file instead.
"""Parameter names of the official client, for programs that were written for it."""

from __future__ import annotations

import inspect

import pytest

from smsgate import APIClient, NotFoundError, domain, webhooks


def test_ids_may_have_the_official_name(client, gateway):
    sent = client.send("Hi", to="+12025550101")

    assert (client.get_state(_id=sent.id)).id == sent.id
    assert (client.cancel_message(_id=sent.id)).id == sent.id
    client.delete_webhook(_id="unknown")
    client.remove_device(_id=gateway.devices[0].id)
    with pytest.raises(NotFoundError):
        client.get_state(_id="unknown")


@pytest.mark.parametrize("method", ["get_state", "cancel_message", "delete_webhook", "remove_device"])
def test_an_id_is_given_once(client, http, method):
    call = getattr(client, method)
    for arguments, keywords in ((("a",), {"_id": "a"}), ((), {"id": "a", "_id": "a"}), ((), {}), (("a", "b"), {})):
        with pytest.raises(TypeError):
            call(*arguments, **keywords)

    assert http.requests == []


def test_signatures_show_our_own_names():
    for method in ("get_state", "cancel_message", "delete_webhook", "remove_device"):
        assert list(inspect.signature(getattr(APIClient, method)).parameters) == ["self", "id"]


def test_models_take_the_names_of_the_official_client():
    assert domain.TextMessage.from_dict(payload={"text": "Hi"}) == domain.TextMessage("Hi")
    for name in ("MmsDownloadedAttachment", "MmsDownloadedPayload", "MmsReceivedPayload"):
        assert getattr(domain, name) is getattr(webhooks, name)
