#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""List all that belongs to a platform in an AWS account."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aws_inventory_info
short_description: List all that belongs to a platform in an AWS account
version_added: 0.1.0
description:
  - Lists every resource of a platform in its region, and of the services without regions.
  - Most are listed by their own service, since the tagging API knows nothing of ECR, IAM, EKS,
    launch templates, Auto Scaling groups, elastic addresses and endpoints, and goes on telling of
    what is deleted. All other services are found by the tagging API.
  - The nodes of a node group, and the disks of nodes, count with their node group.
options:
  prices:
    description: The content of C(roles/cost_control/files/prices.yml), or such a table of yours.
    type: dict
    required: true
extends_documentation_fragment:
  - mlops.gpu_platform.platform_owner
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.reader
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: List what the platform has
  mlops.gpu_platform.aws_inventory_info:
    owner_tags:
      Platform: mlops
      ManagedBy: mlops.gpu_platform
    cluster_name: mlops
    prices:
      everywhere: {eks_cluster_hour: 0.10}
      regions: {eu-west-1: {nat_gateway_hour: 0.048}}
      assumptions: {spot_fraction: 0.5}
"""

RETURN = r"""
resources:
  description:
    - The resources. C(type) is CloudFormation's, and C(region) is V(global) where there is none.
    - C(why) is V(tag), V(cluster) for what controllers marked, V(name) for log groups, or V(vpc).
    - C(hourly) is the cost of an hour in US dollars, and null where no price is known.
    - C(properties) are those that the cost depends on, and C(deletion_protection) of a cluster
      and the number of C(images) in a repository.
  returned: success
  type: list
  elements: dict
  sample:
    - type: AWS::EC2::NatGateway
      id: nat-5bf2af844938daad7
      name: mlops-eu-west-1a
      region: eu-west-1
      why: tag
      properties: {}
      hourly: 0.048
hourly:
  description: What all of them cost in an hour, as far as prices are known.
  returned: success
  type: float
  sample: 0.148
caller:
  description: ARN of whose credentials they were listed with.
  returned: success
  type: str
  sample: arn:aws:sts::123456789012:assumed-role/admin/jane
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import run_module
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.platform import (
    OWNER_OPTIONS,
    inventory,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={**OWNER_OPTIONS, "prices": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    run_module(module, inventory)


if __name__ == "__main__":
    main()
