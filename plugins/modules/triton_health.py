#!/usr/bin/python
"""Ansible module: health of the models of a Triton server."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_health
short_description: Wait until every model of a Triton server answers its canary
version_added: 0.1.0
description:
  - Asks every model a recorded request, its canary, and waits until all of them answer.
  - Triton's own ready flags are not enough. When the process of a Python model dies, they stay
    true while every request fails.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  url:
    description: Base address of Triton's HTTP service, for instance C(http://127.0.0.1:8000).
    type: str
    required: true
  canary_directory:
    description:
      - The model repository; the canary of a model is its C(<model>/canary.json).
      - A canary has the keys C(endpoint) (C(infer), C(generate) or C(generate_stream)), C(headers),
        and either C(body) (JSON) or C(body_base64) (any bytes).
    type: path
    required: true
  models:
    description:
      - The models that must be healthy.
      - By default all that the server or O(canary_directory) has.
    type: list
    elements: str
    default: []
  deadline:
    description: Seconds to wait until the models are healthy; V(0) asks once.
    type: int
    default: 60
  timeout:
    description: Seconds that the server may be silent in one request.
    type: int
    default: 10
extends_documentation_fragment:
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Wait until all models answer
  mlops.gpu_platform.triton_health:
    url: http://127.0.0.1:8000
    canary_directory: /srv/model_repo

- name: Ask one model, once
  mlops.gpu_platform.triton_health:
    url: http://127.0.0.1:8000
    canary_directory: /srv/model_repo
    models: [resnet50]
    deadline: 0
"""

RETURN = r"""
models:
  description: What was found of each model, ordered by name or as in O(models).
  returned: when the server tells its models
  type: list
  elements: dict
  contains:
    name:
      description: The model.
      type: str
      returned: always
    healthy:
      description: Whether the model answered its canary.
      type: bool
      returned: always
    state:
      description:
        - Triton's word for the model, for instance C(READY) or C(UNAVAILABLE).
        - C(UNLOADED) when the server knows the model and has not loaded it, and C(ABSENT) when
          the server does not know it.
      type: str
      returned: always
    latency_ms:
      description: Milliseconds until the canary's answer was complete; V(null) without an answer.
      type: float
      returned: always
    reason:
      description: Why the model is not healthy; empty when it is.
      type: str
      returned: always
  sample:
    - name: resnet50
      healthy: true
      state: READY
      latency_ms: 31.4
      reason: ""
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton import (
    TritonClient,
    TritonError,
    read_canaries,
    wait_until_healthy,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "canary_directory": {"type": "path", "required": True},
            "models": {"type": "list", "elements": "str", "default": []},
            "deadline": {"type": "int", "default": 60},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    try:
        models = wait_until_healthy(
            TritonClient(module.params["url"], module.params["timeout"]),
            read_canaries(Path(module.params["canary_directory"])),
            module.params["models"],
            module.params["deadline"],
        )
    except (TritonError, ValueError) as error:
        module.fail_json(msg=str(error))
    ill = [f"{model['name']} ({model['reason']})" for model in models if not model["healthy"]]
    if ill:
        module.fail_json(msg=f"not healthy: {'; '.join(ill)}", models=models)
    module.exit_json(changed=False, models=models)


if __name__ == "__main__":
    main()
