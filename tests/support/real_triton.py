"""A real Triton to be run by tests, and small models for it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import TritonClient
from onnx import TensorProto, helper

from support.certificates import Authority
from support.triton_client import client
from support.triton_process import running_triton

CONFIG = """
backend: "onnxruntime"
max_batch_size: 8
input [{{ name: "{input}" data_type: {type} dims: [ {dims} ] }}]
output [{{ name: "y" data_type: TYPE_FP32 dims: [ 4 ] }}]
instance_group [{{ kind: KIND_AUTO count: 1 }}]
dynamic_batching {{ max_queue_delay_microseconds: 100000 }}
parameters {{ key: "intra_op_thread_count" value: {{ string_value: "1" }} }}
parameters {{ key: "release.1" value: {{ string_value: "abc" }} }}
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
DOUBLE: dict[str, Any] = {
    "endpoint": "infer",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1.0, 2.0, 3.0, 4.0]}],
    "outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [2.0, 4.0, 6.0, 8.0]}],
}
SPELLER = """
import numpy as np
import triton_python_backend_utils as pb_utils

class TritonPythonModel:
    def execute(self, requests):
        for request in requests:
            text = pb_utils.get_input_tensor_by_name(request, "text_input").as_numpy()[0].decode()
            times = pb_utils.get_input_tensor_by_name(request, "times")
            for letter in text * (times.as_numpy()[0] if times else 1):
                output = pb_utils.Tensor("text_output", np.array([letter], object))
                request.get_response_sender().send(pb_utils.InferenceResponse([output]))
            request.get_response_sender().send(flags=pb_utils.TRITONSERVER_RESPONSE_COMPLETE_FINAL)
"""
SPELLER_CONFIG = """
backend: "python"
model_transaction_policy { decoupled: true }
input [
  { name: "text_input" data_type: TYPE_STRING dims: [ 1 ] },
  { name: "times" data_type: TYPE_INT32 dims: [ 1 ] optional: true }
]
output [{ name: "text_output" data_type: TYPE_STRING dims: [ 1 ] }]
instance_group [{ kind: KIND_CPU count: 1 }]
"""
SPELL = {
    "endpoint": "generate_stream",
    "body": {"text_input": "ab", "times": 2},
    "text_output": "abab",
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


def write_golden(version: Path, case: dict[str, Any]) -> None:
    """Write the golden.json of a version."""
    (version / "golden.json").write_text(json.dumps({"tolerance": 0.001, "cases": [case]}))


def fill(repository: Path) -> None:
    """Write the models of this file into a model repository."""
    for name, (values, _) in {"doubler": (GOOD, ""), "victim": (GOOD, ""), **BROKEN}.items():
        version = repository / name / "1"
        version.mkdir(parents=True)
        (version.parent / "config.pbtxt").write_text(CONFIG.format(**values))
        (version / "manifest.json").write_text('{"digest": "abc"}')
        onnx.save(doubler(), version / "model.onnx")
        write_golden(version, DOUBLE)
    shutil.copytree(repository / "doubler", repository / "corrupt")
    (repository / "corrupt" / "1" / "model.onnx").write_bytes(b"not a model")
    speller = repository / "speller" / "1"
    speller.mkdir(parents=True)
    (speller.parent / "config.pbtxt").write_text(SPELLER_CONFIG)
    (speller / "model.py").write_text(SPELLER)
    write_golden(speller, SPELL)


@dataclass
class Server:
    """A running Triton, and the two ways to it."""

    process: subprocess.Popen[bytes]
    repository: Path
    http: str
    grpc: str
    credentials: dict[str, str]
    memory: set[Path]

    def client(self, protocol: str) -> TritonClient:
        """Return a client that the server trusts."""
        if protocol == "http":
            return client(self.http, timeout=5)
        return client(self.grpc, timeout=5, **self.credentials)

    def ready(self, path: str) -> int:
        """Return the HTTP status of one of Triton's ready flags."""
        with urllib.request.urlopen(f"{self.http}{path}", timeout=5) as answer:
            return int(answer.status)

    def stubs(self) -> dict[int, list[str]]:
        """Return the command lines of the processes that run the models, by pid."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        lines = {int(pid): Path(f"/proc/{pid}/cmdline").read_text() for pid in children.split()}
        # A process that was killed has no command line any more.
        return {pid: line.split("\0") for pid, line in lines.items() if line}

    def kill_stub(self, model: str) -> None:
        """Kill the process of a model."""
        self.note_memory()
        [stub] = [pid for pid, words in self.stubs().items() if f"/{model}/" in words[1]]
        os.kill(stub, signal.SIGKILL)
        time.sleep(0.5)

    def note_memory(self) -> None:
        """Note the shared memory of the models: with a dead process, Triton leaves it behind."""
        for words in self.stubs().values():
            self.memory.update(Path("/dev/shm", word) for word in words if "_shm_" in word)


@contextmanager
def running(
    layout: Path, repository: Path, authority: Authority, *arguments: str
) -> Iterator[Server]:
    """Run a Triton; its gRPC is encrypted and asks who is there."""
    certificate, key = authority.issue("server")
    mine, my_key = authority.issue("me")
    credentials = {"ca_path": authority.path, "client_cert": mine, "client_key": my_key}
    secured = (
        "--grpc-use-ssl-mutual=true",
        f"--grpc-server-cert={certificate}",
        f"--grpc-server-key={key}",
        f"--grpc-root-cert={authority.path}",
        "--exit-on-error=false",
        "--strict-readiness=false",
        "--exit-timeout-secs=1",
    )
    memory: set[Path] = set()
    try:
        with running_triton(layout, repository, *secured, *arguments) as triton:
            grpc = f"grpcs://127.0.0.1:{triton.grpc}"
            server = Server(triton.process, repository, triton.url, grpc, credentials, memory)
            try:
                yield server
            finally:
                server.note_memory()
    finally:
        for path in memory:
            path.unlink(missing_ok=True)
