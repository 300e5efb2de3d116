#!/usr/bin/python
"""Ansible module: one model of a running Triton."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_model
short_description: Load, unload or repair a model of a running Triton server
version_added: 0.1.0
description:
  - Brings one model of a server into a state and waits for it, without a restart of the server.
  - The server must have been started with C(--model-control-mode=explicit).
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  model:
    description: Name of the model.
    type: str
    required: true
  state:
    description:
      - V(loaded) has a version of the model ready, with what O(config) says. A model that is ready
        so is left alone, whatever its files say by now.
      - V(unloaded) has no version of it loaded. Requests that it has accepted are answered first.
      - V(repaired) asks the model for its golden answers. Only if it does not give them, it is
        unloaded, loaded from its files and asked again. That brings back a model whose process
        died, which Triton keeps calling ready, and takes up a new release.
    type: str
    choices: [loaded, unloaded, repaired]
    default: loaded
  config:
    description:
      - Keys of Triton's C(ModelConfig), as in C(config.pbtxt), each with a value that takes the
        place of what the model's file says, until the model is loaded the next time.
      - A value of V(null) takes a key away.
      - The model is loaded as its file says before these are added to it, if it is not loaded.
    type: dict
    default: {}
  golden_directory:
    description:
      - The model repository that is served, or a copy of it, as for
        M(mlops.gpu_platform.triton_health).
      - Required if O(state=repaired).
    type: path
  deadline:
    description: Seconds that all of it may take.
    type: int
    default: 120
extends_documentation_fragment:
  - mlops.gpu_platform.triton_server
attributes:
  check_mode:
    description: Asks the server what is, and reports what would change.
    support: full
  diff_mode:
    description: Shows state and O(config), or what is wrong, before and after.
    support: full
  idempotent:
    description: A model that is as asked for is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Load a model
  mlops.gpu_platform.triton_model:
    url: http://127.0.0.1:8000
    model: resnet50

- name: Have smaller batches for now
  mlops.gpu_platform.triton_model:
    url: grpc://127.0.0.1:8001
    model: resnet50
    config:
      max_batch_size: 4
      dynamic_batching:
        max_queue_delay_microseconds: 500

- name: Bring a model back whose process died
  mlops.gpu_platform.triton_model:
    url: http://127.0.0.1:8000
    model: resnet50
    state: repaired
    golden_directory: /srv/models

- name: Unload a model
  mlops.gpu_platform.triton_model:
    url: http://127.0.0.1:8000
    model: resnet50
    state: unloaded
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
model:
  description: The model.
  returned: success
  type: str
  sample: resnet50
state:
  description: Its state, C(READY), and unloaded C(UNLOADED), C(UNAVAILABLE) or C(ABSENT).
  returned: success
  type: str
  sample: READY
health:
  description: >-
    What was found of the model last, as RV(mlops.gpu_platform.triton_health#module:models).
  returned: if O(state=repaired), when the server tells its models
  type: list
  elements: dict
  sample:
    - name: resnet50
      version: 1
      state: READY
      healthy: true
      latency_ms: 31.4
      digest_match: true
      golden_match: true
      reason: ""
"""

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.model_control import run
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.module import run_module


def main() -> None:
    """Run the module."""
    run_module(
        run,
        {
            "model": {"type": "str", "required": True},
            "state": {
                "type": "str",
                "choices": ["loaded", "unloaded", "repaired"],
                "default": "loaded",
            },
            "config": {"type": "dict", "default": {}},
            "golden_directory": {"type": "path"},
            "deadline": {"type": "int", "default": 120},
        },
        required_if=[("state", "repaired", ["golden_directory"])],
    )


if __name__ == "__main__":
    main()
