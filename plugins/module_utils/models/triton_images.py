"""Which ONNX models a production Triton image can load, by the onnxruntime that it carries.

Images: `build.py` (`ort_version`) and `TRITON_VERSION` of the branches r23.10 to r26.08 of
github.com/triton-inference-server/server, as of August 2026. Limits of an onnxruntime: measured
with its wheel for Linux, by loading a model of every operator set and of every IR version; a patch
release has the limits of its minor release.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .declaration import ModelError

IMAGES = {
    "23.10": ("2.39.0", "1.16.0"),
    "23.11": ("2.40.0", "1.16.3"),
    "23.12": ("2.41.0", "1.16.3"),
    "24.01": ("2.42.0", "1.16.3"),
    "24.02": ("2.43.0", "1.16.3"),
    "24.03": ("2.44.0", "1.17.2"),
    "24.04": ("2.45.0", "1.17.3"),
    "24.05": ("2.46.0", "1.18.0"),
    "24.06": ("2.47.0", "1.18.0"),
    "24.07": ("2.48.0", "1.18.1"),
    "24.08": ("2.49.0", "1.19.0"),
    "24.09": ("2.50.0", "1.19.2"),
    "24.10": ("2.51.0", "1.19.2"),
    "24.11": ("2.52.0", "1.19.2"),
    "24.12": ("2.53.0", "1.20.1"),
    "25.01": ("2.54.0", "1.20.1"),
    "25.02": ("2.55.0", "1.20.1"),
    "25.03": ("2.56.0", "1.21.0"),
    "25.04": ("2.57.0", "1.21.0"),
    "25.05": ("2.58.0", "1.22.0"),
    "25.06": ("2.59.0", "1.22.0"),
    "25.07": ("2.59.1", "1.22.0"),
    "25.08": ("2.60.0", "1.23.0"),
    "25.09": ("2.61.0", "1.23.0"),
    "25.10": ("2.62.0", "1.23.1"),
    "25.11": ("2.63.0", "1.23.2"),
    "25.12": ("2.64.0", "1.23.2"),
    "26.01": ("2.65.0", "1.23.2"),
    "26.02": ("2.66.0", "1.24.1"),
    "26.03": ("2.67.0", "1.24.2"),
    "26.04": ("2.68.0", "1.24.4"),
    "26.05": ("2.69.0", "1.24.4"),
    "26.06": ("2.70.0", "1.24.4"),
    "26.07": ("2.71.0", "1.27.0"),
    "26.08": ("2.72.0", "1.28.0"),
}
"""The versions of Triton and of onnxruntime in each image."""

LIMITS = {
    "1.16": (19, 9),
    "1.17": (20, 9),
    "1.18": (21, 10),
    "1.19": (21, 10),
    "1.20": (21, 10),
    "1.21": (22, 10),
    "1.22": (22, 10),
    "1.23": (23, 11),
    "1.24": (25, 13),
    "1.27": (26, 13),
    "1.28": (26, 13),
}
"""The highest operator set and IR version that each minor release of onnxruntime loads."""

TAG = re.compile(r"(?:.*:)?(?P<release>\d\d\.\d\d)-py3(?:-igpu)?(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True)
class TritonImage:
    """A production image, and the limits of its onnxruntime."""

    release: str
    triton: str
    onnxruntime: str
    opset: int
    ir_version: int

    @classmethod
    def of(cls, image: str) -> TritonImage:
        """Find an image by its tag; the registry and the repository may be anyone's.

        Raises:
            ModelError: nothing is known of it, or it is one without onnxruntime.
        """
        match = TAG.fullmatch(image)
        if match is None or match["release"] not in IMAGES:
            raise ModelError(
                f"triton_image is {image!r}: known are the tags {min(IMAGES)}-py3 to "
                f"{max(IMAGES)}-py3, also with -igpu, and with a digest behind them"
            )
        triton, onnxruntime = IMAGES[match["release"]]
        opset, ir_version = LIMITS[onnxruntime.rpartition(".")[0]]
        return cls(match["release"], triton, onnxruntime, opset, ir_version)

    def check(self, opset: int, ir_version: int = 0) -> None:
        """Refuse a model that the image cannot load.

        Raises:
            ModelError: its operator set or its IR version is too new.
        """
        for what, version, limit in (
            ("opset", opset, self.opset),
            ("IR version", ir_version, self.ir_version),
        ):
            if version > limit:
                raise ModelError(
                    f"{what} {version} is more than Triton {self.release}-py3 can load: its "
                    f"onnxruntime {self.onnxruntime} goes up to {limit}"
                )
