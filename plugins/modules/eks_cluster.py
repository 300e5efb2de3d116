#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage an Amazon EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_cluster
short_description: Manage an Amazon EKS cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes the control plane of an EKS cluster.
  - What the options set is kept up to date. EKS takes one kind of update at a time, so each is
    waited for before the next is sent.
  - Before an upgrade starts, and in check mode, all that stands in its way is refused by name. That
    is a node group more than three minor versions behind, an add-on whose version EKS does not
    offer for the next version of Kubernetes, and an upgrade insight of EKS with status C(ERROR).
options:
  name:
    description: Name of the cluster.
    type: str
    required: true
  state:
    description: Whether the cluster is to exist.
    type: str
    choices: [present, absent]
    default: present
  role:
    description:
      - Name or ARN of the IAM role of the control plane. EKS cannot change it later.
      - Required if O(state=present).
    type: str
  version:
    description:
      - Kubernetes version, such as V(1.34). EKS raises it by one minor version at a time, and never
        lowers it. One that EKS does not support is refused.
      - Without it EKS chooses for a new cluster, and the version of an existing one stays.
    type: str
  subnet_ids:
    description:
      - Subnets for the network interfaces of the control plane, in at least two availability zones.
      - Their order means nothing. These or O(subnet_filters) are required if O(state=present).
    type: list
    elements: str
  subnet_filters:
    description:
      - EC2 filters that find the subnets, such as V(tag:Name) with their names, in place of
        O(subnet_ids).
      - They must find subnets of one VPC, in at least two availability zones.
    type: dict
  security_group_ids:
    description: Further security groups of the control plane's network interfaces.
    type: list
    elements: str
  endpoint_private_access:
    description: Whether the API server is reached from within the VPC.
    type: bool
    default: true
  endpoint_public_access:
    description: Whether the API server is reached from the internet.
    type: bool
    default: false
  public_access_cidrs:
    description: IPv4 ranges that reach the API server from the internet, where that is on.
    type: list
    elements: str
  logging:
    description: Types of control plane logs to write to CloudWatch; all others are turned off.
    type: list
    elements: str
    choices: [api, audit, authenticator, controllerManager, scheduler]
  authentication_mode:
    description: Where EKS looks up who may use the cluster. It goes on to V(API), and never back.
    type: str
    choices: [CONFIG_MAP, API_AND_CONFIG_MAP, API]
  encryption_key:
    description:
      - ARN, id or alias of the KMS key that encrypts Kubernetes secrets. An ARN saves a look-up.
      - EKS takes a key once, and neither changes nor removes it; an empty one says that there is to
        be none.
      - Without it, it is left alone.
    type: str
  support_type:
    description:
      - What EKS does at the end of a version's standard support, V(STANDARD) being to upgrade the
        cluster, and V(EXTENDED) to go on at a higher price.
      - Without it EKS chooses for a new cluster, which is V(EXTENDED).
    type: str
    choices: [STANDARD, EXTENDED]
  deletion_protection:
    description: Whether EKS refuses to delete the cluster. Without it, it is left alone.
    type: bool
  force:
    description:
      - Whether O(state=absent) deletes a cluster that has deletion protection, which is turned off
        first. Otherwise that is refused, in check mode too.
    type: bool
    default: false
  wait:
    description: Whether to wait until a new cluster is active or a deleted one is gone.
    type: bool
    default: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
  - mlops.gpu_platform.aws_waiter
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Create a cluster that one office reaches from the internet
  mlops.gpu_platform.eks_cluster:
    name: mlops
    version: "1.34"
    role: mlops-eks-cluster
    subnet_filters:
      tag:Name: mlops-private-*
    endpoint_public_access: true
    public_access_cidrs: [192.0.2.0/24]
    logging: [api, audit, authenticator]
    authentication_mode: API
    encryption_key: alias/mlops-eks
    support_type: STANDARD
    deletion_protection: true
    tags:
      Project: mlops

- name: Delete it in spite of its deletion protection
  mlops.gpu_platform.eks_cluster:
    name: mlops
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
      type: AWS::EKS::Cluster
      name: mlops
      fields: [tags]
cluster:
  description:
    - The cluster as EKS describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only its name.
  returned: success
  type: dict
  sample: {name: mlops, status: ACTIVE, version: "1.34"}
issues:
  description: Health issues that EKS reports.
  returned: when a wait ends because the cluster failed
  type: list
  elements: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    WAIT_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.cluster import (
    ensure_cluster,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.cluster_requests import (
    AUTHENTICATION_MODES,
    LOG_TYPES,
    SUPPORT_TYPES,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            **STATE_OPTION,
            "role": {},
            "version": {},
            "subnet_ids": {"type": "list", "elements": "str"},
            "subnet_filters": {"type": "dict"},
            "security_group_ids": {"type": "list", "elements": "str"},
            "endpoint_private_access": {"type": "bool", "default": True},
            "endpoint_public_access": {"type": "bool", "default": False},
            "public_access_cidrs": {"type": "list", "elements": "str"},
            "logging": {"type": "list", "elements": "str", "choices": LOG_TYPES},
            "authentication_mode": {"choices": AUTHENTICATION_MODES},
            # The name of a key, not a secret.
            "encryption_key": {"no_log": False},
            "support_type": {"choices": SUPPORT_TYPES},
            "deletion_protection": {"type": "bool"},
            "force": {"type": "bool", "default": False},
            **TAG_OPTIONS,
            **WAIT_OPTIONS,
        },
        required_if=[
            ("state", "present", ("role",)),
            ("state", "present", ("subnet_ids", "subnet_filters"), True),
        ],
        mutually_exclusive=[("subnet_ids", "subnet_filters")],
        supports_check_mode=True,
    )
    run_module(module, ensure_cluster)


if __name__ == "__main__":
    main()
