"""Golden answers: what a model answered when it was checked, asked of the served model again.

This file is used in two places: by the collection's modules, and as it is beside the probe script
in a pod. So it needs nothing but Python 3.10's standard library.

A golden.json lies in the directory of a model's version:

    {"tolerance": 0.001,
     "cases": [
       {"endpoint": "infer",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 3, 224, 224], "seed": 0}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [1, 1000], "data": [...]}]},
       {"endpoint": "generate_stream",
        "body": {"text_input": "To be", "max_tokens": 2},
        "text_output": "all the text of the stream"}]}

A tensor has either `data`, a flat list in C order, or `base64` for one BYTES element, or, for an
input, a `seed`: then its values come from `random.Random(f"{seed}/{name}")`, and `low` and `high`
bound them (floats 0 to 1, integers 0 to 2, the end excluded). So a picture costs no bytes.

How a server is asked over HTTP, and its answer judged:

    golden = Golden.read(path)
    for case in golden.cases:
        headers, body = case.request()
        # POST both to /v2/models/<name>/<case.endpoint>; if the status is 200:
        reason = case.check(content, response.getheader(HEADER_LENGTH))

Over gRPC, `case.inputs` has name, datatype, shape and `raw()` of each tensor, and what comes back
goes as `Tensor.of_raw(...)` to `case.compare(...)`.
"""

from __future__ import annotations

import base64
import json
import math
import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADER_LENGTH = "Inference-Header-Content-Length"
"""Header of Triton's HTTP protocol: where the JSON ends and the tensors' bytes begin."""
FLOATS = ("FP16", "FP32", "FP64")
FORMATS = {
    "BOOL": "?",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
"""How the module `struct` calls a datatype of the KServe protocol; BYTES is the other one."""
ENDPOINTS = ("infer", "generate", "generate_stream")


class GoldenError(Exception):
    """A document holds no golden answers; the message says why."""


@dataclass(frozen=True)
class Tensor:
    """A named tensor of the KServe protocol. Either data or seed is set."""

    name: str
    datatype: str
    shape: list[int]
    data: Sequence[Any] | None
    """The values in C order; those of BYTES are bytes."""
    seed: int | None = None
    low: float = 0
    high: float = 1

    @classmethod
    def of(cls, document: Any) -> Tensor:
        """Read a tensor as golden.json has it.

        Raises:
            GoldenError: the document is no such tensor.
        """
        name = document.get("name") if isinstance(document, dict) else None
        if not isinstance(name, str):
            raise GoldenError(f"a tensor is a dictionary with a name, not {_short(document)}")
        try:
            return cls._of(name, document)
        except GoldenError as error:
            raise GoldenError(f"tensor {name}: {error}") from error

    @classmethod
    def _of(cls, name: str, document: dict[str, Any]) -> Tensor:
        datatype, shape = document.get("datatype"), document.get("shape")
        if datatype != "BYTES" and datatype not in FORMATS:
            raise GoldenError(f"datatype is {datatype!r}, allowed are {', '.join(FORMATS)}, BYTES")
        if not isinstance(shape, list) or not all(_is_integer(dim) and dim >= 0 for dim in shape):
            raise GoldenError(f"shape is {shape!r}, not a list of sizes")
        sources = {"data", "base64" if datatype == "BYTES" else "seed"}
        given = sources & document.keys()
        if len(given) != 1:
            raise GoldenError(f"{datatype} needs just one of {' and '.join(sorted(sources))}")
        bounds = {"low", "high"} if given == {"seed"} else set()
        _only(document, {"name", "datatype", "shape", *given, *bounds})
        for key in {"seed", *bounds} & document.keys():
            whole = key == "seed" or datatype not in FLOATS
            if not (_is_integer if whole else _is_number)(document[key]):
                raise GoldenError(f"{key} is {document[key]!r}, not a {'whole ' * whole}number")
        low, high = document.get("low", 0), document.get("high", 1 if datatype in FLOATS else 2)
        data = None if bounds else _data(document)
        tensor = cls(name, datatype, shape, data, document.get("seed"), low, high)
        if data is None:
            if not low < high:
                raise GoldenError(f"low is {low}, and high is {high}, not more")
        elif len(data) != tensor.size:
            raise GoldenError(f"the shape has {tensor.size} elements, and there are {len(data)}")
        else:
            tensor.raw()
        return tensor

    @classmethod
    def of_raw(cls, name: str, datatype: str, shape: Sequence[int], raw: bytes) -> Tensor:
        """Read a tensor from its bytes, little-endian, as Triton sends it.

        Raises:
            GoldenError: the bytes do not fit the datatype.
        """
        if datatype == "BYTES":
            return cls(name, datatype, list(shape), _elements(name, raw))
        try:
            size = struct.calcsize(f"<{FORMATS[datatype]}")
            data = struct.unpack(f"<{len(raw) // size}{FORMATS[datatype]}", raw)
        except (KeyError, struct.error) as error:
            raise GoldenError(f"tensor {name}: {len(raw)} bytes are no {datatype}") from error
        return cls(name, datatype, list(shape), data)

    @property
    def size(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)

    def values(self) -> Sequence[Any]:
        """Return the values in C order, those of a seed drawn."""
        if self.data is not None:
            return self.data
        source, low, high = random.Random(f"{self.seed}/{self.name}"), self.low, self.high
        draw, size = source.random, self.size
        if self.datatype == "BOOL":
            return [draw() < 0.5 for _ in range(size)]
        if self.datatype in FLOATS:
            return [low + (high - low) * draw() for _ in range(size)]
        return [source.randrange(int(low), int(high)) for _ in range(size)]

    def raw(self) -> bytes:
        """Return the values as bytes, little-endian, as Triton takes them.

        Raises:
            GoldenError: a value is none of the datatype.
        """
        values = self.values()
        if self.datatype == "BYTES":
            return b"".join(len(value).to_bytes(4, "little") + value for value in values)
        try:
            return struct.pack(f"<{len(values)}{FORMATS[self.datatype]}", *values)
        except (struct.error, OverflowError) as error:
            raise GoldenError(f"not all values are {self.datatype}: {error}") from error

    def differs(self, found: Tensor, tolerance: float) -> str | None:
        """Say how another tensor of this name differs, or return None."""
        where = f"output {self.name}"
        if found.datatype != self.datatype:
            return f"{where} is {found.datatype} instead of {self.datatype}"
        if found.shape != self.shape:
            return f"{where} has the shape {found.shape} instead of {self.shape}"
        expected, actual = self.values(), found.values()
        if len(actual) != len(expected):
            return f"{where} has {len(actual)} elements instead of {len(expected)}"
        if self.datatype in FLOATS:
            return _float_difference(where, expected, actual, tolerance)
        for index, (ours, theirs) in enumerate(zip(expected, actual, strict=True)):
            if ours != theirs:
                return f"{where} is {theirs!r} instead of {ours!r} at element {index}"
        return None


@dataclass(frozen=True)
class Case:
    """A request, and what a model answered it."""

    endpoint: str
    """The last part of the address: infer, generate or generate_stream."""
    tolerance: float
    inputs: list[Tensor]
    """What infer is asked; empty for the other endpoints."""
    outputs: list[Tensor]
    """The answer of infer. What is not listed is neither asked for nor compared."""
    body: dict[str, Any]
    """What the generate endpoints are asked."""
    text_output: str
    """The answer of the generate endpoints, all events joined."""

    @classmethod
    def of(cls, document: Any, tolerance: float) -> Case:
        """Read a case as golden.json has it.

        Raises:
            GoldenError: the document is no case.
        """
        endpoint = document.get("endpoint") if isinstance(document, dict) else None
        if endpoint not in ENDPOINTS:
            raise GoldenError(f"endpoint is {endpoint!r}, allowed are {', '.join(ENDPOINTS)}")
        if endpoint == "infer":
            _only(document, {"endpoint", "inputs", "outputs"})
            inputs, outputs = (_tensors(document, key) for key in ("inputs", "outputs"))
            if drawn := [tensor.name for tensor in outputs if tensor.data is None]:
                raise GoldenError(f"output {drawn[0]} has a seed: only an input may have one")
            return cls(endpoint, tolerance, inputs, outputs, {}, "")
        _only(document, {"endpoint", "body", "text_output"})
        body, text = document.get("body"), document.get("text_output")
        if not isinstance(body, dict) or not isinstance(text, str):
            raise GoldenError(f"{endpoint} needs a body, a dictionary, and a text_output, a string")
        return cls(endpoint, tolerance, [], [], body, text)

    def request(self) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the HTTP request."""
        if self.endpoint != "infer":
            return {"Content-Type": "application/json"}, json.dumps(self.body).encode()
        raws = [tensor.raw() for tensor in self.inputs]
        document = {
            "inputs": [
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": tensor.shape,
                    "parameters": {"binary_data_size": len(raw)},
                }
                for tensor, raw in zip(self.inputs, raws, strict=True)
            ],
            # As bytes every datatype comes back, and exactly: JSON has no FP16 and no NaN.
            "outputs": [
                {"name": tensor.name, "parameters": {"binary_data": True}}
                for tensor in self.outputs
            ],
        }
        head = json.dumps(document).encode()
        headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(head))}
        return headers, b"".join((head, *raws))

    def check(self, content: bytes, header_length: str | None = None) -> str | None:
        """Judge the body of an HTTP answer with status 200.

        Args:
            content: the body.
            header_length: the answer's header HEADER_LENGTH, if it has one.

        Returns:
            What is wrong with the answer, or None.
        """
        try:
            if self.endpoint == "infer":
                return self.compare(read_outputs(content, header_length))
            return self.compare_text(read_text(content))
        except GoldenError as error:
            return str(error)

    def compare(self, outputs: Sequence[Tensor]) -> str | None:
        """Say how a model's outputs differ from the golden ones, or return None."""
        found = {tensor.name: tensor for tensor in outputs}
        for expected in self.outputs:
            if expected.name not in found:
                return f"there is no output {expected.name}"
            reason = expected.differs(found[expected.name], self.tolerance)
            if reason is not None:
                return reason
        return None

    def compare_text(self, text: str) -> str | None:
        """Say how a model's text differs from the golden one, or return None."""
        if text == self.text_output:
            return None
        return f"text_output is {_short(text)} instead of {_short(self.text_output)}"


@dataclass(frozen=True)
class Golden:
    """All cases of one version of a model."""

    tolerance: float
    cases: list[Case]

    @classmethod
    def of(cls, document: Any) -> Golden:
        """Read a golden.json's document.

        Raises:
            GoldenError: the document holds no golden answers.
        """
        if not isinstance(document, dict):
            raise GoldenError(f"a dictionary is needed, not {_short(document)}")
        _only(document, {"tolerance", "cases"})
        tolerance, cases = document.get("tolerance"), document.get("cases")
        if tolerance is None or not _is_number(tolerance) or not 0 <= tolerance < math.inf:
            raise GoldenError(f"tolerance is {tolerance!r}, not a number from 0")
        if not isinstance(cases, list) or not cases:
            raise GoldenError("cases is no list of at least one case")
        read: list[Case] = []
        try:
            for case in cases:
                read.append(Case.of(case, tolerance))
        except GoldenError as error:
            raise GoldenError(f"case {len(read) + 1}: {error}") from error
        return cls(tolerance, read)

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Read a golden.json.

        Raises:
            GoldenError: it is missing, or holds no golden answers.
        """
        try:
            return cls.of(json.loads(path.read_bytes()))
        except (OSError, ValueError, GoldenError) as error:
            raise GoldenError(f"{path} has no golden answers: {error}") from error


def read_outputs(content: bytes, header_length: str | None) -> list[Tensor]:
    """Read the outputs in the body of an answer of infer, those in JSON and those in bytes.

    Raises:
        GoldenError: the body is something else.
    """
    try:
        start = len(content) if header_length is None else int(header_length)
        outputs = []
        for output in json.loads(content[:start])["outputs"]:
            size = output.get("parameters", {}).get("binary_data_size")
            name, datatype, shape = output["name"], output["datatype"], output["shape"]
            if size is None:
                values = [_encoded(value) for value in output["data"]]
                outputs.append(Tensor(name, datatype, shape, values))
            else:
                raw = content[start : start + size]
                outputs.append(Tensor.of_raw(name, datatype, shape, raw))
                start += size
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise GoldenError(f"the answer is no inference answer: {_short(content)}") from error
    return outputs


def read_text(content: bytes) -> str:
    """Read the text in the body of an answer of generate or generate_stream.

    Raises:
        GoldenError: the body is something else, or says that the model failed.
    """
    lines = [line for line in content.split(b"\n") if line.startswith(b"data:")]
    parts = []
    for line in lines or [content]:
        try:
            event = json.loads(line.removeprefix(b"data:"))
            if "error" in event:
                raise GoldenError(f"the model failed: {event['error']}")
            parts.append(event["text_output"])
        except (ValueError, LookupError, TypeError) as error:
            raise GoldenError(f"the answer has no text_output: {_short(content)}") from error
    return "".join(parts)


def _data(document: dict[str, Any]) -> list[Any]:
    """Return the values that a tensor's document holds."""
    if "base64" in document:
        try:
            return [base64.b64decode(document["base64"], validate=True)]
        except (ValueError, TypeError) as error:
            raise GoldenError(f"base64 cannot be decoded: {error}") from error
    data = document["data"]
    if not isinstance(data, list):
        raise GoldenError("data is no flat list")
    if document["datatype"] != "BYTES":
        return data
    if not all(isinstance(value, str) for value in data):
        raise GoldenError("data of BYTES is a list of strings")
    return [value.encode() for value in data]


def _elements(name: str, raw: bytes) -> list[bytes]:
    """Take BYTES apart: each element has its length in front."""
    elements, start = [], 0
    while start < len(raw):
        end = start + 4 + int.from_bytes(raw[start : start + 4], "little")
        if start + 4 > len(raw) or end > len(raw):
            raise GoldenError(f"tensor {name}: {len(raw)} bytes are no BYTES")
        elements.append(raw[start + 4 : end])
        start = end
    return elements


def _float_difference(
    where: str, expected: Sequence[float], actual: Sequence[float], tolerance: float
) -> str | None:
    largest = 0.0
    for index, (ours, theirs) in enumerate(zip(expected, actual, strict=True)):
        # The first holds for infinities, the second for NaN on both sides.
        if ours == theirs or (ours != ours and theirs != theirs):
            continue
        difference = abs(ours - theirs)
        if difference != difference:
            return f"{where} is {theirs} instead of {ours} at element {index}"
        largest = max(largest, difference)
    if largest <= tolerance:
        return None
    return f"{where} differs by {largest:.3g}, more than the tolerance of {tolerance:.3g}"


def _tensors(document: dict[str, Any], key: str) -> list[Tensor]:
    tensors = document.get(key)
    if not isinstance(tensors, list) or not tensors:
        raise GoldenError(f"{key} is no list of at least one tensor")
    return [Tensor.of(tensor) for tensor in tensors]


def _only(document: dict[str, Any], allowed: set[str]) -> None:
    if unknown := sorted(document.keys() - allowed):
        raise GoldenError(f"{unknown[0]} is unknown: allowed are {', '.join(sorted(allowed))}")


def _encoded(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or _is_integer(value)


def _short(value: Any) -> str:
    """Return how a value is written, cut after some letters."""
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:120]}..."
