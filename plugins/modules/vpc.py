#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Build the network of a VPC, or tear it down."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vpc
short_description: Build the network of a VPC, or tear it down
version_added: 0.1.0
description:
  - Makes a VPC with its subnets, internet gateway, NAT gateways, route tables, endpoints and flow
    logs, all in one task and with few calls.
  - The VPC is found by its C(Name) tag, subnets by their networks, and all other parts by the names
    that they get, so a run that was interrupted can be continued.
  - There is one route table for the public subnets, and one for the private subnets of each zone.
    Only their routes to anywhere are managed. All private ones have a gateway endpoint for S3.
  - Subnets that are not listed any more are left alone, since something may still run there, and
    private ones keep a way out; V(absent) deletes them too.
options:
  name:
    description: Name tag of the VPC, and beginning of the names of its parts.
    type: str
    required: true
  state:
    description:
      - Whether the VPC is to exist.
      - With V(absent) everything in it is deleted, in the order in which AWS lets it go. First
        goes what controllers of a cluster have left there, such as load balancers, target groups
        and unused network interfaces. Network interfaces in use are waited for, and the error
        names those that stay.
    type: str
    choices: [present, absent]
    default: present
  cidr:
    description:
      - IPv4 network of the VPC. A VPC of this name with another one is refused.
      - Needed with O(state=present).
    type: str
  ipv6:
    description:
      - Whether VPC and subnets have an IPv6 network of Amazon's too, and private subnets an
        egress-only internet gateway.
      - With V(false) what there is stays.
    type: bool
    default: false
  subnets:
    description: The subnets, of which none may overlap another.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name tag of the subnet.
        type: str
        required: true
      cidr:
        description: IPv4 network of the subnet.
        type: str
        required: true
      availability_zone:
        description: Availability zone of the subnet. AWS cannot move it later.
        type: str
        required: true
      public:
        description: Whether the subnet's way to the internet is the internet gateway.
        type: bool
        default: false
      tags:
        description: Tags of the subnet beside those of O(tags).
        type: dict
        default: {}
  nat:
    description:
      - How private subnets reach the internet.
      - V(per_zone) is one NAT gateway in each zone with private subnets, V(single) one in the
        first such zone.
      - Gateways that are not wanted any more are deleted and their addresses released, after the
        routes have been moved.
    type: str
    choices: [none, single, per_zone]
    default: none
  interface_endpoints:
    description:
      - Services of AWS that private subnets reach without the internet. Others of the choices are
        removed.
      - The endpoints have private DNS names, and a security group of their own, which takes HTTPS
        from the VPC's IPv4 network only.
    type: list
    elements: str
    choices: [autoscaling, ec2, ecr.api, ecr.dkr, eks, eks-auth, elasticloadbalancing, logs, sts]
    default: []
  flow_logs:
    description:
      - Flow logs of all traffic, to a log group C(/aws/vpc/<name>/flow-logs) in CloudWatch Logs.
      - Without it the flow log is deleted, and the log group stays until O(state=absent).
    type: dict
    suboptions:
      role:
        description: Name or ARN of the IAM role by which the flow logs are written.
        type: str
        required: true
      retention_days:
        description: Days for which they are kept.
        type: int
        choices:
          [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557,
           2922, 3288, 3653]
        default: 30
  wait:
    description:
      - Whether to wait until interface endpoints are available.
      - NAT gateways, and deletions on which others depend, are always waited for.
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
- name: Build a network over two zones
  mlops.gpu_platform.vpc:
    name: mlops
    cidr: 10.20.0.0/16
    subnets:
      - name: mlops-private-eu-west-1a
        cidr: 10.20.0.0/19
        availability_zone: eu-west-1a
      - name: mlops-private-eu-west-1b
        cidr: 10.20.32.0/19
        availability_zone: eu-west-1b
      - name: mlops-public-eu-west-1a
        cidr: 10.20.255.0/24
        availability_zone: eu-west-1a
        public: true
    nat: single
    tags:
      Project: mlops

- name: Build one that does without the internet, and logs its traffic
  mlops.gpu_platform.vpc:
    name: mlops
    cidr: 10.20.0.0/16
    subnets:
      - name: mlops-private-eu-west-1a
        cidr: 10.20.0.0/19
        availability_zone: eu-west-1a
      - name: mlops-private-eu-west-1b
        cidr: 10.20.32.0/19
        availability_zone: eu-west-1b
    interface_endpoints: [ecr.api, ecr.dkr, sts, ec2, eks]
    flow_logs:
      role: mlops-flow-logs
      retention_days: 90

- name: Tear it down
  mlops.gpu_platform.vpc:
    name: mlops
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
      type: AWS::EC2::RouteTable
      name: mlops-private-eu-west-1a
      fields: [routes]
vpc:
  description:
    - The VPC; empty after a deletion.
    - In check mode the ids of what does not exist yet are V(planned).
  returned: success
  type: dict
  sample:
    vpc_id: vpc-0123456789abcdef0
    cidr: 10.20.0.0/16
    ipv6_cidr:
subnets:
  description: The subnets in the order in which they were given; empty after a deletion.
  returned: success
  type: list
  elements: dict
  sample:
    - subnet_id: subnet-0a1b2c3d4e5f60718
      name: mlops-private-eu-west-1a
      cidr: 10.20.0.0/19
      availability_zone: eu-west-1a
      public: false
      tags: {Name: mlops-private-eu-west-1a}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    WAIT_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.endpoints import SERVICES
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.flow_logs import (
    RETENTION_DAYS,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.vpc.vpc import ensure_vpc


def main() -> None:
    """Run the module."""
    subnet = {
        "name": {"required": True},
        "cidr": {"required": True},
        "availability_zone": {"required": True},
        "public": {"type": "bool", "default": False},
        "tags": {"type": "dict", "default": {}},
    }
    flow_logs = {
        "role": {"required": True},
        "retention_days": {"type": "int", "choices": RETENTION_DAYS, "default": 30},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "cidr": {},
            "ipv6": {"type": "bool", "default": False},
            "subnets": {"type": "list", "elements": "dict", "default": [], "options": subnet},
            "nat": {"choices": ["none", "single", "per_zone"], "default": "none"},
            "interface_endpoints": {
                "type": "list",
                "elements": "str",
                "choices": SERVICES,
                "default": [],
            },
            "flow_logs": {"type": "dict", "options": flow_logs},
            **STATE_OPTION,
            **TAG_OPTIONS,
            **WAIT_OPTIONS,
        },
        required_if=[("state", "present", ["cidr"])],
        supports_check_mode=True,
    )
    run_module(module, ensure_vpc)


if __name__ == "__main__":
    main()
