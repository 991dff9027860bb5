"""Process of a campaign that a test kills: plans, or goes on with its journal, and sends."""

from __future__ import annotations

import sys

import anyio

from smsgate import APIClient, AsyncAPIClient
from smsgate.bulk import Campaign, Pacing, Progress

from .rows import TEXT, make_rows

_CONCURRENCY = 8


def main() -> None:
    """Send a campaign; arguments: URL, login, password, journal, number of rows, "sync" or "async"."""
    url, login, password, journal, count, kind = sys.argv[1:]
    plan = Campaign.plan(make_rows(int(count)), TEXT, default_region="DE", journal=journal)
    pacing = Pacing(concurrency=_CONCURRENCY)
    with plan.campaign as campaign:
        if kind == "sync":
            with APIClient(login, password, base_url=url) as client:
                campaign.run(client, pacing=pacing, follow=False, on_progress=_show)
        else:
            anyio.run(_send, campaign, AsyncAPIClient(login, password, base_url=url), pacing)


async def _send(campaign: Campaign, client: AsyncAPIClient, pacing: Pacing) -> None:
    async with client:
        await campaign.arun(client, pacing=pacing, follow=False, on_progress=_show)


def _show(progress: Progress) -> None:
    print(progress.done, progress.total, flush=True)


if __name__ == "__main__":
    main()
