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
  url:
    description: Base address of Triton's HTTP service, for instance C(http://127.0.0.1:8000).
    type: str
    required: true
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
    type: list
    elements: dict
  timeout:
    description: Seconds that the server may be silent.
    type: int
    default: 30
extends_documentation_fragment:
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

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    TritonClient,
    TritonError,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "model": {"type": "str", "required": True},
            "src": {"type": "path"},
            "inputs": {"type": "list", "elements": "dict"},
            "timeout": {"type": "int", "default": 30},
        },
        mutually_exclusive=[("src", "inputs")],
        required_one_of=[("src", "inputs")],
        supports_check_mode=True,
    )
    model, src = module.params["model"], module.params["src"]
    try:
        client = TritonClient(module.params["url"], module.params["timeout"])
        if src:
            outputs = client.infer_file(model, Path(src).read_bytes())
        else:
            outputs = client.infer(model, module.params["inputs"])
    except (TritonError, ValueError, OSError) as error:
        module.fail_json(msg=f"{model}: {error}")
    module.exit_json(
        changed=False,
        outputs={output["name"]: output["data"] for output in outputs},
        shapes={output["name"]: output["shape"] for output in outputs},
    )


if __name__ == "__main__":
    main()
