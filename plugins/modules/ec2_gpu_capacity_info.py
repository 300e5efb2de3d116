#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Ask whether EC2 can launch instances with GPUs."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ec2_gpu_capacity_info
short_description: Ask whether EC2 can launch instances with GPUs
version_added: 0.1.0
description:
  - Returns vCPUs, GPUs and availability zones of instance types, and the quotas that limit them.
  - Fails where a type has no NVIDIA GPU, is offered in none of the zones, or a quota of vCPUs is
    smaller than the highest number of instances needs. A quota of a new account is 0.
  - Instances that run already are not counted.
options:
  instance_types:
    description: Instance types, such as V(g4dn.xlarge).
    type: list
    elements: str
    required: true
  capacity_type:
    description: Whether On-Demand or Spot Instances are meant, which have quotas of their own.
    type: str
    choices: [ON_DEMAND, SPOT]
    default: ON_DEMAND
  max_size:
    description: Highest number of instances, each of which may be of the largest type.
    type: int
    default: 1
  availability_zones:
    description: Zones of which one must offer a type; without them, any zone of the region.
    type: list
    elements: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.reader
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Ask whether four GPU nodes can run
  mlops.gpu_platform.ec2_gpu_capacity_info:
    instance_types: [g4dn.xlarge, g5.xlarge]
    capacity_type: SPOT
    max_size: 4
    availability_zones: [eu-west-1a, eu-west-1b]
"""

RETURN = r"""
instance_types:
  description: The types in the order given, with the memory of all GPUs in MiB.
  returned: success
  type: list
  elements: dict
  sample:
    - name: g4dn.xlarge
      vcpus: 4
      gpus: 1
      gpu_memory: 16384
      zones: [eu-west-1a, eu-west-1b, eu-west-1c]
quotas:
  description: The quotas that limit the types, and the vCPUs that are needed of each.
  returned: success
  type: list
  elements: dict
  sample:
    - code: L-3819A6DF
      name: All G and VT Spot Instance Requests
      value: 64
      needed: 16
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import run_module
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.gpu_capacity import (
    QUOTA_CODES,
    gpu_capacity,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "instance_types": {"type": "list", "elements": "str", "required": True},
            "capacity_type": {"choices": list(QUOTA_CODES), "default": "ON_DEMAND"},
            "max_size": {"type": "int", "default": 1},
            "availability_zones": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    run_module(module, gpu_capacity)


if __name__ == "__main__":
    main()
