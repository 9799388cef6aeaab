"""func_base64, func_md5, func_sha1, func_uri, func_uuid, func_aes: texts written in another way."""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from urllib.parse import quote_from_bytes

from dialplan.arguments import ArgumentError, Arguments
from dialplan.registry import DialplanModule, function
from pbx.core.channel import Channel

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#: Every other byte reads as the last digit.
_DIGITS = bytes(code if code in _BASE64 else _BASE64[-1] for code in range(256))
_ESCAPE = re.compile(rb"%([0-9a-fA-F])([^\0])", re.DOTALL)


def to_bytes(text: str) -> bytes:
    """A variable's text as the bytes it stands for."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """The inverse; what follows a zero byte is lost, as in every variable."""
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def decode_base64(data: bytes) -> bytes:
    """What base64 stands for, up to the first ``=``; what is no digit reads as the last one (ast_base64decode)."""
    digits = data.partition(b"=")[0].translate(_DIGITS)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def _unescape(match: re.Match[bytes]) -> bytes:
    """The byte of an escape; of two characters that are not both digits only the first counts."""
    high, low = match.groups()
    return bytes([int(high + low, 16) if low in b"0123456789abcdefABCDEF" else int(high, 16)])


def _needed(args: Arguments, name: str) -> bytes:
    if not args.raw:
        raise ArgumentError(f"Syntax: {name}(<data>) - missing argument!")
    return to_bytes(args.raw)


class Base64Module(DialplanModule):
    """BASE64_ENCODE and BASE64_DECODE."""

    name = "func_base64"
    description = "base64 encode/decode dialplan functions"

    @function("BASE64_ENCODE", "string", synopsis="Encode a string in base64.")
    def func_base64_encode(self, channel: Channel | None, args: Arguments) -> str:
        return base64.b64encode(_needed(args, "BASE64_ENCODE")).decode()

    @function("BASE64_DECODE", "string", synopsis="Decode a base64 string.", description="Up to the first zero byte.")
    def func_base64_decode(self, channel: Channel | None, args: Arguments) -> str:
        return to_text(decode_base64(_needed(args, "BASE64_DECODE")))


class Md5Module(DialplanModule):
    """MD5."""

    name = "func_md5"
    description = "MD5 digest dialplan functions"

    @function("MD5", "data", synopsis="Computes an MD5 digest.")
    def func_md5(self, channel: Channel | None, args: Arguments) -> str:
        return hashlib.md5(_needed(args, "MD5"), usedforsecurity=False).hexdigest()


class Sha1Module(DialplanModule):
    """SHA1."""

    name = "func_sha1"
    description = "SHA-1 computation dialplan function"

    @function("SHA1", "data", synopsis="Computes a SHA1 digest.")
    def func_sha1(self, channel: Channel | None, args: Arguments) -> str:
        return hashlib.sha1(_needed(args, "SHA1"), usedforsecurity=False).hexdigest()


class UriModule(DialplanModule):
    """URIENCODE and URIDECODE."""

    name = "func_uri"
    description = "URI encode/decode dialplan functions"

    @function("URIENCODE", "data", synopsis="Encodes a string to URI-safe encoding according to RFC 2396.")
    def func_uriencode(self, channel: Channel | None, args: Arguments) -> str:
        # quote leaves letters, digits and -_.~ as they are; RFC 2396 has five marks more.
        return quote_from_bytes(to_bytes(args.raw), safe="!*'()")

    @function("URIDECODE", "data", synopsis="Decodes a URI-encoded string according to RFC 2396.")
    def func_uridecode(self, channel: Channel | None, args: Arguments) -> str:
        return to_text(_ESCAPE.sub(_unescape, to_bytes(args.raw)))


class UuidModule(DialplanModule):
    """UUID."""

    name = "func_uuid"
    description = "UUID generation dialplan function"

    @function("UUID", "", synopsis="Generates a UUID string.")
    def func_uuid(self, channel: Channel | None, args: Arguments) -> str:
        return str(uuid.uuid4())
