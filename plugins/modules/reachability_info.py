#!/usr/bin/python
"""Ansible module: the way to a server, step by step."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: reachability_info
short_description: Try the way to an address step by step, and tell where it ends
version_added: 0.1.0
description:
  - Looks the name up, connects to the port, speaks TLS where the address wants it, and asks over
    HTTP, each for no longer than 2 seconds, until one of them fails.
  - It is for the moment when an address does not answer, so that is a finding, not a failure. The
    server itself is asked, not a proxy that the environment names.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  url:
    description: What to ask, such as V(http://127.0.0.1:9090/-/ready).
    type: str
    required: true
extends_documentation_fragment:
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Find out why Prometheus does not answer
  mlops.gpu_platform.reachability_info:
    url: http://127.0.0.1:9090/-/ready
  register: result
"""

RETURN = r"""
well:
  description: Whether the answer had a status below 300.
  returned: success
  type: bool
  sample: false
found:
  description: What was found, in a sentence.
  returned: success
  type: str
  sample: "port 9090 of 127.0.0.1 is open; GET /-/ready: nothing came within 2 s"
steps:
  description: The steps that were tried.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: C(name), C(port), C(tls), or the path that was asked for.
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
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.reachability import Way


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={"url": {"type": "str", "required": True}}, supports_check_mode=True
    )
    try:
        steps = Way.of(module.params["url"]).steps()
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(
        changed=False,
        well=steps[-1].ok,
        found="; ".join(step.found for step in steps),
        steps=[asdict(step) for step in steps],
    )


if __name__ == "__main__":
    main()
