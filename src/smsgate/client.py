"""Both clients, under the module name that programs import them from."""

from smsgate._async.client import AsyncAPIClient
from smsgate._sync.client import APIClient
from smsgate.outgoing import SendResult

__all__ = ["APIClient", "AsyncAPIClient", "SendResult"]
