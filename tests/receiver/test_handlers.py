"""Registering handlers."""

from __future__ import annotations

import functools

import pytest

from smsgate import webhooks
from smsgate.errors import ConfigurationError
from smsgate.receiver._handlers import Handlers


def event(phone, name="sms:received", **options):
    return webhooks.parse_unverified(phone.envelope(name, **options))


def test_handlers_are_found_by_class_in_the_order_of_registration(phone):
    handlers = Handlers()

    @handlers.on(webhooks.SmsReceived, webhooks.SmsDataReceived)
    def first(event):
        pass

    @handlers.on(webhooks.SmsSent)
    def other(event):
        pass

    @handlers.on()
    def every(event):
        pass

    found = [handler for _, handler in handlers.find_handlers(event(phone))]
    unknown = [handler for _, handler in handlers.find_handlers(event(phone, "sms:new", payload={}))]

    assert found == [first, every]
    assert unknown == [every]


def test_names_of_handlers_differ_and_stay_the_same(phone):
    def names():
        handlers = Handlers()
        for _ in range(2):
            handlers.on()(lambda _event: None)
        handlers.on()(functools.partial(print))
        return [name for name, _ in handlers.find_handlers(event(phone))]

    assert len(set(names())) == 3
    assert names() == names()


@pytest.mark.parametrize("wrong", [str, "sms:received", webhooks.SmsReceivedPayload])
def test_only_classes_of_events_are_taken(wrong):
    with pytest.raises(ConfigurationError, match="event classes"):
        Handlers().on(wrong)


def test_only_functions_are_taken():
    def generator(event):
        yield event

    async def stream(event):
        yield event

    for wrong in (None, generator, stream):
        with pytest.raises(ConfigurationError, match="function"):
            Handlers().on()(wrong)
