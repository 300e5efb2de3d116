"""A real Triton: our backend and models in it, and what health means when one of them dies.

The ONNX models here are a few nodes each; the models in Python are the ones that ship.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import onnx
import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    Canary,
    TritonClient,
    TritonError,
    read_canaries,
    wait_until_healthy,
)
from onnx import TensorProto, helper

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ("image_preprocess", "label_top_k", "gpt_generate")
LOAD_SECONDS = 30

CONFIG = """
backend: "onnxruntime"
max_batch_size: 8
input [{{ name: "{input}" data_type: {type} dims: [ {dims} ] }}]
output [{{ name: "y" data_type: TYPE_FP32 dims: [ 4 ] }}]
instance_group [{{ kind: KIND_AUTO count: 1 }}]
dynamic_batching {{ max_queue_delay_microseconds: 100000 }}
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
"""
GOOD = {"input": "x", "type": "TYPE_FP32", "dims": "4"}
BROKEN = {
    "wrong_dims": (GOOD | {"dims": "5"}, "input 'x' is [-1, 4] in the ONNX model and [-1, 5]"),
    "wrong_name": (GOOD | {"input": "z"}, "input ['z'] of the configuration is not in the ONNX"),
    "wrong_type": (
        GOOD | {"type": "TYPE_FP16"},
        "'x' is TYPE_FP32 in the ONNX model and TYPE_FP16",
    ),
}


def doubler() -> onnx.ModelProto:
    """Return y = 2 * x for rows of four numbers."""
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubler",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def alphabet() -> onnx.ModelProto:
    """Return a language model with gpt_mini's tensors that knows: after a byte comes the next."""
    cache: list[str | int | None] = ["batch", 8, 4, "slots", 32]
    constants = {
        "last": [-1],
        "axis": [1],
        "one": [1],
        "depth": [256],
        "block": [8, 4],
        "width": [32],
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["input_ids", "last"], ["token"], axis=1),
            helper.make_node("Squeeze", ["token", "axis"], ["byte"]),
            helper.make_node("Add", ["byte", "one"], ["next"]),
            helper.make_node("OneHot", ["next", "depth", "values"], ["logits"]),
            helper.make_node("Shape", ["input_ids"], ["batch_size"], start=0, end=1),
            helper.make_node("Shape", ["input_ids"], ["length"], start=1, end=2),
            helper.make_node("Concat", ["batch_size", "block", "length", "width"], ["s"], axis=0),
            helper.make_node("Expand", ["nothing", "s"], ["present"]),
        ],
        "alphabet",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "sequence"]),
            helper.make_tensor_value_info("position", TensorProto.INT64, ["batch", 1]),
            helper.make_tensor_value_info("past", TensorProto.FLOAT, cache),
        ],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 256]),
            helper.make_tensor_value_info("present", TensorProto.FLOAT, cache),
        ],
        [
            *(
                helper.make_tensor(name, TensorProto.INT64, [len(values)], values)
                for name, values in constants.items()
            ),
            helper.make_tensor("values", TensorProto.FLOAT, [2], [0, 10]),
            helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0]),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def fill(repository: Path) -> None:
    """Write the models of this file and the shipped ones into a model repository."""
    for name, (values, _) in {"doubler": (GOOD, ""), "victim": (GOOD, ""), **BROKEN}.items():
        (repository / name / "1").mkdir(parents=True)
        (repository / name / "config.pbtxt").write_text(CONFIG.format(**values))
        onnx.save(doubler(), repository / name / "1" / "model.onnx")
    shutil.copytree(repository / "doubler", repository / "corrupt")
    (repository / "corrupt" / "1" / "model.onnx").write_bytes(b"not a model")
    for name in SHIPPED:
        shutil.copytree(ROOT / "model_repo" / name, repository / name)
    shutil.copytree(ROOT / "model_repo" / "gpt_mini", repository / "gpt_mini")
    (repository / "gpt_mini" / "1").mkdir(exist_ok=True)
    onnx.save(alphabet(), repository / "gpt_mini" / "1" / "model.onnx")


@dataclass
class Server:
    """A running Triton."""

    client: TritonClient
    process: subprocess.Popen[bytes]

    def ready(self, path: str) -> int:
        """Return the HTTP status of one of Triton's ready flags."""
        with urllib.request.urlopen(f"{self.client.url}{path}", timeout=5) as answer:
            return int(answer.status)

    def stubs(self) -> dict[int, list[str]]:
        """Return the command lines of the processes that run the models, by pid."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children.split()}
        # A process that was killed has no command line any more.
        return {pid: line.split("\0") for pid, line in lines.items() if line}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("triton")
    script = ROOT / "roles" / "local_stack" / "files" / "lay_out_triton.py"
    subprocess.run([sys.executable, script, directory], check=True)
    repository = directory / "models"
    fill(repository)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        str(directory / "bin" / "tritonserver"),
        f"--model-repository={repository}",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--exit-on-error=false",
        "--strict-readiness=false",
        "--exit-timeout-secs=1",
    ]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    client = TritonClient(f"http://127.0.0.1:{port}", timeout=5)
    try:
        canaries = read_canaries(repository)
        found = wait_until_healthy(client, canaries, list(canaries), LOAD_SECONDS)
        assert all(model["healthy"] for model in found), found
        running = Server(client, process)
        regions = [word for words in running.stubs().values() for word in words if "_shm_" in word]
        yield running
        # A model whose process was killed leaves its shared memory behind.
        for region in regions:
            Path("/dev/shm", region).unlink(missing_ok=True)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()


def double(client: TritonClient, model: str, row: list[float]) -> list[float]:
    """Ask a doubler for one row."""
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": row}
    [output] = client.infer(model, [tensor])
    answer: list[float] = output["data"]
    return answer


def test_every_request_of_a_batch_gets_its_own_rows(server: Server) -> None:
    rows = [[float(number + offset) for offset in range(4)] for number in range(6)]
    with ThreadPoolExecutor(len(rows)) as pool:
        answers = list(pool.map(lambda row: double(server.client, "doubler", row), rows))
    assert answers == [[2 * value for value in row] for row in rows]
    with urllib.request.urlopen(f"{server.client.url}/v2/models/doubler/stats") as answer:
        [stats] = json.load(answer)["model_stats"]
    assert stats["execution_count"] < stats["inference_count"]


@pytest.mark.parametrize("model", BROKEN)
def test_configuration_that_does_not_fit_the_model_is_told(server: Server, model: str) -> None:
    [entry] = [entry for entry in server.client.index() if entry["name"] == model]
    assert entry["state"] == "UNAVAILABLE"
    assert BROKEN[model][1] in entry["reason"]


def test_corrupt_model_is_told(server: Server) -> None:
    [entry] = [entry for entry in server.client.index() if entry["name"] == "corrupt"]
    assert entry["state"] == "UNAVAILABLE"
    assert "corrupt/1/model.onnx failed" in entry["reason"]


def test_wrong_shape_is_refused(server: Server) -> None:
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
    with pytest.raises(TritonError, match=r"HTTP 400: .*unexpected shape"):
        server.client.infer("doubler", [tensor])


def test_image_becomes_a_tensor(server: Server) -> None:
    picture = ROOT / "roles" / "verification" / "files" / "coffee.jpg"
    [output] = server.client.infer_file("image_preprocess", picture.read_bytes())
    assert output["shape"] == [1, 3, 224, 224]
    assert -1 <= min(output["data"]) < max(output["data"]) <= 1.01


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff\xd8\xff\xe0 almost a JPEG"])
def test_unreadable_image_is_refused(server: Server, content: bytes) -> None:
    with pytest.raises(TritonError, match="HTTP 400: not a readable image"):
        server.client.infer_file("image_preprocess", content)


def test_labels_come_best_first(server: Server) -> None:
    logits = [0.0] * 1000
    logits[967], logits[504] = 20.0, 19.0
    tensor = {"name": "logits", "shape": [1, 1000], "datatype": "FP32", "data": logits}
    outputs = {output["name"]: output for output in server.client.infer("label_top_k", [tensor])}
    assert outputs["label"]["data"][:2] == ["espresso", "coffee mug"]
    assert outputs["score"]["data"][:2] == pytest.approx([0.731, 0.269], abs=1e-3)
    assert outputs["label"]["shape"] == [1, 5]


def generate(server: Server, **document: object) -> list[str]:
    """Return the texts of a stream."""
    stream = server.client.generate_stream("gpt_generate", document)
    return [event.fields["text_output"] for event in stream]


def test_text_streams_one_token_per_event(server: Server) -> None:
    assert generate(server, text_input="abc", max_tokens=4, temperature=0) == ["d", "e", "f", "g"]


def test_streams_run_side_by_side_past_the_first_cache_block(server: Server) -> None:
    with ThreadPoolExecutor(4) as pool:
        texts = pool.map(
            lambda first: generate(server, text_input=first, max_tokens=80, temperature=0), "(*,!"
        )
        for first, text in zip("(*,!", texts, strict=True):
            assert "".join(text) == "".join(chr(ord(first) + step) for step in range(1, 81))


def test_seed_decides_the_text(server: Server) -> None:
    hot = {"text_input": "a", "max_tokens": 40, "temperature": 10, "top_k": 256}
    assert generate(server, seed=1, **hot) == generate(server, seed=1, **hot)
    assert generate(server, seed=1, **hot) != generate(server, seed=2, **hot)


def test_character_of_several_bytes_arrives_whole(server: Server) -> None:
    # "\u00c2" ends with byte 0x82, so the next bytes are 0x83, 0x84, ...: none begins a character.
    assert generate(server, text_input="\u00c2", max_tokens=2, temperature=0) == ["\ufffd"] * 2


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"text_input": ""}, "text_input is empty"),
        ({"text_input": "a", "max_tokens": 0}, "max_tokens is 0"),
        ({"text_input": "a", "max_tokens": 256}, "both together at most 256"),
        ({"text_input": "a", "temperature": -1}, "temperature is -1.0: allowed is 0"),
        ({"text_input": "a", "top_k": 0}, "top_k is 0: allowed is 1 to 256"),
        ({"text_input": "a", "seed": -5}, "seed is -5: allowed is 0"),
    ],
)
def test_parameters_are_checked(server: Server, document: dict[str, object], reason: str) -> None:
    with pytest.raises(TritonError, match=f"HTTP 400: .*{reason}"):
        generate(server, **document)


def test_model_whose_process_died_is_ready_and_not_healthy(server: Server) -> None:
    assert double(server.client, "victim", [1, 2, 3, 4]) == [2, 4, 6, 8]
    [stub] = [pid for pid, words in server.stubs().items() if "/victim/" in words[1]]
    os.kill(stub, signal.SIGKILL)
    time.sleep(0.5)
    assert server.ready("/v2/health/ready") == 200
    assert server.ready("/v2/models/victim/ready") == 200
    document = {
        "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]
    }
    canary = Canary("infer", {"Content-Type": "application/json"}, json.dumps(document).encode())
    [health] = wait_until_healthy(server.client, {"victim": canary}, ["victim"], 0)
    assert health["state"] == "READY"
    assert not health["healthy"]
    assert "does not answer its canary: HTTP 500: Stub process" in health["reason"]


def test_stream_without_its_model_ends_with_an_error(server: Server) -> None:
    [stub] = [pid for pid, words in server.stubs().items() if "/gpt_mini/" in words[1]]
    os.kill(stub, signal.SIGKILL)
    time.sleep(0.5)
    with pytest.raises(TritonError, match=r"gpt_generate failed: .* is not healthy"):
        generate(server, text_input="abc", max_tokens=4)
