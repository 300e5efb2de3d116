#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage the subnets of a VPC."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vpc_subnets
short_description: Manage the subnets of a VPC
version_added: 0.1.0
description:
  - Creates subnets and keeps their tags, all subnets of a VPC in one task.
  - A subnet is known by its network. Those of the VPC that are not listed are left alone.
options:
  vpc_id:
    description: Id of the VPC.
    type: str
    required: true
  subnets:
    description: The subnets.
    type: list
    elements: dict
    required: true
    suboptions:
      cidr:
        description: IPv4 network of the subnet.
        type: str
        required: true
      availability_zone:
        description: Availability zone of the subnet. AWS cannot move it later.
        type: str
        required: true
      tags:
        description: Tags of the subnet.
        type: dict
        default: {}
  purge_tags:
    description: Whether other tags are removed from the subnets; those of C(aws:) stay.
    type: bool
    default: true
  wait:
    description: Whether to wait until new subnets are available.
    type: bool
    default: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
  - mlops.gpu_platform.aws_waiter
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Create two subnets in two zones
  mlops.gpu_platform.vpc_subnets:
    vpc_id: vpc-0123456789abcdef0
    subnets:
      - cidr: 10.20.0.0/19
        availability_zone: eu-west-1a
        tags:
          Name: mlops-private-eu-west-1a
      - cidr: 10.20.32.0/19
        availability_zone: eu-west-1b
        tags:
          Name: mlops-private-eu-west-1b
"""

RETURN = r"""
subnets:
  description:
    - The subnets in the order in which they were given.
    - In check mode one that does not exist yet has no C(subnet_id).
  returned: success
  type: list
  elements: dict
  sample:
    - subnet_id: subnet-0a1b2c3d4e5f60718
      cidr: 10.20.0.0/19
      availability_zone: eu-west-1a
      tags: {Name: mlops-private-eu-west-1a}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws import (
    TAG_OPTIONS,
    WAIT_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.vpc_subnets import ensure_subnets


def main() -> None:
    """Run the module."""
    subnet = {
        "cidr": {"required": True},
        "availability_zone": {"required": True},
        "tags": {"type": "dict", "default": {}},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "vpc_id": {"required": True},
            "subnets": {"type": "list", "elements": "dict", "required": True, "options": subnet},
            "purge_tags": TAG_OPTIONS["purge_tags"],
            **WAIT_OPTIONS,
        },
        supports_check_mode=True,
    )
    run_module(module, ensure_subnets)


if __name__ == "__main__":
    main()
