"""What no real gateway has: a request that makes an emulator over a port do what `Gateway` does in memory."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from smsgate.emulator.answers import RefusedError, json_answer
from smsgate.emulator.inbox import Attachment
from smsgate.emulator.shapes import Reader, UnreadableError, array, moment, parse_json, struct, text, truth, whole

if TYPE_CHECKING:
    from smsgate._http import Request, Response
    from smsgate.emulator.gateway import Gateway

PATH = "/emulator/receive"


def _bytes(value: Any, owner: str, path: str) -> bytes:
    try:
        return base64.b64decode(text(value, owner, path), validate=True)
    except binascii.Error:
        raise UnreadableError(f"{path} is no base64") from None


_ATTACHMENT: dict[str, Reader] = {"name": text, "contentType": text, "data": _bytes}
_INCOMING: dict[str, Reader] = {
    "sender": text,
    "text": text,
    "type": text,
    "recipient": text,
    "simNumber": whole("int", 1, 255),
    "receivedAt": moment,
    "deviceId": text,
    "missed": truth,
    "attachments": array(struct("Attachment", _ATTACHMENT), "[]Attachment", {}),
}
_READ = struct("Incoming", _INCOMING)


def receive(gateway: Gateway, request: Request) -> Response:
    """Answer ``POST /emulator/receive``: let a message come in; no credentials, any content type, JSON.

    Fields are the arguments of `Gateway.receive`, written as the API writes names. 201 with the message's inbox id.
    """
    if request.method != "POST":
        return RefusedError(405, "let a message come in with POST", {"allow": "POST"}).answer()
    try:
        document = parse_json(request.content or b"")
        given: dict[str, Any] = _READ(document, "", "")
        unknown = sorted(set(document) - set(_INCOMING))
        if unknown or not given.get("sender"):
            fields = ", ".join(_INCOMING)
            raise UnreadableError(
                f"there is no field {unknown[0]}; fields: {fields}" if unknown else "it needs a sender"
            )
        item = gateway.receive(
            given["sender"],
            given.get("text", ""),
            type=given.get("type", "SMS"),
            attachments=[
                Attachment(number, part.get("name", "attachment"), part.get("contentType", ""), part.get("data", b""))
                for number, part in enumerate(given.get("attachments", []), 1)
            ],
            recipient=given.get("recipient"),
            sim_number=given.get("simNumber"),
            received_at=given.get("receivedAt"),
            device_id=given.get("deviceId"),
            missed=given.get("missed", False),
        )
    except ValueError as error:
        return RefusedError(400, str(error)).answer()
    return json_answer(201, {"id": item.id, "type": item.type})
