"""What is known of Triton's production images, against what onnx says of the same versions."""

from __future__ import annotations

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.triton_images import (
    IMAGES,
    TritonImage,
)


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def test_every_month_from_the_first_image_to_the_last() -> None:
    first, last = min(IMAGES), max(IMAGES)
    months = [f"{year}.{month:02}" for year in range(23, 27) for month in range(1, 13)]
    assert list(IMAGES) == [month for month in months if first <= month <= last]
    assert (first, last) == ("23.10", "26.08")


def test_newer_images_can_load_no_less() -> None:
    images = [TritonImage.of(f"{release}-py3") for release in IMAGES]
    for what in (
        lambda image: number(image.triton),
        lambda image: number(image.onnxruntime),
        lambda image: image.opset,
        lambda image: image.ir_version,
    ):
        assert [what(image) for image in images] == sorted(what(image) for image in images)


def test_an_operator_set_comes_with_its_ir_version() -> None:
    """An onnxruntime is built on one onnx, and loads what that one writes."""
    from onnx.helper import VERSION_TABLE

    ir_version = {opset: ir for _, ir, opset, *_ in VERSION_TABLE}
    for release in IMAGES:
        image = TritonImage.of(f"{release}-py3")
        assert ir_version[image.opset] <= image.ir_version


@pytest.mark.parametrize(
    "image",
    [
        "25.06-py3",
        "25.06-py3-igpu",
        "nvcr.io/nvidia/tritonserver:25.06-py3",
        f"registry.example.com:5000/a/b:25.06-py3@sha256:{'0' * 64}",
    ],
)
def test_an_image_is_known_by_its_tag(image: str) -> None:
    assert TritonImage.of(image) == TritonImage("25.06", "2.59.0", "1.22.0", 22, 10)


@pytest.mark.parametrize(
    "image", ["25.13-py3", "23.09-py3", "25.06-py3-sdk", "25.06-vllm-python-py3", "latest", "25.06"]
)
def test_other_images_are_refused(image: str) -> None:
    with pytest.raises(ModelError) as caught:
        TritonImage.of(image)
    assert str(caught.value) == (
        f"triton_image is {image!r}: known are the tags 23.10-py3 to 26.08-py3, also with -igpu, "
        "and with a digest behind them"
    )


def test_what_an_image_cannot_load() -> None:
    image = TritonImage.of("25.06-py3")
    image.check(22, 10)
    with pytest.raises(ModelError) as caught:
        image.check(23)
    assert str(caught.value) == (
        "opset 23 is more than Triton 25.06-py3 can load: its onnxruntime 1.22.0 goes up to 22"
    )
    with pytest.raises(ModelError, match="IR version 11 is more than"):
        image.check(22, 11)
