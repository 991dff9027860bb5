"""Campaigns over emulated gateways, with both kinds of client."""

from __future__ import annotations

import anyio
import pytest
from scripts.campaigns.rows import make_rows

from smsgate.bulk import Campaign, Pacing
from smsgate.testing import make_async_client, make_client, make_gateway

pytest.importorskip("phonenumbers")

TEXT = "Hi {name}"


class Runner:
    """Runs campaigns with one kind of client, so that one test covers both twins."""

    def __init__(self, kind):
        self.kind = kind

    def client(self, gateway, **options):
        return make_client(gateway, **options) if self.kind == "sync" else make_async_client(gateway, **options)

    def run(self, campaign, client, **options):
        return self._call(campaign, "run", client, options)

    def cancel(self, campaign, client, **options):
        return self._call(campaign, "cancel", client, options)

    def _call(self, campaign, name, client, options):
        if self.kind == "sync":
            return getattr(campaign, name)(client, **options)

        async def call():
            return await getattr(campaign, f"a{name}")(client, **options)

        return anyio.run(call, backend=self.kind)


@pytest.fixture(params=["sync", "asyncio"])
def runner(request):
    return Runner(request.param)


@pytest.fixture
def gateway():
    """Two phones that never act by themselves."""
    return make_gateway({"devices": 2, "phone": False})


@pytest.fixture
def planned(tmp_path):
    """Plan a campaign of some rows in a new journal; it is closed at the end."""
    opened = []

    def plan(count=50, text=TEXT, **options):
        options = {"default_region": "DE", "journal": tmp_path / f"{len(opened)}.db", **options}
        campaign = Campaign.plan(make_rows(count), text, **options).campaign
        opened.append(campaign)
        return campaign

    yield plan
    for campaign in opened:
        campaign.close()


@pytest.fixture
def quick():
    return Pacing(give_up_after=0)


@pytest.fixture
def books():
    """Return the recipients of all messages that a gateway has got, sorted."""
    return lambda gateway: sorted(number for message in gateway.messages for number in message.numbers)
