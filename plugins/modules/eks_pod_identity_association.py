#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage pod identity associations of an Amazon EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_pod_identity_association
short_description: Manage pod identity associations of an Amazon EKS cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes the association that gives the pods of a service account an IAM
    role, or several. The cluster needs the add-on C(eks-pod-identity-agent).
options:
  cluster_name:
    description: Name of the cluster. In check mode it need not exist yet.
    type: str
    required: true
  namespace:
    description: Kubernetes namespace of the service account.
    type: str
  service_account:
    description:
      - Name of the Kubernetes service account. Neither this nor O(namespace) need exist.
      - Both of them, or O(associations), are required.
    type: str
  associations:
    description: Several associations.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: See O(namespace).
        type: str
        required: true
      service_account:
        description: See O(service_account).
        type: str
        required: true
      role:
        description: See O(role); without it that one is meant.
        type: str
  state:
    description: Whether the association is to exist.
    type: str
    choices: [present, absent]
    default: present
  role:
    description:
      - Name or ARN of the IAM role, whose trust policy must name C(pods.eks.amazonaws.com).
      - In check mode it need not exist yet. Every association needs one if O(state=present).
    type: str
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
- name: Let Triton read its models
  mlops.gpu_platform.eks_pod_identity_association:
    cluster_name: mlops
    namespace: triton
    service_account: triton
    role: mlops-triton
    tags:
      Project: mlops

- name: Let the controllers of the cluster call AWS
  mlops.gpu_platform.eks_pod_identity_association:
    cluster_name: mlops
    associations:
      - namespace: kube-system
        service_account: aws-load-balancer-controller
        role: mlops-load-balancer-controller
      - namespace: kube-system
        service_account: cluster-autoscaler
        role: mlops-cluster-autoscaler

- name: Take the role away
  mlops.gpu_platform.eks_pod_identity_association:
    cluster_name: mlops
    namespace: triton
    service_account: triton
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
      type: AWS::EKS::PodIdentityAssociation
      name: mlops/kube-system/load-balancer
      fields: [tags]
association:
  description:
    - The association as EKS describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only cluster, namespace and service account.
  returned: when O(namespace) is given
  type: dict
  sample:
    association_id: a-0a1b2c3d4e5f60718
    cluster_name: mlops
    namespace: triton
    service_account: triton
    role_arn: arn:aws:iam::123456789012:role/mlops-triton
associations:
  description: The same for each association, without those that are deleted.
  returned: when O(associations) is given
  type: list
  elements: dict
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.pod_identity import (
    ensure_pod_identities,
)


def main() -> None:
    """Run the module."""
    association = {
        "namespace": {"required": True},
        "service_account": {"required": True},
        "role": {},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"required": True},
            "namespace": {},
            "service_account": {},
            "role": {},
            "associations": {"type": "list", "elements": "dict", "options": association},
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        required_one_of=[("namespace", "associations")],
        required_together=[("namespace", "service_account")],
        mutually_exclusive=[("namespace", "associations")],
        supports_check_mode=True,
    )
    run_module(module, ensure_pod_identities)


if __name__ == "__main__":
    main()
