"""ResNet50 with torchvision's parameter names, so torchvision's weight files load as they are.

Input: (RGB pixels of 0..1 - mean) / deviation of ImageNet, float32 [batch, 3, 224, 224]; the means
are 0.485, 0.456, 0.406 and the deviations 0.229, 0.224, 0.225.
Output: logits of the 1000 ImageNet classes, float32 [batch, 1000].
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
"""Width, blocks and first stride of layer1 to layer4."""
EXPANSION = 4


class Bottleneck(nn.Module):
    """Three convolutions (1x1, 3x3, 1x1) beside a shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * EXPANSION, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * EXPANSION)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or channels != width * EXPANSION:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels, width * EXPANSION, 1, stride, bias=False),
                nn.BatchNorm2d(width * EXPANSION),
            )

    def forward(self, image: Tensor) -> Tensor:
        """Map [batch, channels, h, w] to [batch, width * EXPANSION, h / stride, w / stride]."""
        inner = functional.relu(self.bn1(self.conv1(image)))
        inner = functional.relu(self.bn2(self.conv2(inner)))
        return functional.relu(self.bn3(self.conv3(inner)) + self.downsample(image))


class ResNet50(nn.Module):
    """The 50-layer residual network with the stride in the 3x3 convolution (version 1.5)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        channels = 64
        for number, (width, blocks, stride) in enumerate(STAGES, start=1):
            stage = nn.Sequential()
            for block in range(blocks):
                stage.append(Bottleneck(channels, width, stride if block == 0 else 1))
                channels = width * EXPANSION
            self.add_module(f"layer{number}", stage)
        self.fc = nn.Linear(channels, 1000)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, image: Tensor) -> Tensor:
        """Return logits [batch, 1000] of normalised pixels [batch, 3, 224, 224]."""
        hidden = functional.relu(self.bn1(self.conv1(image)))
        hidden = functional.max_pool2d(hidden, 3, stride=2, padding=1)
        for number in range(1, len(STAGES) + 1):
            hidden = self.get_submodule(f"layer{number}")(hidden)
        return self.fc(hidden.mean(dim=(2, 3)))


def build(weights: str | None = None, seed: int = 0) -> dict[str, Any]:
    """Return the network for the exporter.

    weights is a state_dict file, for instance torchvision's; without it the weights are random,
    drawn from seed: the timing is right and the answers are noise.
    """
    torch.manual_seed(seed)
    network = ResNet50().eval()
    if weights:
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    return {
        "module": network,
        "inputs": lambda batch: (torch.randn(batch, 3, 224, 224),),
        "input_names": ["image"],
        "output_names": ["logits"],
        "random_weights": not weights,
    }
