"""OpenAPI 3.1 from the table of operations and models: what generic tools understand."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ari.schemas import MODELS, SUBTYPES, Field, Model
from ari.table import COMMON_ERRORS, Operation, Parameter, Resource
from pbx.http.messages import reason_phrase
from pbx.version import VERSION

_LIST = re.compile(r"List\[(\w+)\]")
_TYPES: dict[str, dict[str, object]] = {
    "string": {"type": "string"},
    "int": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "double": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "Date": {"type": "string", "description": "2026-01-31T12:34:56.789+0100"},
    "object": {"type": "object"},
    "containers": {"type": "object"},
}
#: A variable's value, or the value with whether events are to carry it.
_VARIABLE: dict[str, object] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["value"],
            "properties": {"value": {"type": "string"}, "report_events": {"type": "boolean"}},
        },
    ]
}


def openapi(resources: Iterable[Resource], base: str) -> dict[str, object]:
    """The whole interface as one document."""
    paths: dict[str, dict[str, object]] = {}
    tags = []
    for resource in resources:
        tags.append({"name": resource.name, "description": resource.description})
        for each in resource.operations:
            paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Asterisk REST Interface",
            "version": VERSION,
            "description": "Obelisk's ARI. Events come over the WebSocket at /events; every model of them is here.",
            "license": {"name": "GPL-2.0-or-later", "identifier": "GPL-2.0-or-later"},
        },
        "servers": [{"url": base}],
        "security": [{"basic": []}, {"api_key": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic"},
                "api_key": {"type": "apiKey", "in": "query", "name": "api_key", "description": "user:password"},
            },
            "schemas": {
                **{model.name: _schema(model) for model in MODELS.values()},
                "Error": {
                    "type": "object",
                    "required": ["message"],
                    "properties": {"message": {"type": "string"}},
                },
            },
        },
    }


def _operation(operation: Operation) -> dict[str, object]:
    made: dict[str, object] = {
        "operationId": operation.id,
        "tags": [operation.resource],
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if operation.notes:
        made["description"] = operation.notes
    parameters = [_parameter(each) for each in operation.parameters if each.place != "body"]
    if parameters:
        made["parameters"] = parameters
    bodies = [each for each in operation.parameters if each.place == "body"]
    if bodies:
        made["requestBody"] = _body(bodies)
    return made


def _parameter(parameter: Parameter) -> dict[str, object]:
    made: dict[str, object] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": _value(parameter),
    }
    if parameter.multiple:
        made["style"] = "form"
        made["explode"] = False
    return made


def _value(parameter: Parameter) -> dict[str, object]:
    schema = dict(_TYPES[parameter.type])
    if parameter.allowed:
        schema["enum"] = list(parameter.allowed)
    if parameter.place == "path" or (parameter.required and parameter.type == "string"):
        schema["minLength"] = 1
    if parameter.minimum is not None:
        schema["minimum"] = parameter.minimum
    if parameter.maximum is not None:
        schema["maximum"] = parameter.maximum
    if parameter.default is not None:
        schema["default"] = parameter.default
    if parameter.multiple:
        return {"type": "array", "items": schema, **({"minItems": 1} if parameter.required else {})}
    return schema


def _body(bodies: list[Parameter]) -> dict[str, object]:
    if bodies[0].type == "object":
        schema: dict[str, object] = {"type": "object", "description": bodies[0].description}
    else:
        schema = {
            "type": "object",
            "properties": {
                each.name: {
                    "type": "object",
                    "description": each.description,
                    "additionalProperties": _VARIABLE,
                }
                for each in bodies
            },
        }
        required = [each.name for each in bodies if each.required]
        if required:
            schema["required"] = required
    return {
        "required": any(each.required for each in bodies),
        "content": {"application/json": {"schema": schema}},
    }


def _responses(operation: Operation) -> dict[str, object]:
    made: dict[str, object] = {}
    if operation.websocket:
        made["101"] = {"description": "Switching Protocols"}
        made["426"] = _error("Upgrade Required")
    else:
        made[str(operation.success)] = _success(operation)
    for code, text in sorted({**COMMON_ERRORS, **operation.errors}.items()):
        made.setdefault(str(code), _error(text))
    return dict(sorted(made.items()))


def _success(operation: Operation) -> dict[str, object]:
    made: dict[str, object] = {"description": reason_phrase(operation.success)}
    if operation.response == "binary":
        made["content"] = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
    elif operation.response != "void":
        made["content"] = {"application/json": {"schema": _type(operation.response)}}
    return made


def _error(text: str) -> dict[str, object]:
    return {
        "description": text or "Error",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _type(name: str) -> dict[str, object]:
    found = _LIST.fullmatch(name)
    if found:
        return {"type": "array", "items": _type(found[1])}
    return dict(_TYPES[name]) if name in _TYPES else {"$ref": f"#/components/schemas/{name}"}


def _schema(model: Model) -> dict[str, object]:
    own: dict[str, object] = {
        "type": "object",
        "properties": {each.name: _field(each) for each in model.fields},
    }
    required = [each.name for each in model.fields if each.required]
    if required:
        own["required"] = required
    if model.extends:
        made: dict[str, object] = {"allOf": [{"$ref": f"#/components/schemas/{model.extends}"}, own]}
    else:
        made = own
    made["description"] = model.description
    if model.name == "Message":
        made["discriminator"] = {
            "propertyName": "type",
            "mapping": {name: f"#/components/schemas/{name}" for name in (*SUBTYPES["Event"], "MissingParams")},
        }
    return made


def _field(field: Field) -> dict[str, object]:
    schema = _type(field.type)
    if field.allowed:
        schema["enum"] = list(field.allowed)
    return schema
