#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage add-ons of an Amazon EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_addon
short_description: Manage add-ons of an Amazon EKS cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes an add-on that EKS looks after, such as V(vpc-cni), or several.
  - All changes but those of tags go to EKS as one update.
  - An add-on whose creation or deletion failed is deleted and created anew, and a failed update
    is sent again.
options:
  cluster_name:
    description: Name of the cluster. In check mode it need not exist yet.
    type: str
    required: true
  name:
    description: Name of the add-on, such as V(coredns). This or O(addons) is required.
    type: str
  addons:
    description:
      - Several add-ons. What one of them does not say is what the options beside this one say.
      - All of them are sent to EKS before any is waited for.
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the add-on.
        type: str
        required: true
      version:
        description: See O(version).
        type: str
      configuration_values:
        description: See O(configuration_values).
        type: dict
      service_account_role:
        description: See O(service_account_role).
        type: str
      resolve_conflicts:
        description: See O(resolve_conflicts).
        type: str
        choices: [NONE, OVERWRITE, PRESERVE]
  state:
    description: Whether the add-on is to exist.
    type: str
    choices: [present, absent]
    default: present
  version:
    description:
      - Version of the add-on, such as V(v1.12.4-eksbuild.1); one that EKS does not offer for the
        cluster's version of Kubernetes is refused.
      - V(default) is the one that EKS recommends for the cluster's version of Kubernetes.
      - Without it EKS chooses for a new add-on, and the version of an existing one stays.
    type: str
  configuration_values:
    description:
      - Settings of the add-on, compared as data. An empty dictionary removes them all.
      - Without it they are left alone.
    type: dict
  service_account_role:
    description:
      - Name or ARN of the IAM role of the add-on's service account.
      - Without it the role is left alone.
    type: str
  resolve_conflicts:
    description:
      - What EKS does about fields that somebody else has changed in the cluster.
      - A new add-on preserves nothing, so there V(PRESERVE) counts as V(NONE).
    type: str
    choices: [NONE, OVERWRITE, PRESERVE]
    default: NONE
  wait:
    description:
      - Whether to wait until a new or changed add-on is active or a deleted one is gone.
      - Add-ons with pods of their own, such as V(coredns), need nodes to become active. Lack of
        replicas is waited out; every other health issue ends the wait.
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
- name: Follow the recommended version of CoreDNS
  mlops.gpu_platform.eks_addon:
    cluster_name: mlops
    name: coredns
    version: default
    configuration_values:
      replicaCount: 2
    resolve_conflicts: OVERWRITE

- name: Have EKS look after the network of the pods
  mlops.gpu_platform.eks_addon:
    cluster_name: mlops
    addons:
      - name: vpc-cni
        configuration_values:
          enableNetworkPolicy: "true"
      - name: kube-proxy
    version: default
    resolve_conflicts: OVERWRITE

- name: Delete CoreDNS
  mlops.gpu_platform.eks_addon:
    cluster_name: mlops
    name: coredns
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
      type: AWS::EKS::Addon
      name: mlops/coredns
      fields: [tags]
addon:
  description:
    - The add-on as EKS describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only its names.
  returned: when O(name) is given
  type: dict
  sample:
    addon_name: coredns
    cluster_name: mlops
    status: ACTIVE
    addon_version: v1.12.4-eksbuild.1
addons:
  description: The same for each add-on, without those that are deleted.
  returned: when O(addons) is given
  type: list
  elements: dict
issues:
  description: Health issues that EKS reports.
  returned: when a wait ends because of them
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
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.addon import (
    CONFLICTS,
    ensure_addons,
)


def main() -> None:
    """Run the module."""
    settings = {
        "version": {},
        "configuration_values": {"type": "dict"},
        "service_account_role": {},
    }
    addon = {
        "name": {"required": True},
        **settings,
        "resolve_conflicts": {"choices": CONFLICTS},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"required": True},
            "name": {},
            "addons": {"type": "list", "elements": "dict", "options": addon},
            **settings,
            "resolve_conflicts": {"choices": CONFLICTS, "default": "NONE"},
            **STATE_OPTION,
            **TAG_OPTIONS,
            **WAIT_OPTIONS,
        },
        required_one_of=[("name", "addons")],
        mutually_exclusive=[("name", "addons")],
        supports_check_mode=True,
    )
    run_module(module, ensure_addons)


if __name__ == "__main__":
    main()
