"""The documents that describe ARI, made from the table of operations: Swagger 1.1 for today's clients, OpenAPI 3.1."""

from __future__ import annotations

import json
from collections.abc import Iterable

from ari.openapi import openapi
from ari.schemas import MODELS, Field, Model
from ari.table import Operation, Parameter, Resource

#: The version of the whole interface, which clients choose their bindings by.
API_VERSION = "10.0.0"
SWAGGER_VERSION = "1.1"
#: resources.json lists a WebSocket by a later form than the others.
WEBSOCKET_SWAGGER_VERSION = "1.2"
#: What Asterisk's documents say each resource needs; nothing here asks for it.
_REQUIRES: dict[str, tuple[str, ...]] = {
    "bridges": ("res_stasis_recording", "res_stasis_playback"),
    "channels": ("res_stasis_answer", "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop"),
    "deviceStates": ("res_stasis_device_state",),
    "events": ("res_http_websocket",),
    "playbacks": ("res_stasis_playback",),
    "recordings": ("res_stasis_recording",),
}


class Documents:
    """All documents as bytes, made when first asked for."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self._resources = {resource.name: resource for resource in resources}
        self._kept: dict[tuple[str, str, str], bytes] = {}

    def get(self, path: str, host: str, base: str) -> bytes | None:
        """The document at a path below ``/ari/``, or None; ``host`` is the Host header asked with."""
        host = host if _is_host(host) else "localhost"
        key = (path, host, base)
        if key not in self._kept:
            made = self._make(path, f"http://{host}{base}", base)
            if made is None:
                return None
            if len(self._kept) > 256:
                self._kept.clear()
            self._kept[key] = json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()
        return self._kept[key]

    def _make(self, path: str, url: str, base: str) -> dict[str, object] | None:
        if path == "openapi.json":
            return openapi(self._resources.values(), base)
        name = path.removeprefix("api-docs/")
        if not name.endswith(".json"):
            return None
        name = name.removesuffix(".json")
        if name == "resources":
            return resource_listing(self._resources.values(), url)
        resource = self._resources.get(name)
        return None if resource is None else api_declaration(resource, url)


def _is_host(text: str) -> bool:
    return bool(text) and len(text) < 256 and all(c.isalnum() or c in ".-:[]_" for c in text)


def resource_listing(resources: Iterable[Resource], url: str) -> dict[str, object]:
    """``resources.json``: which documents there are."""
    return {
        "_copyright": "The Obelisk authors",
        "_author": "The Obelisk authors",
        "apiVersion": API_VERSION,
        "swaggerVersion": SWAGGER_VERSION,
        "basePath": url,
        "apis": [
            {"path": f"/api-docs/{each.name}.{{format}}", "description": each.description}
            for each in sorted(resources, key=lambda each: each.name)
        ],
    }


def api_declaration(resource: Resource, url: str) -> dict[str, object]:
    """One resource's document: its operations by path, and the models it declares."""
    by_path: dict[str, list[Operation]] = {}
    for each in resource.operations:
        by_path.setdefault(each.path, []).append(each)
    models = {model.name: _model(model) for model in MODELS.values() if model.resource == resource.name}
    websocket = any(each.websocket for each in resource.operations)
    return {
        "_copyright": "The Obelisk authors",
        "_author": "The Obelisk authors",
        "apiVersion": resource.version,
        "swaggerVersion": WEBSOCKET_SWAGGER_VERSION if websocket else SWAGGER_VERSION,
        "basePath": url,
        "resourcePath": f"/api-docs/{resource.name}.{{format}}",
        "requiresModules": list(_REQUIRES.get(resource.name, ())),
        "apis": [
            {
                "path": path,
                "description": operations[0].summary,
                "operations": [_operation(each) for each in operations],
            }
            for path, operations in by_path.items()
        ],
        "models": models,
    }


def _operation(operation: Operation) -> dict[str, object]:
    made: dict[str, object] = {
        "httpMethod": operation.method,
        "since": list(operation.since),
        "summary": operation.summary,
        "nickname": operation.nickname,
        "responseClass": operation.response,
    }
    if operation.notes:
        made["notes"] = operation.notes
    if operation.websocket:
        made["upgrade"] = "websocket"
        made["websocketProtocol"] = "ari"
    if operation.parameters:
        made["parameters"] = [_parameter(each) for each in operation.parameters]
    if operation.errors:
        made["errorResponses"] = [{"code": code, "reason": reason} for code, reason in sorted(operation.errors.items())]
    return made


def _parameter(parameter: Parameter) -> dict[str, object]:
    made: dict[str, object] = {
        "name": parameter.name,
        "description": parameter.description,
        "paramType": parameter.place,
        "required": parameter.required,
        "allowMultiple": parameter.multiple,
        "dataType": parameter.type,
    }
    if parameter.default is not None:
        made["defaultValue"] = parameter.default
    if parameter.allowed:
        made["allowableValues"] = {"valueType": "LIST", "values": list(parameter.allowed)}
    elif parameter.minimum is not None or parameter.maximum is not None:
        limits: dict[str, object] = {"valueType": "RANGE"}
        if parameter.minimum is not None:
            limits["min"] = parameter.minimum
        if parameter.maximum is not None:
            limits["max"] = parameter.maximum
        made["allowableValues"] = limits
    return made


def _model(model: Model) -> dict[str, object]:
    made: dict[str, object] = {"id": model.name, "description": model.description}
    if model.name == "Message":
        made["discriminator"] = "type"
    subtypes = [each.name for each in MODELS.values() if each.extends == model.name]
    if subtypes:
        made["subTypes"] = subtypes
    if model.extends:
        made["extends"] = model.extends
    made["properties"] = {each.name: _property(each) for each in model.fields}
    return made


def _property(field: Field) -> dict[str, object]:
    made: dict[str, object] = {"type": field.type, "required": field.required}
    if field.allowed:
        made["allowableValues"] = {"valueType": "LIST", "values": list(field.allowed)}
    return made
