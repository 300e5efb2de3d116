"""What the shipped models state twice is the same in both places."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]


def constants(file: str) -> dict[str, Any]:
    """Return the constants of a Python file whose values are literals, without importing it."""
    found: dict[str, Any] = {}
    for statement in ast.parse((ROOT / file).read_text("utf-8")).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            try:
                found[statement.targets[0].id] = ast.literal_eval(statement.value)
            except ValueError:
                continue
    return found


def test_gpt_generate_knows_the_sizes_of_gpt_mini() -> None:
    trained = constants("models/gpt_mini/model.py")
    served = {
        name: value
        for file in ("model.py", "stream.py")
        for name, value in constants(f"model_repo/gpt_generate/1/{file}").items()
    }
    width = trained["WIDTH"] // trained["HEADS"]
    assert served["CACHE_SHAPE"] == (2 * trained["LAYERS"], trained["HEADS"], width)
    assert (served["CONTEXT"], served["VOCABULARY"]) == (trained["CONTEXT"], trained["VOCABULARY"])


def test_labels_are_a_thousand_and_differ() -> None:
    labels = (ROOT / "model_repo/label_top_k/1/labels.txt").read_text("utf-8").splitlines()
    assert len(labels) == len(set(labels)) == 1000
    assert labels[967] == "espresso"
