"""The definitions: parameter names and counts, weights, and gpt_mini with and without its cache."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from ansible_collections.mlops.gpu_platform.models.efficientnet_lite0 import (
    model as efficientnet_lite0,
)
from ansible_collections.mlops.gpu_platform.models.gpt_mini import model as gpt_mini
from ansible_collections.mlops.gpu_platform.models.gpt_mini import train
from ansible_collections.mlops.gpu_platform.models.resnet50 import model as resnet50
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import export as onnx_export
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import MODELS
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.source import builtin_intern
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[3]


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_resnet50_has_torchvision_s_parameters() -> None:
    """161 parameters and 159 batch norm buffers, by the names of torchvision's weight files."""
    network = resnet50.build()["module"]
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert count(network) == 25_557_032
    assert len(shapes) == 320
    expected = {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_mean": (64,),
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.0.downsample.1.num_batches_tracked": (),
        "layer2.3.bn2.weight": (128,),
        "layer3.5.conv3.weight": (1024, 256, 1, 1),
        "layer4.0.conv2.weight": (512, 512, 3, 3),
        "fc.weight": (1000, 2048),
        "fc.bias": (1000,),
    }
    assert expected.items() <= shapes.items()
    assert {name for name in shapes if "downsample" in name and name.endswith(".0.weight")} == {
        f"layer{stage}.0.downsample.0.weight" for stage in (1, 2, 3, 4)
    }


def test_resnet50_weights(tmp_path: Path) -> None:
    first, same, other = (resnet50.build(seed=seed) for seed in (0, 0, 1))
    image = torch.ones(1, 3, 224, 224)
    with torch.no_grad():
        answers = [definition["module"](image) for definition in (first, same, other)]
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])
    assert first["random_weights"]

    file = tmp_path / "weights.pth"
    torch.save(other["module"].state_dict(), file)
    loaded = resnet50.build(weights=str(file))
    with torch.no_grad():
        assert torch.equal(loaded["module"](image), answers[2])
    assert not loaded["random_weights"]
    torch.save({"fc.weight": torch.zeros(1000, 2048)}, file)
    with pytest.raises(RuntimeError, match="Missing key"):
        resnet50.build(weights=str(file))


def test_efficientnet_lite0_knows_a_cup_of_coffee() -> None:
    definition = efficientnet_lite0.build()
    assert count(definition["module"]) == 4_652_008
    with Image.open(ROOT / "roles/verification/files/coffee.jpg") as photo:
        pixels = np.asarray(ImageOps.fit(photo.convert("RGB"), (224, 224)), dtype=np.float32)
    image = torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)[None]
    with torch.no_grad():
        score, index = definition["module"](image)[0].softmax(dim=0).max(dim=0)
    labels = (ROOT / "model_repo/label_top_k/1/labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels[int(index)] == "espresso"
    assert score > 0.5


def test_efficientnet_lite0_s_card_says_what_the_photographs_are() -> None:
    """The same answers that the pipeline is held to."""
    card = (ROOT / "models/efficientnet_lite0/CARD.md").read_text(encoding="utf-8")
    expected = yaml.safe_load((ROOT / "tests/data/photographs.yml").read_bytes())
    assert len(expected) == card.count(".jpg` |")
    for photograph in expected:
        assert "| `{file}` | {label} | {score:.3f} |".format(**photograph) in card


@pytest.mark.parametrize("definition", [resnet50, efficientnet_lite0, gpt_mini])
def test_cards_name_the_figures(definition: ModuleType) -> None:
    card = Path(str(definition.__file__)).with_name("CARD.md").read_text(encoding="utf-8")
    assert f"{count(definition.build()['module']):,}" in card
    assert "licence" in card.lower()


@pytest.fixture(scope="module")
def network() -> gpt_mini.GptMini:
    return gpt_mini.load()


def test_gpt_mini_with_cache_equals_without(network: gpt_mini.GptMini) -> None:
    """Two streams of different length share each batch and are read in unequal pieces."""
    cached = gpt_mini.CachedGptMini(network).eval()
    tokens = torch.tensor([list(b"To be, or not to be"), list(b"The rest is silence")])
    past = torch.full((2, gpt_mini.LAYERS * 2, gpt_mini.HEADS, 32, gpt_mini.HEAD_WIDTH), 9.0)
    position = torch.zeros(2, 1, dtype=torch.int64)
    # The second stream waits at first: it reads its first token twice, at the same position.
    pieces = [((0, 3), (0, 3)), ((3, 4), (0, 1)), ((4, 10), (1, 7))]
    with torch.no_grad():
        whole = network(tokens)
        for spans in pieces:
            rows = torch.stack(
                [row[start:end] for row, (start, end) in zip(tokens, spans, strict=True)]
            )
            position = torch.tensor([[start] for start, _ in spans])
            logits, present = cached(rows, position, past)
            for stream, (start, end) in enumerate(spans):
                past[stream, :, :, start:end] = present[stream]
                torch.testing.assert_close(
                    logits[stream], whole[stream, end - 1], rtol=0, atol=1e-4
                )


def test_gpt_mini_has_learned(network: gpt_mini.GptMini) -> None:
    """A fresh network scores log(256) = 5.5 nats per byte."""
    text = b"What, art thou mad? art thou mad? is not the truth the truth? Come, let us hear, Jack."
    with torch.no_grad():
        assert train.loss(network, train.tokens(text)[None]) < 2.3


def test_gpt_mini_is_measured_on_text_that_it_has_not_read(network: gpt_mini.GptMini) -> None:
    """With and without cache it is the same network, and about as good as CARD.md says."""
    cached = gpt_mini.CachedGptMini(network).eval()

    def runner(module: torch.nn.Module) -> gpt_mini.Run:
        def run(*arrays: np.ndarray) -> list[np.ndarray]:
            outputs = module(*map(torch.from_numpy, arrays))
            return [output.numpy() for output in outputs] if module is cached else [outputs.numpy()]

        return run

    assert len(gpt_mini.TEXT.read_bytes()) == 64 * gpt_mini.WINDOW + 1
    with torch.no_grad():
        metric, with_cache = gpt_mini.evaluate(runner(cached))
        same, without = gpt_mini.evaluate_stateless(runner(network))
    assert metric == same
    assert with_cache == pytest.approx(without, abs=1e-5)
    assert without == pytest.approx(-1.7194, abs=1e-3)


def test_gpt_mini_without_cache_exports_in_int8(tmp_path: Path) -> None:
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()} | {
        "name": "gpt_mini",
        "source": "model.py:build_stateless",
        "weights": "checkpoint.pt",
        "precision": "int8",
    }
    params = {
        "chdir": str(gpt_mini.CHECKPOINT.parent),
        "exports": str(tmp_path),
        "triton_image": "25.06-py3",
        "models": [model],
    }
    (made,) = onnx_export.run(params, check_mode=False, diff=False)["models"]
    assert made["signature"] == {
        "inputs": [{"name": "input_ids", "datatype": "INT64", "shape": [-1, -1]}],
        "outputs": [{"name": "logits", "datatype": "FP32", "shape": [-1, -1, 256]}],
    }
    assert made["bytes"] < 1_300_000
    assert made["accuracy"]["metric"] == gpt_mini.METRIC
    assert made["accuracy"]["loss"] < 0.002


def test_gpt_mini_checkpoint_is_plain_numbers() -> None:
    state = torch.load(gpt_mini.CHECKPOINT, weights_only=True)
    assert all(value.dtype == torch.float32 for value in state.values())
    assert count(gpt_mini.load()) == 854_272
    assert gpt_mini.CHECKPOINT.stat().st_size < 3_500_000


@pytest.fixture
def unwrapped_intern() -> Iterator[None]:
    """Undo, for torch, what Ansible does where other tests of this process load it."""
    with builtin_intern():
        yield


@pytest.mark.usefixtures("unwrapped_intern")
def test_training_lowers_the_loss_and_repeats_itself() -> None:
    text = train.tokens(b"Double, double toil and trouble; fire burn and cauldron bubble. " * 20)

    def trained() -> torch.Tensor:
        torch.manual_seed(3)
        network = gpt_mini.GptMini()
        train.train(network, text, steps=3)
        return torch.tensor([train.evaluate(network, text), train.loss(network, text[None, :65])])

    torch.manual_seed(3)
    before = train.evaluate(gpt_mini.GptMini(), text)
    first = trained()
    assert first[0] < before
    assert torch.equal(first, trained())


@pytest.mark.parametrize("definition", [resnet50, efficientnet_lite0, gpt_mini])
def test_weights_files_run_no_code(definition: ModuleType) -> None:
    """torch.load runs what a weights file says unless weights_only is set."""
    tree = ast.parse(Path(str(definition.__file__)).read_text(encoding="utf-8"))
    loads = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load"
    ]
    assert loads
    for call in loads:
        assert {"weights_only": "True"}.items() <= {
            keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords
        }.items()
