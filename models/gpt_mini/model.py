"""gpt_mini: a byte-level GPT of 4 layers x 128, small enough to train and to serve on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim
from torch.nn import functional

VOCABULARY = 256
"""One token per byte value, so any text is its own encoding."""
LAYERS = 4
HEADS = 4
WIDTH = 128
CONTEXT = 256
"""Longest sequence in tokens: prompt and answer together."""
HEAD_WIDTH = WIDTH // HEADS
CHECKPOINT = Path(__file__).with_name("checkpoint.pt")
TEXT = Path(__file__).with_name("held_out.txt")
"""The beginning of the play that the network was not trained on."""
WINDOW = 64
"""Tokens that are read of it at a time."""
METRIC = "log likelihood of held-out text, nats per byte"

Run = Callable[..., list[np.ndarray]]
"""Runs an exported network on arrays."""


class Block(nn.Module):
    """A pre-norm transformer layer: causal self-attention, then a feed-forward network."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.attention = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.projection = nn.Linear(WIDTH, WIDTH, bias=False)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.expand = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.contract = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(
        self, hidden: Tensor, past: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the layer's output and the keys and values of its own tokens.

        hidden is [batch, sequence, WIDTH]. past is [batch, 2, HEADS, slots, HEAD_WIDTH], keys
        before values, and mask [batch, 1, sequence, slots + sequence] is true where a token may
        look; without the two, a token sees itself and those before it.
        """
        batch, length, _ = hidden.shape
        heads = self.attention(self.norm1(hidden)).view(batch, length, 3, HEADS, HEAD_WIDTH)
        query, key, value = heads.permute(2, 0, 3, 1, 4).unbind(0)
        present = torch.stack((key, value), dim=1)
        if past is not None:
            key = torch.cat((past[:, 0], key), dim=2)
            value = torch.cat((past[:, 1], value), dim=2)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=mask is None
        )
        hidden = hidden + self.projection(mixed.transpose(1, 2).reshape(batch, length, WIDTH))
        hidden = hidden + self.contract(functional.gelu(self.expand(self.norm2(hidden))))
        return hidden, present


class GptMini(nn.Module):
    """The network without a cache: every call reads the whole sequence."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(VOCABULARY, WIDTH)
        self.positions = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # Layers that write to the residual stream start small, so that depth adds up.
                last = name.endswith(("projection.weight", "contract.weight"))
                nn.init.normal_(parameter, std=0.02 / (2 * LAYERS) ** 0.5 if last else 0.02)

    def head(self, hidden: Tensor) -> Tensor:
        """Turn hidden states into logits with the embedding itself (tied weights)."""
        return functional.linear(self.norm(hidden), self.tokens.weight)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Return logits [batch, sequence, VOCABULARY] of input_ids [batch, sequence]."""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        hidden = self.tokens(input_ids) + self.positions(positions)
        for block in self.blocks:
            hidden, _ = block(hidden)
        return self.head(hidden)


class CachedGptMini(nn.Module):
    """The same network with the cache passed in, so a call reads only the new tokens."""

    def __init__(self, network: GptMini) -> None:
        super().__init__()
        self.network = network

    def forward(self, input_ids: Tensor, position: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits [batch, VOCABULARY] of the next token, and the new cache entries.

        input_ids is [batch, sequence]. position [batch, 1] counts the tokens that were read
        before. past is [batch, LAYERS * 2, HEADS, slots, HEAD_WIDTH]; slots from position on are
        not looked at, so that streams of different length fit into one batch. The entries to
        store at slots position, position + 1, ... come back with as many slots as input_ids has
        tokens.
        """
        steps = torch.arange(input_ids.shape[1], device=input_ids.device)
        slots = torch.arange(past.shape[3], device=input_ids.device)
        filled = (slots < position)[:, None, None, :].expand(-1, -1, steps.shape[0], -1)
        causal = (steps <= steps[:, None]).expand(position.shape[0], 1, -1, -1)
        mask = torch.cat((filled, causal), dim=3)
        hidden = self.network.tokens(input_ids) + self.network.positions(position + steps)
        presents = []
        for index, block in enumerate(self.network.blocks):
            hidden, present = block(hidden, past[:, 2 * index : 2 * index + 2], mask)
            presents.append(present)
        return self.network.head(hidden[:, -1]), torch.cat(presents, dim=1)


def load(weights: str | None = None) -> GptMini:
    """Return the network in eval mode with the weights of a state_dict file."""
    network = GptMini().eval()
    network.load_state_dict(
        torch.load(weights or CHECKPOINT, map_location="cpu", weights_only=True)
    )
    return network


def windows() -> np.ndarray:
    """Return the held-out text in rows of WINDOW tokens and the one that follows."""
    text = np.frombuffer(TEXT.read_bytes(), dtype=np.uint8).astype(np.int64)
    return np.lib.stride_tricks.sliding_window_view(text, WINDOW + 1)[::WINDOW].copy()


def log_likelihood(logits: list[np.ndarray], rows: np.ndarray) -> float:
    """Return what the network gave the tokens that came, per token; logits are of each step."""
    steps = torch.from_numpy(np.stack(logits, axis=1)).reshape(-1, VOCABULARY)
    return -functional.cross_entropy(steps, torch.from_numpy(rows[:, 1:]).reshape(-1)).item()


def evaluate(run: Run) -> tuple[str, float]:
    """Measure the network with cache, which reads all rows at once, a token at a time."""
    rows = windows()
    past = np.zeros((len(rows), LAYERS * 2, HEADS, 0, HEAD_WIDTH), dtype=np.float32)
    steps = []
    for step in range(WINDOW):
        position = np.full((len(rows), 1), step)
        logits, present = run(rows[:, step : step + 1], position, past)
        past = np.concatenate((past, present), axis=3)
        steps.append(logits)
    return METRIC, log_likelihood(steps, rows)


def evaluate_stateless(run: Run) -> tuple[str, float]:
    """Measure the network without cache."""
    rows = windows()
    (logits,) = run(rows[:, :-1])
    return METRIC, log_likelihood(list(logits.swapaxes(0, 1)), rows)


def build(weights: str | None = None) -> dict[str, Any]:
    """Return the network with cache for the exporter; weights defaults to the checkpoint."""
    batch, sequence, slots = Dim("batch"), Dim("sequence", max=CONTEXT), Dim("slots", max=CONTEXT)

    def inputs(size: int, length: int = 3) -> tuple[Tensor, ...]:
        return (
            torch.randint(VOCABULARY, (size, length)),
            torch.randint(1, 9, (size, 1)),
            torch.randn(size, LAYERS * 2, HEADS, 8, HEAD_WIDTH),
        )

    return {
        "module": CachedGptMini(load(weights)).eval(),
        "inputs": inputs,
        "input_names": ["input_ids", "position", "past"],
        "output_names": ["logits", "present"],
        "dynamic_shapes": {
            "input_ids": {0: batch, 1: sequence},
            "position": {0: batch},
            "past": {0: batch, 3: slots},
        },
        "evaluate": evaluate,
    }


def build_stateless(weights: str | None = None) -> dict[str, Any]:
    """Return the network without cache for the exporter; weights defaults to the checkpoint."""

    def inputs(size: int, length: int = 16) -> tuple[Tensor, ...]:
        return (torch.randint(VOCABULARY, (size, length)),)

    return {
        "module": load(weights),
        "inputs": inputs,
        "input_names": ["input_ids"],
        "output_names": ["logits"],
        "dynamic_shapes": {"input_ids": {0: Dim("batch"), 1: Dim("sequence", max=CONTEXT)}},
        "evaluate": evaluate_stateless,
    }
