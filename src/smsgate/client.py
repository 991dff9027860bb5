"""Both clients, under the module name that programs import them from."""

from smsgate._async.client import AsyncAPIClient
from smsgate._core.messages import NotSent, SendResult, Sent
from smsgate._sync.client import APIClient

__all__ = ["APIClient", "AsyncAPIClient", "NotSent", "SendResult", "Sent"]
