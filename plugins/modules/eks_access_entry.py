#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage access entries of an Amazon EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_access_entry
short_description: Manage access entries of an Amazon EKS cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes an access entry, which lets an IAM role or user into the
    Kubernetes API of a cluster, with the access policies that are associated with it; or several.
  - The cluster's authentication mode must be V(API) or V(API_AND_CONFIG_MAP).
options:
  cluster_name:
    description: Name of the cluster. In check mode it need not exist yet.
    type: str
    required: true
  principal:
    description:
      - Name of an IAM role, or ARN of an IAM role or user.
      - A role that is given by name need not exist yet in check mode, nor any more for a deletion.
      - This or O(entries) is required.
    type: str
  entries:
    description:
      - Several entries. What one of them does not say is what the options beside this one say.
    type: list
    elements: dict
    suboptions:
      principal:
        description: See O(principal).
        type: str
        required: true
      type:
        description: See O(type).
        type: str
        choices: [STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, EC2, HYBRID_LINUX]
      kubernetes_groups:
        description: See O(kubernetes_groups).
        type: list
        elements: str
      access_policies:
        description: See O(access_policies).
        type: list
        elements: dict
        suboptions:
          policy:
            description: Name or ARN of the policy.
            type: str
            required: true
          namespaces:
            description: Namespaces in which the policy applies.
            type: list
            elements: str
  state:
    description: Whether the access entry is to exist.
    type: str
    choices: [present, absent]
    default: present
  type:
    description: Type of the entry; nodes and Fargate have their own. EKS cannot change it later.
    type: str
    choices: [STANDARD, EC2_LINUX, EC2_WINDOWS, FARGATE_LINUX, EC2, HYBRID_LINUX]
    default: STANDARD
  kubernetes_groups:
    description:
      - Kubernetes groups of the principal, for role bindings; others are removed.
      - Only with O(type=STANDARD), and no group that starts with C(system:).
      - Without it the groups are left alone.
    type: list
    elements: str
  access_policies:
    description:
      - Access policies of EKS for the principal; others are taken away.
      - Without it the policies are left alone.
    type: list
    elements: dict
    suboptions:
      policy:
        description: Name or ARN of the policy, such as V(AmazonEKSViewPolicy).
        type: str
        required: true
      namespaces:
        description:
          - Namespaces in which the policy applies; V(*) may end a name. Their order means nothing.
          - Without it the policy applies in the whole cluster.
        type: list
        elements: str
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
- name: Let the operators administer the cluster
  mlops.gpu_platform.eks_access_entry:
    cluster_name: mlops
    principal: mlops-operator
    access_policies:
      - policy: AmazonEKSClusterAdminPolicy

- name: Let CI deploy to one namespace, and an auditor look on
  mlops.gpu_platform.eks_access_entry:
    cluster_name: mlops
    entries:
      - principal: arn:aws:iam::123456789012:role/mlops-ci
        access_policies:
          - policy: AmazonEKSEditPolicy
            namespaces: [triton]
      - principal: mlops-auditor
        access_policies:
          - policy: AmazonEKSViewPolicy
    tags:
      Project: mlops

- name: Shut CI out
  mlops.gpu_platform.eks_access_entry:
    cluster_name: mlops
    principal: mlops-ci
    state: absent
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
      type: AWS::EKS::AccessEntry
      name: mlops/operator
      fields: [tags]
access_entry:
  description:
    - The access entry as EKS describes it, with names in snake case, and with its associated
      policies in C(access_policies); empty after a deletion.
    - In check mode, and where there is none yet, only cluster and principal.
  returned: when O(principal) is given
  type: dict
  sample:
    cluster_name: mlops
    principal_arn: arn:aws:iam::123456789012:role/mlops-operator
    type: STANDARD
    kubernetes_groups: []
    access_policies:
      - policy_arn: arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy
        access_scope: {type: cluster, namespaces: []}
access_entries:
  description: The same for each entry, without those that are deleted.
  returned: when O(entries) is given
  type: list
  elements: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.access_entry import (
    ENTRY_TYPES,
    ensure_access_entries,
)


def main() -> None:
    """Run the module."""
    policy = {
        "policy": {"required": True},
        "namespaces": {"type": "list", "elements": "str"},
    }
    rights = {
        "kubernetes_groups": {"type": "list", "elements": "str"},
        "access_policies": {"type": "list", "elements": "dict", "options": policy},
    }
    entry = {"principal": {"required": True}, "type": {"choices": ENTRY_TYPES}, **rights}
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"required": True},
            "principal": {},
            "entries": {"type": "list", "elements": "dict", "options": entry},
            "type": {"choices": ENTRY_TYPES, "default": "STANDARD"},
            **rights,
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        required_one_of=[("principal", "entries")],
        mutually_exclusive=[("principal", "entries")],
        supports_check_mode=True,
    )
    run_module(module, ensure_access_entries)


if __name__ == "__main__":
    main()
