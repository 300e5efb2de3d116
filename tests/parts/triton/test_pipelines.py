"""The shipped pipelines in a real Triton, with the networks that they call as they are exported."""

from __future__ import annotations

import io
import json
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import numpy as np
import onnxruntime
import pytest
import tritonclient.grpc
import yaml
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    config as model_config,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    declaration as model_declaration,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import export as onnx_export
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import onnx_file
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    precision as onnx_precision,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.source import (
    load_definition,
    torch_ready,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import (
    HEADER_LENGTH,
    Golden,
    Tensor,
    read_outputs,
)
from PIL import Image
from support.triton_process import lay_out, running_triton

ROOT = Path(__file__).resolve().parents[3]
PIPELINES = ("image_preprocess", "label_top_k", "classify", "gpt_generate")
PHOTOGRAPHS = ROOT / "tests" / "data" / "photographs"
EXPECTED = yaml.safe_load((ROOT / "tests" / "data" / "photographs.yml").read_text("utf-8"))
LONG: dict[str, Any] = {"text_input": "ROMEO.", "max_tokens": 250, "temperature": 0}


def export(name: str, weights: str | None, dest: Path) -> None:
    """Export a shipped network into a Triton model repository."""
    given = {key: spec.get("default") for key, spec in model_declaration.MODEL.items()}
    given |= {"name": name, "source": f"models/{name}/model.py:build", "weights": weights}
    [declaration] = model_declaration.declarations({"chdir": str(ROOT), "models": [given]})
    path = dest / name / "1" / "model.onnx"
    path.parent.mkdir(parents=True)
    with torch_ready():
        definition = load_definition(declaration, ROOT / weights if weights else None)
        onnx_export.export_module(definition, declaration.opset, path)
    configure(dest / name, path, {"max_batch_size": 32})


def configure(model: Path, path: Path, declared: dict[str, Any]) -> None:
    """Write a model's config.pbtxt, by the signature of its file."""
    signature = onnx_file.signature(onnx_file.load(path))
    config = model_config.of_signature(model.name, declared, signature)
    model_config.add_release(config, 1, "ab" * 32)
    (model / "config.pbtxt").write_text(model_config.render(config))


def fill(repository: Path) -> None:
    """Write all models of this file into a model repository."""
    for name in PIPELINES:
        shutil.copytree(ROOT / "model_repo" / name, repository / name)
    export("efficientnet_lite0", None, repository)
    export("gpt_mini", "models/gpt_mini/checkpoint.pt", repository)

    # The same pipeline where Python has no onnxruntime: Triton runs gpt_mini for it.
    shutil.copytree(repository / "gpt_generate", repository / "gpt_asks_triton")
    program = repository / "gpt_asks_triton" / "1" / "model.py"
    text = program.read_text("utf-8").replace("    import onnxruntime\n", "    raise ImportError\n")
    assert text != program.read_text("utf-8")
    program.write_text(text)

    # Two versions of one model, of other precisions.
    small, fp32 = repository / "gpt_small", repository / "gpt_mini" / "1" / "model.onnx"
    for version, precision in (("1", "fp16"), ("2", "int8")):
        path = small / version / "model.onnx"
        path.parent.mkdir(parents=True)
        onnx_precision.convert(fp32, path, precision, keep_io_types=True)
    configure(small, path, {"version_policy": {"all": {}}})


@dataclass
class Server:
    """A running Triton."""

    http: str
    grpc: str
    repository: Path

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, Any]:
        """Return status, body and headers of an answer."""
        request = Request(f"{self.http}/v2/models/{path}", body, headers)
        try:
            with urlopen(request, timeout=30) as answer:
                return answer.status, answer.read(), answer.headers
        except HTTPError as error:
            return error.code, error.read(), error.headers

    def infer(self, path: str, *inputs: Tensor) -> dict[str, Tensor]:
        """Return the outputs of a model.

        Raises:
            AssertionError: Triton refuses; with its status and sentence.
        """
        raws = [tensor.raw() for tensor in inputs]
        head = {
            "inputs": [
                {
                    "name": tensor.name,
                    "datatype": tensor.datatype,
                    "shape": tensor.shape,
                    "parameters": {"binary_data_size": len(raw)},
                }
                for tensor, raw in zip(inputs, raws, strict=True)
            ],
            "parameters": {"binary_data_output": True},
        }
        text = json.dumps(head).encode()
        status, body, headers = self.post(
            f"{path}/infer", b"".join((text, *raws)), {HEADER_LENGTH: str(len(text))}
        )
        assert status == 200, f"{status} {json.loads(body)['error']}"
        return {output.name: output for output in read_outputs(body, headers[HEADER_LENGTH])}

    def classify(self, *files: bytes) -> list[tuple[str, float]]:
        """Return the best label of each image, with its score."""
        outputs = self.infer("classify", images(*files))
        labels, scores = outputs["label"], outputs["score"]
        assert labels.shape == scores.shape == [len(files), 5]
        return [
            (label.decode(), score)
            for label, score in zip(labels.values()[::5], scores.values()[::5], strict=True)
        ]

    def generate(self, model: str = "gpt_generate", **body: Any) -> list[str]:
        """Return the text of each response.

        Raises:
            AssertionError: Triton refuses; with its status and sentence.
        """
        status, answer, _ = self.post(f"{model}/generate_stream", json.dumps(body).encode(), {})
        events = [json.loads(line.removeprefix(b"data: ")) for line in answer.split(b"\n") if line]
        assert status == 200, f"{status} {events[0]['error']}"
        return [event["text_output"] for event in events]

    def control(self, model: str, action: str, config: dict[str, Any] | None = None) -> str:
        """Load or unload a model; return what Triton says against it."""
        parameters = {"config": json.dumps(config)} if config else {}
        request = Request(
            f"{self.http}/v2/repository/models/{model}/{action}",
            json.dumps({"parameters": parameters}).encode(),
        )
        try:
            with urlopen(request, timeout=30):
                return ""
        except HTTPError as error:
            return error.read().decode()

    def counted(self, model: str) -> int:
        """Return how many inferences a model has done so far."""
        with urlopen(f"{self.http}/v2/models/{model}/stats", timeout=5) as answer:
            [stats] = json.load(answer)["model_stats"]
        count: int = stats["inference_count"]
        return count


def images(*files: bytes) -> Tensor:
    """Return the input of classify and image_preprocess."""
    return Tensor("image", "BYTES", [len(files), 1], list(files))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("triton")
    lay_out(directory)
    fill(directory / "models")
    arguments = ("--model-control-mode=explicit", "--load-model=*")
    with running_triton(directory, directory / "models", *arguments) as triton:
        triton.wait_until_ready()
        yield Server(triton.url, f"127.0.0.1:{triton.grpc}", directory / "models")


@pytest.mark.parametrize("model", PIPELINES)
def test_golden_answers_are_given(server: Server, model: str) -> None:
    for case in Golden.read(ROOT / "model_repo" / model / "1" / "golden.json").cases:
        headers, body = case.request()
        status, answer, answered = server.post(f"{model}/{case.endpoint}", body, headers)
        assert status == 200, answer
        assert case.check(answer, answered.get(HEADER_LENGTH)) is None


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Return an image as a file of a format."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photograph(name: str) -> Image.Image:
    return Image.open(PHOTOGRAPHS / name)


def test_photographs_are_classified_as_the_card_says(server: Server) -> None:
    """In one request, so images of different sizes make a batch."""
    assert {entry["file"] for entry in EXPECTED} == {path.name for path in PHOTOGRAPHS.iterdir()}
    answers = server.classify(*((PHOTOGRAPHS / entry["file"]).read_bytes() for entry in EXPECTED))
    assert [label for label, _ in answers] == [entry["label"] for entry in EXPECTED]
    assert [score for _, score in answers] == pytest.approx(
        [entry["score"] for entry in EXPECTED], abs=0.01
    )


@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("WEBP", {"quality": 95}), ("WEBP", {"lossless": True})]
)
def test_formats_make_no_difference(server: Server, kind: str, options: dict[str, Any]) -> None:
    [(label, score)] = server.classify(encoded(photograph("cat.jpg"), kind, **options))
    assert label == "Egyptian cat"
    assert score == pytest.approx(0.67, abs=0.05)


def turned(image: Image.Image) -> bytes:
    """Return a file that says that the camera was held upright."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(image.transpose(Image.Transpose.ROTATE_90), "JPEG", quality=95, exif=exif)


def on_nothing(image: Image.Image) -> bytes:
    """Return a file whose black border is transparent, and so white."""
    framed = Image.new("RGBA", (800, 600), (0, 0, 0, 0))
    framed.paste(image, (100, 100))
    return encoded(framed, "PNG")


def on_white(image: Image.Image) -> bytes:
    framed = Image.new("RGB", (800, 600), "white")
    framed.paste(image, (100, 100))
    return encoded(framed, "PNG")


def in_16_bits(image: Image.Image) -> bytes:
    grey = np.asarray(image.convert("L"), dtype=np.uint16) * 257
    return encoded(Image.fromarray(grey), "PNG")


@pytest.mark.parametrize(
    ("unusual", "usual"),
    [
        (turned, lambda image: encoded(image, "JPEG", quality=95)),
        (on_nothing, on_white),
        (in_16_bits, lambda image: encoded(image.convert("L"), "PNG")),
        (
            lambda image: encoded(image.convert("CMYK"), "JPEG", quality=95),
            lambda image: encoded(image, "JPEG", quality=95),
        ),
        (
            lambda image: encoded(image.convert("P"), "PNG"),
            lambda image: encoded(image.convert("P").convert("RGB"), "PNG"),
        ),
    ],
    ids=["orientation", "alpha", "16 bits", "CMYK", "palette"],
)
def test_unusual_files_are_read_as_they_are_seen(
    server: Server, unusual: Callable[[Image.Image], bytes], usual: Callable[[Image.Image], bytes]
) -> None:
    image = photograph("coffee.jpg")
    outputs = server.infer("image_preprocess", images(unusual(image), usual(image)))
    ours, theirs = np.array(outputs["pixels"].values()).reshape(2, -1)
    assert np.abs(ours - theirs).mean() < 0.02
    assert outputs["size"].values()[:2] == outputs["size"].values()[2:]


def test_requests_are_batched_for_the_classifier(server: Server) -> None:
    files = [(PHOTOGRAPHS / entry["file"]).read_bytes() for entry in EXPECTED]
    with ThreadPoolExecutor(len(files)) as pool:
        answers = list(pool.map(server.classify, files))
    assert [answer[0][0] for answer in answers] == [entry["label"] for entry in EXPECTED]
    with urlopen(f"{server.http}/v2/models/efficientnet_lite0/stats", timeout=5) as answer:
        [stats] = json.load(answer)["model_stats"]
    assert stats["execution_count"] < stats["inference_count"]


def bomb() -> bytes:
    """Return a PNG of a few kilobytes that would take hundreds of megabytes."""
    return encoded(Image.new("1", (10_000, 10_000)), "PNG")


@pytest.mark.parametrize(
    ("junk", "reason"),
    [
        (b"", "it is neither a JPEG nor a PNG nor a WebP file"),
        (b"junk", "it is neither a JPEG nor a PNG nor a WebP file"),
        (encoded(Image.new("RGB", (8, 8)), "GIF"), "it is neither a JPEG nor a PNG nor a WebP"),
        ((PHOTOGRAPHS / "cat.jpg").read_bytes()[:5000], "image file is truncated"),
        (bomb(), "it has 10000 x 10000 pixels, allowed are 32,000,000"),
    ],
    ids=["nothing", "junk", "GIF", "truncated", "bomb"],
)
def test_unreadable_image_is_refused(server: Server, junk: bytes, reason: str) -> None:
    good = (PHOTOGRAPHS / "cat.jpg").read_bytes()
    with pytest.raises(AssertionError, match=f"^400 .*not a readable image: {reason}"):
        server.classify(junk)
    with pytest.raises(AssertionError, match=f"^400 .*image 2 of 3: not a readable .*{reason}"):
        server.classify(good, junk, good)


def test_unreadable_image_fails_no_other_request(server: Server) -> None:
    good = (PHOTOGRAPHS / "cat.jpg").read_bytes()

    def ask(file: bytes) -> str:
        try:
            return server.classify(file)[0][0]
        except AssertionError as error:
            return str(error)[:3]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, [good, b"junk"] * 8))
    assert answers == ["Egyptian cat", "400"] * 8


def test_labels_come_best_first(server: Server) -> None:
    logits = [0.0] * 1000
    logits[967], logits[504] = 20.0, 19.0
    outputs = server.infer("label_top_k", Tensor("logits", "FP32", [1, 1000], logits))
    assert outputs["label"].values()[:2] == [b"espresso", b"coffee mug"]
    assert outputs["score"].values()[:2] == pytest.approx([0.731, 0.269], abs=1e-3)


@pytest.mark.parametrize("version", [1, 2])
def test_models_of_fewer_bits_are_served_in_several_versions(server: Server, version: int) -> None:
    file = server.repository / "gpt_small" / str(version) / "model.onnx"
    inputs = {
        "input_ids": np.array([[84, 111]]),
        "position": np.array([[0]]),
        "past": np.zeros((1, 8, 4, 3, 32), dtype=np.float32),
    }
    expected, _ = onnxruntime.InferenceSession(file).run(None, inputs)
    tensors = (
        Tensor(
            name, "FP32" if name == "past" else "INT64", list(array.shape), array.ravel().tolist()
        )
        for name, array in inputs.items()
    )
    found = server.infer(f"gpt_small/versions/{version}", *tensors)["logits"]
    np.testing.assert_allclose(found.values(), expected[0], atol=1e-3)


@pytest.fixture(params=["gpt_generate", "gpt_asks_triton"])
def model(request: pytest.FixtureRequest) -> str:
    """Return a pipeline that runs gpt_mini itself, and one that asks Triton for it."""
    name: str = request.param
    return name


def test_text_is_that_of_the_network(server: Server, model: str) -> None:
    session = onnxruntime.InferenceSession(server.repository / "gpt_mini" / "1" / "model.onnx")
    text = list(b"To be")
    while len(text) < 85:
        # The whole text is read again for every byte: no cache.
        feed = {
            "input_ids": np.array([text]),
            "position": np.array([[0]]),
            "past": np.zeros((1, 8, 4, 1, 32), dtype=np.float32),
        }
        logits, _ = session.run(None, feed)
        text.append(int(logits[0].argmax()))
    parts = server.generate(model, text_input="To be", max_tokens=80, temperature=0)
    assert len(parts) == 80
    assert "".join(parts) == bytes(text[5:]).decode()


def test_streams_side_by_side_do_not_disturb_each_other(server: Server, model: str) -> None:
    prompts: list[dict[str, Any]] = [
        {"text_input": start * length, "max_tokens": 30 * length, "temperature": 0}
        for length, start in enumerate(["To be", "ROMEO.", "Enter ", "The king", "O"], 1)
    ]
    alone = [server.generate(model, **prompt) for prompt in prompts]
    # More than run at once, so some wait for others to end.
    with ThreadPoolExecutor(20) as pool:
        together = list(pool.map(lambda prompt: server.generate(model, **prompt), prompts * 4))
    assert together == alone * 4


def test_seed_decides_the_text(server: Server) -> None:
    hot: dict[str, Any] = {"text_input": "a", "max_tokens": 40, "temperature": 10, "top_k": 256}
    first, again, other = (server.generate(seed=seed, **hot) for seed in (1, 1, 2))
    assert first == again != other
    assert server.generate(seed=3, **hot | {"top_k": 1}) == server.generate(
        seed=4, **hot | {"temperature": 0}
    )


def test_characters_of_several_bytes_arrive_whole(server: Server) -> None:
    """At this temperature all bytes are as likely, and few of them make characters."""
    hot: dict[str, Any] = {
        "text_input": "\u00c2",
        "max_tokens": 200,
        "temperature": 10,
        "top_k": 256,
    }
    status, answer, _ = server.post("gpt_generate/generate_stream", json.dumps(hot).encode(), {})
    assert status == 200
    assert "\ufffd" in answer.decode()


def test_text_ends_before_a_stop_string(server: Server) -> None:
    body: dict[str, Any] = {"text_input": "To be", "max_tokens": 60, "temperature": 0}
    whole = "".join(server.generate(**body))
    stop = whole[20:26]
    before = whole[: whole.index(stop)]
    for given in (stop, [stop], ["never written", stop, stop + "x"]):
        assert "".join(server.generate(stop=given, **body)) == before
    # What looked like the beginning of a stop string is sent when it turns out to be none.
    assert "".join(server.generate(stop=[stop + "\x01", whole[-3:] + "\x01"], **body)) == whole


def test_generate_answers_at_once_with_a_flag(server: Server) -> None:
    body: dict[str, Any] = {"text_input": "To be", "max_tokens": 60, "temperature": 0}
    document = json.dumps(body | {"stream": False}).encode()
    status, answer, _ = server.post("gpt_generate/generate", document, {})
    assert status == 200
    assert json.loads(answer)["text_output"] == "".join(server.generate(**body))
    # Without it, Triton itself says which endpoint is the right one.
    _, answer, _ = server.post("gpt_generate/generate", json.dumps(body).encode(), {})
    assert "use generate stream" in json.loads(answer)["error"]


REFUSED = [
    ({"text_input": ""}, "text_input is empty"),
    ({"text_input": "a", "max_tokens": 0}, "max_tokens is 0"),
    ({"text_input": "a", "max_tokens": 256}, "both together at most 256"),
    ({"text_input": "a", "temperature": -1}, "temperature is -1.0: allowed is 0"),
    ({"text_input": "a", "temperature": 11}, "temperature is 11.0: allowed is 0"),
    ({"text_input": "a", "top_k": 0}, "top_k is 0: allowed is 1 to 256"),
    ({"text_input": "a", "seed": -5}, "seed is -5: allowed is 0"),
    ({"text_input": "a", "stop": [""]}, "stop has an empty string"),
    ({"text_input": "a", "stop": list("abcdefghi")}, "stop has 9 strings: allowed are 8"),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
@pytest.mark.parametrize("endpoint", ["generate", "generate_stream"])
def test_parameters_are_checked(
    server: Server, endpoint: str, body: dict[str, Any], reason: str
) -> None:
    status, answer, _ = server.post(f"gpt_generate/{endpoint}", json.dumps(body).encode(), {})
    assert status == 400
    assert reason in answer.decode()


@contextmanager
def stopping(server: Server) -> Iterator[None]:
    """Check that not all tokens of a stream are made: each is an inference of gpt_mini."""
    before = server.counted("gpt_mini")
    yield
    last = -1
    while last != (made := server.counted("gpt_mini") - before):
        last = made
        time.sleep(0.3)
    assert 0 < made < LONG["max_tokens"] / 2


def test_generation_stops_when_an_http_client_goes_away(server: Server) -> None:
    host, port = server.http.removeprefix("http://").split(":")
    document = json.dumps(LONG).encode()
    head = (
        f"POST /v2/models/gpt_asks_triton/generate_stream HTTP/1.1\r\nHost: {host}\r\n"
        f"Content-Length: {len(document)}\r\n\r\n"
    )
    with stopping(server), socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode() + document)
        received = b""
        while b"text_output" not in received:
            received += connection.recv(4096)


def test_generation_stops_when_a_grpc_client_cancels(server: Server) -> None:
    answers: list[Any] = []
    inputs = [
        tritonclient.grpc.InferInput("text_input", [1], "BYTES"),
        tritonclient.grpc.InferInput("max_tokens", [1], "INT32"),
    ]
    inputs[0].set_data_from_numpy(np.array([b"ROMEO."], dtype=np.object_))
    inputs[1].set_data_from_numpy(np.array([LONG["max_tokens"]], dtype=np.int32))
    with stopping(server), tritonclient.grpc.InferenceServerClient(server.grpc) as client:
        client.start_stream(lambda result, error: answers.append(result or error))
        client.async_stream_infer("gpt_asks_triton", inputs)
        while not answers:
            time.sleep(0.001)
        client.stop_stream(cancel_requests=True)


def test_number_of_labels_is_a_parameter(server: Server) -> None:
    with urlopen(f"{server.http}/v2/models/label_top_k/config", timeout=5) as answer:
        config = json.load(answer)

    def load(top_k: str) -> str:
        config["parameters"]["top_k"] = {"string_value": top_k}
        return server.control("label_top_k", "load", config)

    for wrong in ("0", "1001", "many"):
        assert f"top_k is '{wrong}': allowed is 1 to 1000" in load(wrong)
    assert load("3") == ""
    file = (PHOTOGRAPHS / "coffee.jpg").read_bytes()
    outputs = server.infer("classify", images(file))
    assert (outputs["label"].shape, outputs["score"].shape) == ([1, 3], [1, 3])
    assert load("5") == ""


def test_stream_ends_before_its_model_is_unloaded(server: Server) -> None:
    whole = server.generate(**LONG)
    before = server.counted("gpt_mini")
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(server.generate, "gpt_asks_triton", **LONG)
        while server.counted("gpt_mini") == before:
            time.sleep(0.001)
        assert server.control("gpt_asks_triton", "unload") == ""
        assert stream.result() == whole
    assert server.control("gpt_asks_triton", "load") == ""


def test_without_gpt_mini_is_told(server: Server) -> None:
    body: dict[str, Any] = {"text_input": "To be", "max_tokens": 4, "temperature": 0}
    whole = server.generate(**body)
    assert server.control("gpt_mini", "unload") == ""
    with pytest.raises(AssertionError, match=r"gpt_generate failed: .*gpt_mini.* not ready"):
        server.generate("gpt_asks_triton", **body)
    assert server.generate(**body) == whole
    server.control("gpt_generate", "unload")
    (server.repository / "gpt_mini").rename(server.repository / "elsewhere")
    assert "models/gpt_mini/<version>/model.onnx" in server.control("gpt_generate", "load")
