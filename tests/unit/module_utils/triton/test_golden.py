"""Golden answers: read, asked and compared."""

from __future__ import annotations

import json
import math
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import golden
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import (
    HEADER_LENGTH,
    Golden,
    GoldenError,
    Tensor,
)

X = {"name": "x", "datatype": "FP32", "shape": [2], "data": [1, 2]}
Y = {"name": "y", "datatype": "FP32", "shape": [1, 2], "data": [0.5, 1.5]}
LABEL = {"name": "label", "datatype": "BYTES", "shape": [2], "data": ["cup", "mug"]}
INFER = {"endpoint": "infer", "inputs": [X], "outputs": [Y, LABEL]}
STREAM = {"endpoint": "generate_stream", "body": {"text_input": "To"}, "text_output": " be"}


def one_case(case: dict[str, Any]) -> golden.Case:
    return Golden.of({"tolerance": 0.01, "cases": [case]}).cases[0]


def answer(*outputs: dict[str, Any]) -> bytes:
    """Return a JSON answer of infer."""
    return json.dumps({"model_name": "m", "outputs": outputs}).encode()


def test_seed_draws_what_is_documented() -> None:
    tensor = Tensor.of({"name": "x", "datatype": "FP32", "shape": [2, 3], "seed": 7})
    source = random.Random("7/x")
    expected = numpy.array([source.random() for _ in range(6)], dtype="<f4")
    assert tensor.raw() == expected.tobytes()
    assert tensor.raw() != Tensor.of({**X, "name": "z", "shape": [6], "data": [0] * 6}).raw()


@pytest.mark.parametrize("datatype", golden.FORMATS)
def test_every_datatype_is_drawn_within_its_bounds(datatype: str) -> None:
    document = {"name": "x", "datatype": datatype, "shape": [400], "seed": 0}
    values = Tensor.of(document).values()
    assert {0, 1} == set(values) if datatype not in golden.FLOATS else min(values) >= 0
    if datatype != "BOOL":
        values = Tensor.of({**document, "low": 3, "high": 5}).values()
        assert 3 <= min(values) <= max(values) < 5


@pytest.mark.parametrize("datatype", golden.FORMATS)
def test_bytes_come_back_as_the_values_that_they_were(datatype: str) -> None:
    tensor = Tensor.of({**X, "datatype": datatype, "data": [False, True]})
    assert list(Tensor.of_raw("x", datatype, [2], tensor.raw()).values()) == [0, 1]


def test_request_has_its_tensors_as_bytes() -> None:
    picture = {"name": "image", "datatype": "BYTES", "shape": [1, 1], "base64": "/9g="}
    headers, body = one_case(INFER | {"inputs": [X, picture]}).request()
    head, rest = body[: int(headers[HEADER_LENGTH])], body[int(headers[HEADER_LENGTH]) :]
    assert rest == struct.pack("<2f", 1, 2) + b"\x02\0\0\0\xff\xd8"
    document = json.loads(head)
    assert [entry["parameters"] for entry in document["inputs"]] == [
        {"binary_data_size": 8},
        {"binary_data_size": 6},
    ]
    assert [entry["name"] for entry in document["outputs"]] == ["y", "label"]


def test_generate_is_asked_as_json() -> None:
    headers, body = one_case(STREAM).request()
    assert headers == {"Content-Type": "application/json"}
    assert json.loads(body) == {"text_input": "To"}


def test_good_answers_are_good_in_json_and_in_bytes() -> None:
    case = one_case(INFER)
    assert case.check(answer(LABEL, Y | {"data": [0.509, 1.5]})) is None
    raws = [struct.pack("<2f", 0.5, 1.5), b"\x03\0\0\0cup\x03\0\0\0mug"]
    head = answer(
        *(
            {"name": name, "datatype": datatype, "shape": shape}
            | {"parameters": {"binary_data_size": len(raw)}}
            for (name, datatype, shape), raw in zip(
                [("y", "FP32", [1, 2]), ("label", "BYTES", [2])], raws, strict=True
            )
        )
    )
    assert case.check(head + b"".join(raws), str(len(head))) is None
    assert "bytes are no BYTES" in str(case.check((head + b"".join(raws))[:-1], str(len(head))))


@pytest.mark.parametrize(
    ("outputs", "reason"),
    [
        ([Y], "there is no output label"),
        ([Y | {"datatype": "FP64"}, LABEL], "output y is FP64 instead of FP32"),
        ([Y | {"shape": [2, 1]}, LABEL], "output y has the shape [2, 1] instead of [1, 2]"),
        ([Y | {"data": [0.5]}, LABEL], "output y has 1 elements instead of 2"),
        (
            [Y | {"data": [0.5, 1.52]}, LABEL],
            "output y differs by 0.02, more than the tolerance of 0.01",
        ),
        ([Y | {"data": [0.5, math.nan]}, LABEL], "output y is nan instead of 1.5 at element 1"),
        (
            [Y | {"data": [math.inf, 0.5]}, LABEL],
            "output y differs by inf, more than the tolerance of 0.01",
        ),
        (
            [Y, LABEL | {"data": ["cup", "jug"]}],
            "output label is b'jug' instead of b'mug' at element 1",
        ),
    ],
)
def test_difference_is_told(outputs: list[dict[str, Any]], reason: str) -> None:
    assert one_case(INFER).check(answer(*outputs)) == reason


def test_same_nan_and_infinity_are_no_difference() -> None:
    values = Y | {"data": [math.nan, -math.inf]}
    assert one_case(INFER | {"outputs": [values]}).check(answer(values)) is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"outputs": [{"name": "y"}]}'])
def test_answer_of_another_kind_is_told(content: bytes) -> None:
    assert "the answer is no inference answer: " in str(one_case(INFER).check(content))


def test_text_is_compared_whole() -> None:
    stream = b'data: {"text_output":" b"}\n\ndata: {"text_output":"%s"}\n\n'
    assert one_case(STREAM).check(stream % b"e") is None
    assert one_case(STREAM).check(stream % b"y") == "text_output is ' by' instead of ' be'"
    once = one_case(STREAM | {"endpoint": "generate"})
    assert once.check(b'{"text_output": " be"}') is None
    assert once.check(b"data: {}") == "the answer has no text_output: b'data: {}'"
    assert once.check(b'data: {"error": "stub"}') == "the model failed: stub"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ([], "a dictionary is needed, not []"),
        ({"tolerance": 0, "case": []}, "case is unknown: allowed are cases, tolerance"),
        ({"cases": [STREAM]}, "tolerance is None, not a number from 0"),
        ({"tolerance": math.nan, "cases": [STREAM]}, "tolerance is nan, not a number from 0"),
        ({"tolerance": 0, "cases": []}, "cases is no list of at least one case"),
        ({"tolerance": 0, "cases": [STREAM, {}]}, "case 2: endpoint is None, allowed are infer, "),
    ],
)
def test_wrong_document_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(GoldenError) as refused:
        Golden.of(document)
    assert str(refused.value).startswith(reason)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (INFER | {"body": {}}, "body is unknown: allowed are endpoint, inputs, outputs"),
        (INFER | {"outputs": []}, "outputs is no list of at least one tensor"),
        (STREAM | {"text_output": None}, "generate_stream needs a body, a dictionary, and a "),
        (
            INFER | {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "seed": 0}]},
            "output y has a seed: only an input may have one",
        ),
    ],
)
def test_wrong_case_is_refused(case: dict[str, Any], reason: str) -> None:
    with pytest.raises(GoldenError) as refused:
        one_case(case)
    assert str(refused.value).startswith(f"case 1: {reason}")


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        ({"datatype": "FLOAT"}, "datatype is 'FLOAT', allowed are BOOL, UINT8, "),
        ({"shape": [-1]}, "shape is [-1], not a list of sizes"),
        ({"shape": [3]}, "the shape has 3 elements, and there are 2"),
        ({"seed": 0}, "FP32 needs just one of data and seed"),
        ({"datatype": "BYTES"}, "data of BYTES is a list of strings"),
        ({"data": 1}, "data is no flat list"),
        ({"data": [1, "2"]}, "not all values are FP32: "),
        ({"datatype": "INT8", "data": [1, 128]}, "not all values are INT8: "),
        ({"low": 0}, "low is unknown: allowed are data, datatype, name, shape"),
    ],
)
def test_wrong_tensor_is_refused(tensor: dict[str, Any], reason: str) -> None:
    with pytest.raises(GoldenError) as refused:
        Tensor.of(X | tensor)
    assert str(refused.value).startswith(f"tensor x: {reason}")


@pytest.mark.parametrize(
    ("tensor", "reason"),
    [
        ({"datatype": "BYTES"}, "BYTES needs just one of base64 and data"),
        ({"low": 1}, "low is 1, and high is 1, not more"),
        ({"high": None}, "high is None, not a number"),
        ({"seed": 0.5}, "seed is 0.5, not a whole number"),
        ({"datatype": "INT8", "high": 0.5}, "high is 0.5, not a whole number"),
    ],
)
def test_wrong_seed_is_refused(tensor: dict[str, Any], reason: str) -> None:
    with pytest.raises(GoldenError) as refused:
        Tensor.of({"name": "x", "datatype": "FP32", "shape": [2], "seed": 0} | tensor)
    assert str(refused.value) == f"tensor x: {reason}"


def test_wrong_base64_and_no_name_are_refused() -> None:
    with pytest.raises(GoldenError, match="tensor x: base64 cannot be decoded: "):
        Tensor.of({"name": "x", "datatype": "BYTES", "shape": [1], "base64": "_"})
    with pytest.raises(GoldenError, match=r"a tensor is a dictionary with a name, not \[\]"):
        Tensor.of([])


def test_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "golden.json"
    with pytest.raises(GoldenError, match=rf"{path} has no golden answers: .*No such file"):
        Golden.read(path)
    path.write_text("{")
    with pytest.raises(GoldenError, match=f"{path} has no golden answers: Expecting"):
        Golden.read(path)
    path.write_text(json.dumps({"tolerance": 1, "cases": [INFER, STREAM]}))
    assert [case.endpoint for case in Golden.read(path).cases] == ["infer", "generate_stream"]


def test_file_runs_by_itself_on_plain_python(tmp_path: Path) -> None:
    (tmp_path / "golden.py").write_bytes(Path(golden.__file__).read_bytes())
    program = "import golden, sys; assert 'ansible' not in sys.modules; print(golden.ENDPOINTS)"
    # -I -S: without this test's packages and paths.
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = ['.']; {program}"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
