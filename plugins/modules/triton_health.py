#!/usr/bin/python
"""Ansible module: health of the models of a Triton server."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_health
short_description: Wait until every model of a Triton server gives its golden answers
version_added: 0.1.0
description:
  - Asks every served version of every model the questions of its C(golden.json), compares the
    answers with the recorded ones, and waits until all of them are right.
  - So what is served is proven to be what was checked before its release.
  - Triton's own ready flags are not enough. When the process of a Python model dies, they stay
    true while every request fails.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  golden_directory:
    description:
      - The model repository that is served, or a copy of it.
      - A version's C(<model>/<version>/golden.json) has what to ask and what to be answered, see
        M(mlops.gpu_platform.model_validate).
      - Where there is a C(<model>/<version>/manifest.json) too, the served configuration must name
        its digest.
    type: path
    required: true
  models:
    description:
      - The models that must be healthy.
      - By default all that the server or O(golden_directory) has.
    type: list
    elements: str
    default: []
  deadline:
    description:
      - Seconds to wait until the models are healthy; V(0) asks once.
      - A request that is under way then is waited for.
    type: int
    default: 60
extends_documentation_fragment:
  - mlops.gpu_platform.triton_server
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Wait until all models give their golden answers
  mlops.gpu_platform.triton_health:
    url: http://127.0.0.1:8000
    golden_directory: /srv/models

- name: Ask one model over gRPC, once
  mlops.gpu_platform.triton_health:
    url: grpc://127.0.0.1:8001
    golden_directory: /srv/models
    models: [resnet50]
    deadline: 0

- name: Ask a server behind a proxy that wants to know who asks
  mlops.gpu_platform.triton_health:
    url: https://triton.example.com
    ca_path: /etc/ssl/triton-ca.pem
    client_cert: /etc/ssl/me.pem
    client_key: /etc/ssl/me.key
    token: "{{ triton_token }}"
    golden_directory: /srv/models
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
models:
  description:
    - What was found of each version that is loaded or should be, ordered by name or as in
      O(models).
  returned: when the server tells its models
  type: list
  elements: dict
  contains:
    name:
      description: The model.
      type: str
      returned: always
    version:
      description: The version; V(null) where the server has none loaded.
      type: int
      returned: always
    state:
      description:
        - Triton's word for the version, for instance C(READY) or C(UNAVAILABLE).
        - C(UNLOADED) when the server knows the model and has not loaded it, and C(ABSENT) when
          the server does not know it.
      type: str
      returned: always
    healthy:
      description: Whether it is the release that is wanted and gave all its golden answers.
      type: bool
      returned: always
    latency_ms:
      description:
        - Milliseconds until the answer to the slowest golden case was complete; V(null) without
          an answer.
      type: float
      returned: always
    digest_match:
      description:
        - Whether the served configuration names the digest of the release's manifest, in its
          parameter C(release.<version>).
        - V(null) where there is no manifest, or the version is not ready.
      type: bool
      returned: always
    golden_match:
      description:
        - Whether the answers equal the golden ones, numbers within the tolerance.
        - V(null) where they were not given.
      type: bool
      returned: always
    reason:
      description: Why the model is not healthy; empty when it is.
      type: str
      returned: always
  sample:
    - name: resnet50
      version: 1
      state: READY
      healthy: false
      latency_ms: 31.4
      digest_match: true
      golden_match: false
      reason: "golden case 1: output logits differs by 0.5, more than the tolerance of 0.001"
"""

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.health import run
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.module import run_module


def main() -> None:
    """Run the module."""
    run_module(
        run,
        {
            "golden_directory": {"type": "path", "required": True},
            "models": {"type": "list", "elements": "str", "default": []},
            "deadline": {"type": "int", "default": 60},
        },
    )


if __name__ == "__main__":
    main()
