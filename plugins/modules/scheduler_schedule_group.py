#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage a schedule group of Amazon EventBridge Scheduler with its schedules."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: scheduler_schedule_group
short_description: Manage a schedule group of Amazon EventBridge Scheduler with its schedules
version_added: 0.1.0
description:
  - Creates, updates and deletes a schedule group and all the schedules in it in one call, so that
    what is no longer listed goes.
  - A schedule has no tags at AWS, but its group has.
  - What the options do not set of a schedule (retries, start, end, encryption) stays as it is.
options:
  name:
    description: Name of the group.
    type: str
    required: true
  state:
    description: Whether the group is to exist. With it go its schedules.
    type: str
    choices: [present, absent]
    default: present
  schedules:
    description: Schedules of the group; others are deleted. Required if O(state=present).
    type: list
    elements: dict
    suboptions:
      name:
        description: Name of the schedule.
        type: str
        required: true
      expression:
        description:
          - When to call the target, as C(cron(minutes hours day-of-month month day-of-week year)),
            C(rate(value unit)) or C(at(yyyy-mm-ddThh:mm:ss)).
        type: str
        required: true
      timezone:
        description: Time zone of the expression, by its name in the IANA time zone database.
        type: str
        default: UTC
      target_arn:
        description: ARN of the target.
        type: str
        required: true
      role:
        description:
          - Name or ARN of the IAM role that calls the target. In check mode it need not exist yet.
        type: str
        required: true
      input:
        description:
          - What the target gets, sent as JSON and compared as data.
          - Without it the input of an existing schedule stays.
        type: dict
      flexible_minutes:
        description: Minutes within which the call may be made; V(0) is at the time itself.
        type: int
        default: 0
      enabled:
        description: Whether the schedule runs.
        type: bool
        default: true
      description:
        description: Description of the schedule. Without it that of an existing one stays.
        type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
seealso:
  - module: mlops.gpu_platform.scheduler_schedule
"""

EXAMPLES = r"""
- name: Stop the GPU nodes every evening
  mlops.gpu_platform.scheduler_schedule_group:
    name: mlops
    schedules:
      - name: gpu-stop
        expression: cron(0 20 ? * MON-FRI *)
        timezone: Europe/Berlin
        target_arn: arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig
        role: mlops-scheduler
        input:
          ClusterName: mlops
          NodegroupName: gpu
          ScalingConfig: {MinSize: 0, DesiredSize: 0}
    tags:
      Project: mlops

- name: Leave them alone
  mlops.gpu_platform.scheduler_schedule_group:
    name: mlops
    state: absent
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for the group and for each schedule that changes.
    - C(action) is V(create), V(update) or V(delete), C(type) the resource's type in CloudFormation;
      an update has C(fields).
  returned: success
  type: list
  elements: dict
  sample:
    - action: create
      type: AWS::Scheduler::Schedule
      name: gpu-stop/mlops
schedule_group:
  description:
    - The group as EventBridge Scheduler describes it, with names in snake case; empty after a
      deletion.
    - Of a group that is created, or in check mode would be, only its name.
  returned: success
  type: dict
  sample:
    name: mlops
    arn: arn:aws:scheduler:eu-west-1:123456789012:schedule-group/mlops
    state: ACTIVE
schedules:
  description:
    - The schedules of the group as EventBridge Scheduler describes them, with names in snake case.
    - Of one that is created, or in check mode would be, only name and group.
  returned: success
  type: list
  elements: dict
  sample:
    - name: gpu-stop
      group_name: mlops
      schedule_expression: cron(0 20 ? * MON-FRI *)
      schedule_expression_timezone: Europe/Berlin
      state: ENABLED
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.group import (
    ensure_schedule_group,
)


def main() -> None:
    """Run the module."""
    schedule = {
        "name": {"required": True},
        "expression": {"required": True},
        "timezone": {"default": "UTC"},
        "target_arn": {"required": True},
        "role": {"required": True},
        "input": {"type": "dict"},
        "flexible_minutes": {"type": "int", "default": 0},
        "enabled": {"type": "bool", "default": True},
        "description": {},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "schedules": {"type": "list", "elements": "dict", "options": schedule},
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        required_if=[("state", "present", ("schedules",))],
        supports_check_mode=True,
    )
    run_module(module, ensure_schedule_group)


if __name__ == "__main__":
    main()
