#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage a managed node group of an Amazon EKS cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: eks_nodegroup
short_description: Manage a managed node group of an Amazon EKS cluster
version_added: 0.1.0
description:
  - Creates, updates and deletes a managed node group.
  - Sizes, labels, taints, the update configuration, the version of Kubernetes, the launch template
    and tags follow the options. A change of what EKS fixes at creation is refused before any call
    that writes.
  - A node group whose creation or deletion failed is deleted and created anew.
options:
  cluster_name:
    description: Name of the cluster, which must be active before a node group is created.
    type: str
    required: true
  name:
    description: Name of the node group.
    type: str
    required: true
  state:
    description: Whether the node group is to exist.
    type: str
    choices: [present, absent]
    default: present
  node_role:
    description:
      - Name or ARN of the IAM role of the nodes. EKS cannot change it later.
      - Required if O(state=present).
    type: str
  subnet_ids:
    description:
      - Subnets of the nodes; their order means nothing. EKS cannot change them later.
      - Without it a new node group gets the cluster's subnets.
    type: list
    elements: str
  instance_types:
    description: Instance types, in order of priority. EKS cannot change them later.
    type: list
    elements: str
  ami_type:
    description: AMI type, such as V(AL2023_x86_64_NVIDIA). EKS cannot change it later.
    type: str
  check_gpu_capacity:
    description:
      - Whether to ask EC2 and Service Quotas, before a node group is created or O(max_size) grows,
        if the types have NVIDIA GPUs, a zone of the subnets offers them and the quota of vCPUs is
        large enough, and to fail otherwise, as M(mlops.gpu_platform.ec2_gpu_capacity_info) does.
      - Needs O(instance_types).
    type: bool
    default: false
  capacity_type:
    description: Capacity type. EKS cannot change it later.
    type: str
    choices: [ON_DEMAND, SPOT, CAPACITY_BLOCK]
  disk_size:
    description:
      - Size of the root volume in GiB. EKS cannot change it later.
      - O(launch_template) has a size of its own, which can change.
    type: int
  launch_template:
    description:
      - What the nodes are launched with. The module keeps an EC2 launch template named after
        cluster and node group, such as C(mlops-gpu), and deletes it after the node group.
      - The instance metadata takes session tokens only (IMDSv2). Instances, volumes and network
        interfaces get O(tags) and the tag C(Name).
      - A difference, in O(tags) too, makes a new version of the template, to which EKS replaces the
        nodes. Versions that the nodes no longer use are deleted.
      - EKS cannot add a launch template to a node group that was made without one.
    type: dict
    suboptions:
      disk_size:
        description: Size of the root volume in GiB.
        type: int
        required: true
      disk_type:
        description: Type of the root volume.
        type: str
        choices: [gp3, gp2, io2, io1]
        default: gp3
      disk_encrypted:
        description: Whether the root volume is encrypted.
        type: bool
        default: true
      disk_kms_key:
        description:
          - ID or ARN of the KMS key that encrypts the root volume.
          - Without it EC2 takes the account's default key for volumes.
        type: str
      http_put_response_hop_limit:
        description:
          - Network hops that an answer of the instance metadata may make. With 1 it reaches the
            node, and no pod that has an address of its own.
        type: int
        default: 1
  version:
    description:
      - Version of Kubernetes of the nodes, such as V(1.34); not newer than the cluster's, and never
        older than it was. EKS replaces the nodes when it changes.
      - Without it a new node group gets the cluster's version, and that of an existing one stays.
    type: str
  min_size:
    description: Lowest number of nodes.
    type: int
    default: 0
  max_size:
    description: Highest number of nodes, at least 1. No nodes at all is minimum and desired size 0.
    type: int
    default: 1
  desired_size:
    description:
      - Number of nodes.
      - Without it a new node group starts at O(min_size), and the number in an existing one is the
        autoscaler's, which moves only as far as new limits force it to.
    type: int
  labels:
    description: Kubernetes labels of the nodes; others are removed.
    type: dict
  taints:
    description: Kubernetes taints of the nodes; others are removed. Their order means nothing.
    type: list
    elements: dict
    suboptions:
      key:
        description: Key of the taint.
        type: str
        required: true
      value:
        description: Value of the taint.
        type: str
        default: ""
      effect:
        description: Effect of the taint, in Kubernetes' words.
        type: str
        required: true
        choices: [NoSchedule, PreferNoSchedule, NoExecute]
  max_unavailable:
    description: Number of nodes that an update of the node group may replace at a time.
    type: int
  node_template_tags:
    description:
      - Whether to tag the Auto Scaling group with the labels and taints, so that Cluster Autoscaler
        can scale it up from zero nodes. EKS does not hand tags of a node group on.
    type: bool
    default: false
  node_template_resources:
    description:
      - Resources of a node that O(node_template_tags) shall tell too, by name, such as four
        V(nvidia.com/gpu) where pods share one GPU. Cluster Autoscaler knows CPUs, memory and GPUs
        of the instance type by itself.
    type: dict
  wait:
    description:
      - Whether to wait until a new or changed node group is active or a deleted one is gone. A
        health issue that EKS reports ends the wait for a new node group.
      - Without it the module waits only for what stands in the way of a change. A new node group
        has no Auto Scaling group to tag yet, old versions of the launch template stay, and so does
        the template of a deleted node group. A later call that waits sees to that.
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
- name: Create GPU nodes that start at zero
  mlops.gpu_platform.eks_nodegroup:
    cluster_name: mlops
    name: gpu
    node_role: mlops-eks-node
    ami_type: AL2023_x86_64_NVIDIA
    instance_types: [g4dn.xlarge]
    check_gpu_capacity: true
    launch_template:
      disk_size: 100
    min_size: 0
    max_size: 2
    labels:
      workload: gpu
    taints:
      - key: gpu
        value: "true"
        effect: NoSchedule
    node_template_tags: true

- name: Delete them
  mlops.gpu_platform.eks_nodegroup:
    cluster_name: mlops
    name: gpu
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
      type: AWS::EC2::LaunchTemplate
      name: mlops-gpu
      fields: [default_version, disk_size, versions]
    - action: update
      type: AWS::EKS::Nodegroup
      name: mlops/gpu
      fields: [launch_template_version]
nodegroup:
  description:
    - The node group as EKS describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only its names.
  returned: success
  type: dict
  sample: {nodegroup_name: gpu, cluster_name: mlops, status: ACTIVE}
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
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup import (
    ensure_nodegroup,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.eks.nodegroup_fields import (
    EFFECTS,
)


def main() -> None:
    """Run the module."""
    taint = {
        "key": {"required": True, "no_log": False},
        "value": {"default": ""},
        "effect": {"required": True, "choices": list(EFFECTS)},
    }
    launch_template = {
        "disk_size": {"type": "int", "required": True},
        "disk_type": {"choices": ["gp3", "gp2", "io2", "io1"], "default": "gp3"},
        "disk_encrypted": {"type": "bool", "default": True},
        "disk_kms_key": {"no_log": False},
        "http_put_response_hop_limit": {"type": "int", "default": 1},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "cluster_name": {"required": True},
            "name": {"required": True},
            **STATE_OPTION,
            "node_role": {},
            "subnet_ids": {"type": "list", "elements": "str"},
            "instance_types": {"type": "list", "elements": "str"},
            "check_gpu_capacity": {"type": "bool", "default": False},
            "ami_type": {},
            "capacity_type": {"choices": ["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]},
            "disk_size": {"type": "int"},
            "launch_template": {"type": "dict", "options": launch_template},
            "version": {},
            "min_size": {"type": "int", "default": 0},
            "max_size": {"type": "int", "default": 1},
            "desired_size": {"type": "int"},
            "labels": {"type": "dict"},
            "taints": {"type": "list", "elements": "dict", "options": taint},
            "max_unavailable": {"type": "int"},
            "node_template_tags": {"type": "bool", "default": False},
            "node_template_resources": {"type": "dict"},
            **TAG_OPTIONS,
            **WAIT_OPTIONS,
        },
        mutually_exclusive=[("disk_size", "launch_template")],
        required_if=[
            ("state", "present", ("node_role",)),
            ("check_gpu_capacity", True, ("instance_types",)),
        ],
        supports_check_mode=True,
    )
    run_module(module, ensure_nodegroup)


if __name__ == "__main__":
    main()
