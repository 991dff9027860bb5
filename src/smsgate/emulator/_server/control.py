"""Control requests of an emulator over a port, which no real gateway has."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from smsgate.emulator._http.binding import (
    Reader,
    UnreadableError,
    array,
    boolean,
    integer,
    parse_json,
    struct,
    text,
    timestamp,
)
from smsgate.emulator._http.responses import RequestError, json_response
from smsgate.phone import Attachment

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
    "simNumber": integer("int", 1, 255),
    "receivedAt": timestamp,
    "deviceId": text,
    "missed": boolean,
    "attachments": array(struct("Attachment", _ATTACHMENT), "[]Attachment", {}),
}
_READ = struct("Incoming", _INCOMING)


def receive(gateway: Gateway, request: Request) -> Response:
    """Handle ``POST /emulator/receive``: emulate an incoming message; no credentials, any content type, JSON.

    Fields are the arguments of `Gateway.receive`, written as the API writes names. 201 with the message's inbox id.
    """
    if request.method != "POST":
        return RequestError(405, "let a message come in with POST", {"allow": "POST"}).response()
    try:
        document = parse_json(request.content or b"")
        fields: dict[str, Any] = _READ(document, "", "")
        unknown = sorted(set(document) - set(_INCOMING))
        if unknown or not fields.get("sender"):
            known = ", ".join(_INCOMING)
            raise UnreadableError(
                f"there is no field {unknown[0]}; fields: {known}" if unknown else "it needs a sender"
            )
        item = gateway.receive(
            fields["sender"],
            fields.get("text", ""),
            type=fields.get("type", "SMS"),
            attachments=[
                Attachment(number, part.get("name", "attachment"), part.get("contentType", ""), part.get("data", b""))
                for number, part in enumerate(fields.get("attachments", []), 1)
            ],
            recipient=fields.get("recipient"),
            sim_number=fields.get("simNumber"),
            received_at=fields.get("receivedAt"),
            device_id=fields.get("deviceId"),
            missed=fields.get("missed", False),
        )
    except ValueError as error:
        return RequestError(400, str(error)).response()
    return json_response(201, {"id": item.id, "type": item.type})
