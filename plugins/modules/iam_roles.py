#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage roles of AWS IAM with their policies."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iam_roles
short_description: Manage roles of AWS IAM with their policies
version_added: 0.1.0
description:
  - Creates, updates and deletes any number of roles. Looking takes two calls for all of them.
  - A role has exactly the policies that are named here. Those that were attached or written by hand
    are removed.
  - Policies are compared by what they mean. Order, and a list of one value instead of the value,
    make no difference.
  - A new role takes some seconds until all services of AWS know it.
options:
  roles:
    description: The roles.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the role.
        type: str
        required: true
      state:
        description: Whether this role is to exist, if not as O(state) says for all.
        type: str
        choices: [present, absent]
      description:
        description: What the role is for.
        type: str
        default: ""
      path:
        description: Path of the role, with a slash at both ends. IAM cannot change it.
        type: str
        default: /
      assume_role_policy:
        description: The trust policy, which says who may take the role on.
        type: dict
        required: true
      managed_policies:
        description:
          - Managed policies by ARN. One of AWS's own is also known by its path and name, such as
            V(AmazonEKSClusterPolicy) or V(service-role/AmazonEBSCSIDriverPolicy).
        type: list
        elements: str
        default: []
      inline_policies:
        description:
          - Policies by name that only this role has, at most 10240 characters together without
            white space.
        type: dict
        default: {}
      max_session_duration:
        description: How long credentials of the role may live, in seconds, 3600 to 43200.
        type: int
        default: 3600
      permissions_boundary:
        description:
          - ARN of the managed policy that bounds what the role can be allowed.
          - Without it the boundary of an existing role is left alone.
        type: str
  state:
    description:
      - Whether the roles are to exist.
      - An absent role loses its policies first, and instance profiles with it are deleted.
    type: str
    choices: [present, absent]
    default: present
  owner_tags:
    description:
      - Tags by which a role is known as one of the owner's. An existing role that lacks one of them
        is refused, and neither changed nor deleted.
      - Without it every role of these names is taken over.
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
- name: Create the roles of a cluster and of its nodes
  mlops.gpu_platform.iam_roles:
    roles:
      - name: mlops-eks-cluster
        assume_role_policy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: sts:AssumeRole
              Principal: {Service: eks.amazonaws.com}
        managed_policies: [AmazonEKSClusterPolicy]
      - name: mlops-eks-node
        assume_role_policy:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: sts:AssumeRole
              Principal: {Service: ec2.amazonaws.com}
        managed_policies: [AmazonEKSWorkerNodePolicy, AmazonEC2ContainerRegistryPullOnly]
    owner_tags: {Platform: mlops}
    tags: {Platform: mlops}
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
      type: AWS::IAM::Role
      name: mlops-eks-node
      fields: [managed_policies]
roles:
  description:
    - The roles that are to exist.
    - In check mode a role that does not exist yet has only its name.
  returned: success
  type: list
  elements: dict
  sample:
    - role_name: mlops-eks-node
      role_id: AROAIOSFODNN7EXAMPLE
      arn: arn:aws:iam::123456789012:role/mlops-eks-node
      path: /
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.roles import ensure_roles

ROLE = {
    "name": {"required": True},
    "state": {"choices": ["present", "absent"]},
    "description": {"default": ""},
    "path": {"default": "/"},
    "assume_role_policy": {"type": "dict", "required": True},
    "managed_policies": {"type": "list", "elements": "str", "default": []},
    "inline_policies": {"type": "dict", "default": {}},
    "max_session_duration": {"type": "int", "default": 3600},
    "permissions_boundary": {},
}


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "roles": {"type": "list", "elements": "dict", "required": True, "options": ROLE},
            "owner_tags": {"type": "dict"},
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        supports_check_mode=True,
    )
    run_module(module, ensure_roles)


if __name__ == "__main__":
    main()
