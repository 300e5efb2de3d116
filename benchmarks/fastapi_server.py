"""What a team writes before it takes Triton: FastAPI, a route per model, and onnxruntime.

Usage: ``python -m benchmarks.fastapi_server THREADS NAME=MODEL.onnx...``. Prints the port that it
listens on. The routes are /NAME/binary, float32 in and out as they lie in memory, and /NAME/json,
the KServe protocol as Triton takes it. Models run in threads, beside the event loop.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool


class Tensor(BaseModel):
    """A tensor of the KServe protocol."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Inference(BaseModel):
    """A request, or an answer, of the KServe protocol."""

    inputs: list[Tensor]


class Answer(BaseModel):
    """An answer of the KServe protocol."""

    model_name: str
    outputs: list[Tensor]


def session(path: Path, threads: int) -> Any:
    """Return an onnxruntime session that uses so many threads for one run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def add_routes(app: FastAPI, name: str, model: Any) -> None:
    """Serve a model with one input and one output."""
    [source], [target] = model.get_inputs(), model.get_outputs()

    def infer(array: np.ndarray) -> np.ndarray:
        [result] = model.run(None, {source.name: array})
        return result

    @app.post(f"/{name}/binary")
    async def binary(request: Request) -> Response:
        array = np.frombuffer(await request.body(), np.float32).reshape(-1, *source.shape[1:])
        result = await run_in_threadpool(infer, array)
        return Response(result.tobytes(), media_type="application/octet-stream")

    @app.post(f"/{name}/json")
    def json(request: Inference) -> Answer:
        [tensor] = request.inputs
        result = infer(np.array(tensor.data, np.float32).reshape(tensor.shape))
        output = Tensor(
            name=target.name,
            shape=list(result.shape),
            datatype="FP32",
            data=result.ravel().tolist(),
        )
        return Answer(model_name=name, outputs=[output])


@contextmanager
def fastapi(models: dict[str, Path], threads: int) -> Iterator[int]:
    """Serve models in a process of its own, and give its port."""
    named = [f"{name}={path}" for name, path in models.items()]
    command = [sys.executable, "-m", __spec__.name, str(threads), *named]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    """Serve what the command line names."""
    app = FastAPI()
    for argument in sys.argv[2:]:
        name, _, path = argument.partition("=")
        add_routes(app, name, session(Path(path), int(sys.argv[1])))
    # Named as TCP: of a socket that does not say so, asyncio leaves Nagle's delays on.
    with socket.socket(proto=socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
