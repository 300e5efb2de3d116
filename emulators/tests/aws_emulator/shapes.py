"""Whether an answer of the emulated AWS has the shape that botocore describes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape
from botocore.validate import ParamValidator


def faults(shape: Shape, data: Any, path: str) -> Iterator[str]:
    """Yield the members of a JSON answer that its shape does not have, and values out of range."""
    if data is None:
        return
    if shape.type_name == "structure":
        members = {
            member.serialization.get("name", name): member for name, member in shape.members.items()
        }
        for name, value in data.items():
            if name in members:
                yield from faults(members[name], value, f"{path}.{name}")
            else:
                yield f"{path}.{name} is unknown"
    elif shape.type_name == "list":
        for value in data:
            yield from faults(shape.member, value, f"{path}[]")
    elif shape.type_name == "map":
        for value in data.values():
            yield from faults(shape.value, value, f"{path}{{}}")
    elif getattr(shape, "enum", None) and data not in shape.enum:
        yield f"{path} is {data!r}"


def check_answers(client: Any) -> Any:
    """Make a client fail a test whose answer is not as botocore's model of the service says."""
    model = client.meta.service_model

    def check(
        response_dict: dict[str, Any], parsed_response: dict[str, Any], event_name: str, **_: Any
    ) -> None:
        shape = model.operation_model(event_name.rpartition(".")[2]).output_shape
        if response_dict["status_code"] >= 300 or shape is None:
            return
        parsed = {key: parsed_response[key] for key in parsed_response if key in shape.members}
        report = ParamValidator().validate(parsed, shape)
        assert not report.has_errors(), report.generate_report()
        if "json" in model.protocol:
            assert list(faults(shape, json.loads(response_dict["body"] or "{}"), "answer")) == []

    client.meta.events.register(f"response-received.{model.service_name}", check)
    return client
