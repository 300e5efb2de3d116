#!/usr/bin/python
"""Ansible module: one inference by Triton."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_infer
short_description: Ask a model of a Triton server one question
version_added: 0.1.0
description:
  - Sends a file or tensors to a model and returns the model's outputs.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  model:
    description: Name of the model.
    type: str
    required: true
  src:
    description:
      - A file to send as it is, for instance a photograph.
      - The model must have one input, of type C(BYTES).
    type: path
  inputs:
    description:
      - The model's inputs, with the keys C(name), C(shape), C(datatype) and C(data) of the KServe
        protocol.
      - C(data) is a flat list. In its place C(base64) gives one element of C(BYTES), or C(seed)
        draws numbers, between C(low) and C(high).
    type: list
    elements: dict
extends_documentation_fragment:
  - mlops.gpu_platform.triton_server
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Classify a photograph
  mlops.gpu_platform.triton_infer:
    url: http://127.0.0.1:8000
    model: classify
    src: coffee.jpg

- name: Ask with numbers
  mlops.gpu_platform.triton_infer:
    url: http://127.0.0.1:8000
    model: doubler
    inputs:
      - name: x
        shape: [1, 4]
        datatype: FP32
        data: [1, 2, 3, 4]
"""

RETURN = r"""
steps:
  description:
    - The way to the server, tried step by step until one failed - its name (C(name)), its port
      (C(port)), TLS (C(tls)), and whether it says that it lives and is ready.
  returned: when the server does not answer
  type: list
  elements: dict
  contains:
    name:
      description: The step.
      type: str
      returned: always
    ok:
      description: Whether it went well.
      type: bool
      returned: always
    found:
      description: What was found.
      type: str
      returned: always
  sample:
    - name: port
      ok: false
      found: "port 8000 of 127.0.0.1 is closed (connection refused): no program listens there"
outputs:
  description: The data of each output, flat, by the output's name.
  returned: success
  type: dict
  sample:
    label: [espresso, consomme]
    score: [0.95, 0.01]
shapes:
  description: The shape of each output, by the output's name.
  returned: success
  type: dict
  sample:
    label: [1, 2]
    score: [1, 2]
"""

from pathlib import Path
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    TritonClient,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.golden import Tensor
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.module import run_module


def file_input(client: TritonClient, model: str, content: bytes) -> Tensor:
    """Return the input for a model whose one input takes one BYTES element.

    Raises:
        TritonError: the model takes other inputs.
    """
    inputs = client.metadata(model)["inputs"]
    if len(inputs) != 1 or inputs[0]["datatype"] != "BYTES":
        given = ", ".join(f"{tensor['name']} ({tensor['datatype']})" for tensor in inputs)
        raise TritonError(f"it does not take one file: its inputs are {given}")
    return Tensor(inputs[0]["name"], "BYTES", [1] * len(inputs[0]["shape"]), [content])


def values(output: Tensor) -> list[Any]:
    """Return an output's values as JSON can carry them."""
    return [
        value.decode("utf-8", "replace") if isinstance(value, bytes) else value
        for value in output.values()
    ]


def run(client: TritonClient, params: dict[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Ask the model."""
    model = params["model"]
    if params["src"]:
        inputs = [file_input(client, model, Path(params["src"]).read_bytes())]
    else:
        inputs = [Tensor.of(tensor) for tensor in params["inputs"]]
    outputs = client.infer(model, inputs)
    return {
        "changed": False,
        "outputs": {output.name: values(output) for output in outputs},
        "shapes": {output.name: output.shape for output in outputs},
    }


def main() -> None:
    """Run the module."""
    run_module(
        run,
        {
            "model": {"type": "str", "required": True},
            "src": {"type": "path"},
            "inputs": {"type": "list", "elements": "dict"},
        },
        mutually_exclusive=[("src", "inputs")],
        required_one_of=[("src", "inputs")],
    )


if __name__ == "__main__":
    main()
