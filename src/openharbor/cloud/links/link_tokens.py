"""What stands at the end of a Locker Open link: the request's id, signed. Whoever has it may draw tokens from the link.

`BODY.SIGNATURE`, both base64url without padding: the JSON `{"request_id":56}`, and HMAC-SHA256 over the text of BODY.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

LONGEST = 128  # characters; of the largest id it has 94


class _Body(msgspec.Struct):
    request_id: int


_decode = msgspec.json.Decoder(_Body).decode
_encode = msgspec.json.Encoder().encode


def make(secret: bytes, request_id: int) -> str:
    """The token of a request. `secret`: 32 bytes."""
    body = _text(_encode(_Body(request_id)))
    return f"{body}.{_text(hmac.digest(secret, body.encode(), 'sha256'))}"


def verify(secret: bytes, token: str) -> int | None:
    """The request's id; None for anything that `make` did not make. Takes as long for a near miss as for a far one."""
    if len(token) > LONGEST or not token.isascii():
        return None
    try:
        request_id = _decode(urlsafe_b64decode(_padded(token.partition(".")[0]))).request_id
    except (ValueError, msgspec.MsgspecError):
        return None
    return request_id if hmac.compare_digest(make(secret, request_id), token) else None


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
