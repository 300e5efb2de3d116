"""The bare ``torch.onnx.export``: builds a model of one input, exports it, and that is all.

Usage: ``python -m benchmarks.bare_export MODEL.py:FUNCTION OPSET MODEL.onnx``
"""

from __future__ import annotations

import runpy
import sys

import torch
from torch.export import Dim


def main() -> None:
    """Export what the function builds."""
    path, _, function = sys.argv[1].rpartition(":")
    definition = runpy.run_path(path)[function]()
    torch.onnx.export(
        definition["module"].eval(),
        definition["inputs"](2),
        sys.argv[3],
        dynamo=True,
        external_data=False,
        input_names=definition["input_names"],
        output_names=definition["output_names"],
        dynamic_shapes=({0: Dim("batch")},),
        opset_version=int(sys.argv[2]),
        verbose=False,
    )


if __name__ == "__main__":
    main()
