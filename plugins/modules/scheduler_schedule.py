#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage a schedule of Amazon EventBridge Scheduler."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: scheduler_schedule
short_description: Manage a schedule of Amazon EventBridge Scheduler
version_added: 0.1.0
description:
  - Creates, updates and deletes a schedule that calls a target, such as an operation of an AWS
    service, at times in a time zone.
  - What the options do not set (retries, start, end, encryption) stays as it is.
  - A schedule has no tags at AWS.
options:
  name:
    description: Name of the schedule.
    type: str
    required: true
  state:
    description: Whether the schedule is to exist.
    type: str
    choices: [present, absent]
    default: present
  group:
    description: Group of the schedule, which must exist. In check mode it need not exist yet.
    type: str
    default: default
  expression:
    description:
      - When to call the target, as C(cron(minutes hours day-of-month month day-of-week year)),
        C(rate(value unit)) or C(at(yyyy-mm-ddThh:mm:ss)).
      - It is checked before any call to AWS. Required if O(state=present).
    type: str
  timezone:
    description: Time zone of O(expression), by its name in the IANA time zone database.
    type: str
    default: UTC
  target_arn:
    description:
      - ARN of the target. Operations of AWS services have ARNs such as
        V(arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig).
      - Required if O(state=present).
    type: str
  role:
    description:
      - Name or ARN of the IAM role that calls the target, whose trust policy must name
        C(scheduler.amazonaws.com).
      - In check mode it need not exist yet. Required if O(state=present).
    type: str
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
  - amazon.aws.boto3
  - mlops.gpu_platform.attributes.aws_resource
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Stop the GPU nodes every evening
  mlops.gpu_platform.scheduler_schedule:
    name: mlops-sleep
    expression: cron(0 20 ? * MON-FRI *)
    timezone: Europe/Berlin
    target_arn: arn:aws:scheduler:::aws-sdk:eks:updateNodegroupConfig
    role: mlops-scheduler
    input:
      ClusterName: mlops
      NodegroupName: gpu
      ScalingConfig: {MinSize: 0, DesiredSize: 0}

- name: Leave them alone
  mlops.gpu_platform.scheduler_schedule:
    name: mlops-sleep
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
      type: AWS::Scheduler::Schedule
      name: mlops/stop
      fields: [tags]
schedule:
  description:
    - The schedule as EventBridge Scheduler describes it, with names in snake case; empty after a
      deletion.
    - In check mode, and where there is none yet, only name and group.
  returned: success
  type: dict
  sample:
    name: mlops-sleep
    group_name: default
    arn: arn:aws:scheduler:eu-west-1:123456789012:schedule/default/mlops-sleep
    schedule_expression: cron(0 20 ? * MON-FRI *)
    schedule_expression_timezone: Europe/Berlin
    state: ENABLED
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.scheduler.schedule import (
    ensure_schedule,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "group": {"default": "default"},
            "expression": {},
            "timezone": {"default": "UTC"},
            "target_arn": {},
            "role": {},
            "input": {"type": "dict"},
            "flexible_minutes": {"type": "int", "default": 0},
            "enabled": {"type": "bool", "default": True},
            "description": {},
            **STATE_OPTION,
        },
        required_if=[("state", "present", ("expression", "target_arn", "role"))],
        supports_check_mode=True,
    )
    run_module(module, ensure_schedule)


if __name__ == "__main__":
    main()
