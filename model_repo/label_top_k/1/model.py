"""label_top_k: the names and probabilities of the best classes, best first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Input `logits` [batch, classes], outputs `label` and `score` [batch, k]."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read one label per line from labels.txt beside this file, and k from the configuration.

        Raises:
            TritonModelException: there are not as many labels as classes, or k is more than that.
        """
        config = json.loads(args["model_config"])
        classes = int(config["input"][0]["dims"][0])
        lines = Path(__file__).with_name("labels.txt").read_text("utf-8").splitlines()
        if len(lines) != classes:
            raise pb_utils.TritonModelException(
                f"labels.txt has {len(lines)} labels for {classes} classes"
            )
        top_k = config["parameters"]["top_k"]["string_value"]
        if not (top_k.isdecimal() and 1 <= int(top_k) <= classes):
            raise pb_utils.TritonModelException(f"top_k is {top_k!r}: allowed is 1 to {classes}")
        self.k = int(top_k)
        self.labels = np.array([line.encode() for line in lines], dtype=np.object_)

    def execute(self, requests: list[Any]) -> list[Any]:
        """Answer each request on its own."""
        return [self.answer(request) for request in requests]

    def answer(self, request: Any) -> Any:
        """Pick the k best classes of every row of one request."""
        logits = pb_utils.get_input_tensor_by_name(request, "logits").as_numpy()
        exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
        scores = exponents / exponents.sum(axis=1, keepdims=True)
        best = np.argsort(-scores, axis=1, kind="stable")[:, : self.k]
        return pb_utils.InferenceResponse(
            [
                pb_utils.Tensor("label", self.labels[best]),
                pb_utils.Tensor("score", np.take_along_axis(scores, best, axis=1)),
            ]
        )
