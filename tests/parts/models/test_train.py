"""What proves the card of gpt_mini: a digest that depends on the weights alone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from ansible_collections.mlops.gpu_platform.models.gpt_mini import model, train


def test_digest_is_that_of_the_file_whatever_its_name(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = model.GptMini()
    files = [tmp_path / "one.pt", tmp_path / "another"]
    digests = {train.save(network, file) for file in files}
    assert digests == {hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert len(digests) == 1


def test_card_names_the_checkpoint() -> None:
    card = model.CHECKPOINT.with_name("CARD.md").read_text("utf-8")
    content = model.CHECKPOINT.read_bytes()
    assert f"`{hashlib.sha256(content).hexdigest()}`" in card
    assert f"{len(content):,} bytes" in card


def test_shipped_checkpoint_is_what_the_training_writes(tmp_path: Path) -> None:
    digest = train.save(model.load(), tmp_path / "again.pt")
    assert digest == hashlib.sha256(model.CHECKPOINT.read_bytes()).hexdigest()
