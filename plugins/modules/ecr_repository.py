#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage a repository in Amazon ECR."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ecr_repository
short_description: Manage a repository in Amazon ECR
version_added: 0.1.0
description:
  - Creates, updates and deletes a private repository for container images, with its lifecycle
    policy and tags.
options:
  name:
    description: Name of the repository.
    type: str
    required: true
  state:
    description: Whether the repository is to exist.
    type: str
    choices: [present, absent]
    default: present
  force:
    description: Whether O(state=absent) deletes a repository together with the images in it.
    type: bool
    default: false
  image_tag_mutability:
    description: Whether a tag can be moved to another image.
    type: str
    choices: [MUTABLE, IMMUTABLE]
    default: IMMUTABLE
  scan_on_push:
    description: Whether each pushed image is scanned for known vulnerabilities.
    type: bool
    default: true
  lifecycle_policy:
    description:
      - Lifecycle policy, in the words of ECR. An empty list of C(rules) removes the policy.
      - Without it the policy is left alone.
    type: dict
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Keep the ten newest images
  mlops.gpu_platform.ecr_repository:
    name: triton
    lifecycle_policy:
      rules:
        - rulePriority: 1
          selection: {tagStatus: any, countType: imageCountMoreThan, countNumber: 10}
          action: {type: expire}

- name: Delete the repository with its images
  mlops.gpu_platform.ecr_repository:
    name: triton
    state: absent
    force: true
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each resource that changes.
    - C(action) is V(create), V(update) or V(delete), C(type) the resource's type in CloudFormation;
      an update has C(fields).
  returned: success
  type: list
  elements: dict
  sample:
    - action: update
      type: AWS::ECR::Repository
      name: mlops/triton
      fields: [tags]
repository:
  description:
    - The repository as ECR describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only its name.
  returned: success
  type: dict
  sample:
    repository_name: triton
    repository_uri: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/triton
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.ecr import ensure_repository


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            **STATE_OPTION,
            "force": {"type": "bool", "default": False},
            "image_tag_mutability": {
                "choices": ["MUTABLE", "IMMUTABLE"],
                "default": "IMMUTABLE",
            },
            "scan_on_push": {"type": "bool", "default": True},
            "lifecycle_policy": {"type": "dict"},
            **TAG_OPTIONS,
        },
        supports_check_mode=True,
    )
    run_module(module, ensure_repository)


if __name__ == "__main__":
    main()
