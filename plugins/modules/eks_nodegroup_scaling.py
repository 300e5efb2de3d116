#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Set the sizes of managed node groups of Amazon EKS."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_nodegroup_scaling
short_description: Set the sizes of managed node groups of Amazon EKS
version_added: 0.1.0
description:
  - Sets the sizes of several node groups at the same time, and nothing else of them.
  - A node group that does not exist is not created but named in the result.
options:
  node_groups:
    description: Node groups and their sizes. A size not given moves only if another makes it.
    type: list
    elements: dict
    required: true
    suboptions:
      cluster_name:
        description: Name of the cluster.
        type: str
        required: true
      name:
        description: Name of the node group.
        type: str
        required: true
      min_size:
        description: Lowest number of nodes.
        type: int
      max_size:
        description: Highest number of nodes, at least 1.
        type: int
      desired_size:
        description: Number of nodes.
        type: int
  wait:
    description: Whether to wait until EKS has made the updates.
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
- name: Stop all nodes
  mlops.gpu_platform.eks_nodegroup_scaling:
    node_groups:
      - {cluster_name: mlops, name: system, min_size: 0, desired_size: 0}
      - {cluster_name: mlops, name: gpu, min_size: 0, desired_size: 0}
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each resource that changes.
    - C(action) is V(update), C(type) the resource's type in CloudFormation, C(fields) what changes.
  returned: success
  type: list
  elements: dict
  sample:
    - action: update
      type: AWS::EKS::Nodegroup
      name: mlops/gpu
      fields: [desired_size]
node_groups:
  description: The node groups that exist with their sizes, in check mode as they would be.
  returned: success
  type: list
  elements: dict
  sample:
    - {cluster_name: mlops, name: gpu, min_size: 0, max_size: 2, desired_size: 0}
missing:
  description: Node groups that do not exist.
  returned: success
  type: list
  elements: str
  sample: [mlops/gpu]
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    WAIT_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup_scaling import (
    ensure_scaling,
)


def main() -> None:
    """Run the module."""
    node_group = {
        "cluster_name": {"required": True},
        "name": {"required": True},
        "min_size": {"type": "int"},
        "max_size": {"type": "int"},
        "desired_size": {"type": "int"},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "node_groups": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": node_group,
            },
            **WAIT_OPTIONS,
        },
        supports_check_mode=True,
    )
    run_module(module, ensure_scaling)


if __name__ == "__main__":
    main()
