"""Parameters of a request: three carriers merged, then each value made what the operation declares.

The query string comes first, a form body after it, and a JSON object body over both: the last one counts. Numbers are
read by C's rules (``12abc`` is 12, junk is 0), booleans by Asterisk's truth words; a JSON body may also use its own
types.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote_plus

from ari.replies import AriError
from ari.table import Operation, Parameter

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
#: Query and form fields of a request; far more than any operation has.
MAX_FIELDS = 256
#: Items of a parameter that may be given more than once.
MAX_ITEMS = 1024
#: Levels of a JSON body.
MAX_DEPTH = 32

_TRUE = frozenset(("yes", "true", "y", "t", "1", "on"))
_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})")
_FLOAT = re.compile(r"\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)")
_INT = 1 << 31
_LONG = 1 << 63


def parse_fields(text: str) -> dict[str, str]:
    """A query string or form as names and values; of a repeated name the last value. Raises AriError(400)."""
    fields: dict[str, str] = {}
    if not text:
        return fields
    parts = text.split("&")
    if len(parts) > MAX_FIELDS:
        raise AriError(400, "Too many parameters")
    for part in parts:
        name, _, value = part.partition("=")
        if name:
            fields[_decoded(name)] = _decoded(value)
    return fields


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape") if "%" in text or "+" in text else text


def parse_body(content_type: str, body: bytes) -> tuple[dict[str, str], dict[str, object]]:
    """The fields of a form body and the object of a JSON body. Raises AriError(400) for a body that is neither."""
    kind = content_type.partition(";")[0].strip().lower()
    if not body:
        return {}, {}
    if kind == FORM:
        return parse_fields(body.decode("latin-1")), {}
    if kind and kind != JSON and not kind.endswith("+json"):
        # Other bodies are not parameters; Asterisk passes them over too.
        return {}, {}
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise AriError(400, "Error parsing request body") from None
    if not isinstance(value, dict):
        raise AriError(400, "Error parsing request body")
    if _depth(value) > MAX_DEPTH:
        raise AriError(400, "Request body is nested too deeply")
    return {}, value


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level and deepest <= MAX_DEPTH:
        deepest += 1
        level = [
            inner
            for each in level
            if isinstance(each, dict | list)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    return deepest


def bind(
    operation: Operation, path_values: Sequence[str], fields: Mapping[str, str], document: Mapping[str, object]
) -> dict[str, object]:
    """Every declared parameter by name. Raises AriError(400) naming the first that is wrong or missing."""
    values: dict[str, object] = {}
    places = dict(zip(operation.path_names, path_values, strict=True)) if path_values else {}
    for each in operation.parameters:
        if each.place == "path":
            value = values[each.name] = _text(each, places[each.name])
            _check_allowed(each, value)
        elif each.place == "body":
            values[each.name] = _container(each, fields, document)
        else:
            values[each.name] = _query_value(each, fields, document)
    return values


def _query_value(parameter: Parameter, fields: Mapping[str, str], document: Mapping[str, object]) -> object:
    name = parameter.name
    raw: object = document.get(name)
    if raw is None:
        raw = fields.get(name)
    if raw is None:
        if parameter.required:
            raise AriError(400, parameter.missing)
        return [] if parameter.multiple else parameter.default
    if parameter.multiple:
        items = _items(parameter, raw)
        if parameter.required and not items:
            raise AriError(400, parameter.missing)
        return items
    if isinstance(raw, dict | list):
        raise AriError(400, f"Parameter {name} must be one value")
    if parameter.required and raw == "":
        raise AriError(400, parameter.missing)
    return _typed(parameter, raw)


def _items(parameter: Parameter, raw: object) -> list[str]:
    """A comma list, or a JSON array or single value."""
    given: list[object]
    if isinstance(raw, list):
        given = raw
    elif isinstance(raw, str):
        given = [item.strip() for item in raw.split(",")]
    else:
        given = [raw]
    if len(given) > MAX_ITEMS:
        raise AriError(400, f"Too many values for {parameter.name}")
    items = []
    for item in given:
        if isinstance(item, dict | list) or item is None:
            raise AriError(400, f"Parameter {parameter.name} must hold texts")
        text = _text(parameter, item)
        if text:
            _check_allowed(parameter, text)
            items.append(text)
    return items


def _typed(parameter: Parameter, raw: object) -> object:
    kind = parameter.type
    if kind == "string":
        text = _text(parameter, raw)
        if text:
            _check_allowed(parameter, text)
        return text
    if kind == "boolean":
        return raw if isinstance(raw, bool) else str(raw).lower() in _TRUE
    number: float
    if kind == "double":
        found = _FLOAT.match(str(raw))
        number = float(found[1]) if found else 0.0
    elif isinstance(raw, int | float):
        number = int(raw) if abs(raw) < _LONG else _LONG
    else:
        found = _INTEGER.match(str(raw))
        number = int(found[1]) if found else 0
    if kind != "double" and abs(number) >= (_LONG if kind == "long" else _INT):
        raise AriError(400, f"Parameter {parameter.name} is out of range")
    low, high = parameter.minimum, parameter.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        raise AriError(400, f"Parameter {parameter.name} is out of range")
    return number


def _text(parameter: Parameter, raw: object) -> str:
    if isinstance(raw, bool):
        text = "true" if raw else "false"
    else:
        text = str(raw)
    if "\0" in text:
        raise AriError(400, f"Parameter {parameter.name} holds a NUL")
    return text


def _check_allowed(parameter: Parameter, text: str) -> None:
    if parameter.allowed and text not in parameter.allowed:
        raise AriError(400, f"Parameter {parameter.name} must be one of {', '.join(parameter.allowed)}")


def _container(
    parameter: Parameter, fields: Mapping[str, str], document: Mapping[str, object]
) -> dict[str, object] | None:
    """An object of the body; ``filter`` is the whole body where it is not named there."""
    raw = document.get(parameter.name)
    if not isinstance(raw, dict) and parameter.type == "object":
        raw = dict(document) if document else None
    if raw is None and parameter.name in fields:
        # A form can carry it as JSON text.
        try:
            raw = json.loads(fields[parameter.name])
        except ValueError:
            raise AriError(400, f"Parameter {parameter.name} is not JSON") from None
    if raw is None:
        if parameter.required:
            raise AriError(400, parameter.missing)
        return None
    if not isinstance(raw, dict):
        raise AriError(400, f"Parameter {parameter.name} must be an object")
    if parameter.type == "containers":
        for name, value in raw.items():
            inner = value.get("value") if isinstance(value, dict) else value
            if "\0" in name or not isinstance(inner, str) or "\0" in inner:
                raise AriError(400, f"Parameter {parameter.name}: {name[:80]!r} is no text")
    return raw
