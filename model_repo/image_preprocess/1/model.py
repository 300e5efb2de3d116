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
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 32_000_000
# Pillow would warn at this size and refuse only twice as many, so the size is checked here.
Image.MAX_IMAGE_PIXELS = None


def decode(encoded: bytes) -> Image.Image:
    """Decode a file into an upright image in RGB; what is transparent becomes white.

    Raises:
        ValueError: the bytes are not a readable image.
    """
    try:
        with Image.open(io.BytesIO(encoded), formats=FORMATS) as file:
            if file.width * file.height > MAX_PIXELS:
                raise ValueError(
                    f"it has {file.width} x {file.height} pixels, allowed are {MAX_PIXELS:,}"
                )
            image = ImageOps.exif_transpose(file)
            if image.mode.startswith("I"):
                # 16 bits of grey, of which convert would cut off all above 255.
                image = image.point(lambda value: value / 256).convert("L")
            if image.has_transparency_data:
                white = Image.new("RGBA", image.size, "white")
                image = Image.alpha_composite(white, image.convert("RGBA"))
            return image.convert("RGB")
    except UnidentifiedImageError as error:
        raise ValueError("it is neither a JPEG nor a PNG nor a WebP file") from error
    except (OSError, SyntaxError) as error:
        raise ValueError(str(error)) from error


def preprocess(image: Image.Image) -> np.ndarray:
    """Turn an image into an fp32 tensor [3, SIDE, SIDE] of values in -1 .. 1."""
    side = min(image.size) * CROP
    left, top = (image.width - side) / 2, (image.height - side) / 2
    image = image.resize(
        (SIDE, SIDE), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    return (np.asarray(image, dtype=np.float32).transpose(2, 0, 1) - MEAN) / SCALE


class TritonPythonModel:
    """Input `image` [batch, 1] of encoded files, outputs `pixels` and `size`."""

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request on its own, so one unreadable image fails no other request."""
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        """Preprocess the images of one request."""
        files = pb_utils.get_input_tensor_by_name(request, "image").as_numpy().reshape(-1)
        pixels = np.empty((len(files), 3, SIDE, SIDE), dtype=np.float32)
        size = np.empty((len(files), 2), dtype=np.int32)
        for index, encoded in enumerate(files):
            try:
                image = decode(encoded)
            except ValueError as error:
                which = f"image {index + 1} of {len(files)}: " if len(files) > 1 else ""
                reason = f"{which}not a readable image: {error}"
                refusal = pb_utils.TritonError(reason, pb_utils.TritonError.INVALID_ARG)
                return pb_utils.InferenceResponse(error=refusal)
            pixels[index] = preprocess(image)
            size[index] = image.height, image.width
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor("pixels", pixels), pb_utils.Tensor("size", size)]
        )
