"""image_preprocess: an encoded image becomes the tensor that efficientnet_lite0 was trained on."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from PIL import Image, ImageOps, UnidentifiedImageError

SIDE = 224
CROP = SIDE / 256
"""Part of the shorter side that the model sees."""
MEAN, SCALE = 127.0, 128.0
# Pillow warns above this many pixels and refuses twice as many, before it decodes any.
Image.MAX_IMAGE_PIXELS = 32_000_000


def preprocess(encoded: bytes) -> np.ndarray:
    """Decode a JPEG or PNG file into an fp32 tensor [3, SIDE, SIDE] of values in -1 .. 1.

    Raises:
        ValueError: the bytes are not a readable image.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=("JPEG", "PNG")) as file:
            image = ImageOps.exif_transpose(file).convert("RGB")
    except UnidentifiedImageError as error:
        raise ValueError("not a readable image: it is neither a JPEG nor a PNG file") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a readable image: {error}") from error
    width, height = image.size
    side = min(width, height) * CROP
    left, top = (width - side) / 2, (height - side) / 2
    image = image.resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    return (np.asarray(image, dtype=np.float32).transpose(2, 0, 1) - MEAN) / SCALE


class TritonPythonModel:
    """Input `image` [batch, 1] of encoded files, output `pixels` [batch, 3, SIDE, SIDE]."""

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request on its own, so one unreadable image fails no other."""
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        """Preprocess the images of one request."""
        encoded = pb_utils.get_input_tensor_by_name(request, "image").as_numpy()
        try:
            pixels = np.stack([preprocess(item) for item in encoded.reshape(-1)])
        except ValueError as error:
            refusal = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
            return pb_utils.InferenceResponse(error=refusal)
        return pb_utils.InferenceResponse([pb_utils.Tensor("pixels", pixels)])
