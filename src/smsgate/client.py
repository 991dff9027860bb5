"""Both clients, under the module name that programs import them from."""

from smsgate._async.client import AsyncAPIClient
from smsgate._sync.client import APIClient
from smsgate.outgoing import NotSent, SendResult, Sent

__all__ = ["APIClient", "AsyncAPIClient", "NotSent", "SendResult", "Sent"]
