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
        """Read one label per line from labels.txt, and k from the configuration's dims.

        Raises:
            TritonModelException: there are not as many labels as classes.
        """
        config = json.loads(args["model_config"])
        classes = int(config["input"][0]["dims"][0])
        self.k = int(config["output"][0]["dims"][0])
        lines = Path(args["model_repository"], "labels.txt").read_text("utf-8").splitlines()
        if len(lines) != classes:
            raise pb_utils.TritonModelException(
                f"labels.txt has {len(lines)} labels for {classes} classes"
            )
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
