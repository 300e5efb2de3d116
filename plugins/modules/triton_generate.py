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
  url:
    description: Base address of Triton's HTTP service, for instance C(http://127.0.0.1:8000).
    type: str
    required: true
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
  timeout:
    description: Seconds that the server may be silent.
    type: int
    default: 30
extends_documentation_fragment:
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
"""

RETURN = r"""
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
            "prompt": {"type": "str", "required": True},
            "parameters": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    model = module.params["model"]
    document = {**module.params["parameters"], "text_input": module.params["prompt"]}
    try:
        client = TritonClient(module.params["url"], module.params["timeout"])
        events = list(client.generate_stream(model, document))
    except (TritonError, ValueError) as error:
        module.fail_json(msg=f"{model}: {error}")
    if not events:
        module.fail_json(msg=f"{model}: the stream ended without an event")
    seconds = events[-1].seconds
    module.exit_json(
        changed=False,
        text="".join(event.fields.get("text_output", "") for event in events),
        events=len(events),
        seconds_to_first_event=round(events[0].seconds, 4),
        seconds=round(seconds, 4),
        tokens_per_second=round(len(events) / seconds, 1),
    )


if __name__ == "__main__":
    main()
