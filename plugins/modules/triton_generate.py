#!/usr/bin/python
"""Ansible module: text from a generating model of Triton, as it streams."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_generate
short_description: Let a model of a Triton server continue a text
version_added: 0.1.0
description:
  - Sends a prompt to a model that streams one response per token, and measures the stream.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  model:
    description: Name of the model. It takes C(text_input) and streams C(text_output).
    type: str
    required: true
  prompt:
    description: The text to continue.
    type: str
    required: true
  parameters:
    description:
      - Further inputs of the model, for instance C(max_tokens), C(temperature), C(top_k) and
        C(seed).
    type: dict
    default: {}
extends_documentation_fragment:
  - mlops.gpu_platform.triton_server
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Write some verse
  mlops.gpu_platform.triton_generate:
    url: http://127.0.0.1:8000
    model: gpt_generate
    prompt: "ROMEO:"
    parameters:
      max_tokens: 100
      seed: 7

- name: Write it over an encrypted gRPC connection
  mlops.gpu_platform.triton_generate:
    url: grpcs://triton.example.com:8001
    ca_path: /etc/ssl/triton-ca.pem
    token: "{{ triton_token }}"
    model: gpt_generate
    prompt: "ROMEO:"
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
text:
  description: The continuation, without the prompt.
  returned: success
  type: str
  sample: " What light through yonder window breaks?"
events:
  description: How many responses arrived. The models of this collection send one per token.
  returned: success
  type: int
  sample: 100
seconds_to_first_event:
  description: Seconds from the request to the first response.
  returned: success
  type: float
  sample: 0.004
seconds:
  description: Seconds from the request to the last response.
  returned: success
  type: float
  sample: 0.151
tokens_per_second:
  description: RV(events) over RV(seconds).
  returned: success
  type: float
  sample: 662.3
"""

import time
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import (
    TritonClient,
    TritonError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.module import run_module


def run(client: TritonClient, params: dict[str, Any], _check_mode: bool) -> dict[str, Any]:
    """Ask the model, and take the time of every event.

    Raises:
        TritonError: there is no event.
    """
    body = {**params["parameters"], "text_input": params["prompt"]}
    texts, arrivals = [], []
    started = time.monotonic()
    for event in client.generate_stream(params["model"], body):
        arrivals.append(time.monotonic() - started)
        texts.append(event.get("text_output", ""))
    if not texts:
        raise TritonError("the stream ended without an event")
    return {
        "changed": False,
        "text": "".join(texts),
        "events": len(texts),
        "seconds_to_first_event": round(arrivals[0], 4),
        "seconds": round(arrivals[-1], 4),
        "tokens_per_second": round(len(texts) / arrivals[-1], 1),
    }


def main() -> None:
    """Run the module."""
    run_module(
        run,
        {
            "model": {"type": "str", "required": True},
            "prompt": {"type": "str", "required": True},
            "parameters": {"type": "dict", "default": {}},
        },
    )


if __name__ == "__main__":
    main()
