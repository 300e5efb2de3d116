#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Delete what a cluster leaves behind outside its VPC."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: aws_leftovers
short_description: Delete what a cluster leaves behind outside its VPC
version_added: 0.1.0
description:
  - Deletes the EBS volumes, snapshots and log groups that belong to a platform, with the data that
    they hold. Controllers make them, or EKS, and nothing deletes them with the cluster.
  - What a cluster leaves in its VPC is deleted with the VPC.
extends_documentation_fragment:
  - mlops.gpu_platform.platform_owner
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Delete the volumes, snapshots and log groups of the platform
  mlops.gpu_platform.aws_leftovers:
    owner_tags:
      Platform: mlops
      ManagedBy: mlops.gpu_platform
    cluster_name: mlops
"""

RETURN = r"""
changes:
  description:
    - What was deleted, or in check mode would be.
    - C(action) is V(delete), C(type) the resource's type in CloudFormation.
  returned: success
  type: list
  elements: dict
  sample:
    - action: delete
      type: AWS::EC2::Volume
      name: pvc-5f2c
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import run_module
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.owned.platform import (
    OWNER_OPTIONS,
    remove_leftovers,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(argument_spec=OWNER_OPTIONS, supports_check_mode=True)
    run_module(module, remove_leftovers)


if __name__ == "__main__":
    main()
