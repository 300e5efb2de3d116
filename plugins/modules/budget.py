#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage a monthly cost budget of AWS Budgets."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: budget
short_description: Manage a monthly cost budget of AWS Budgets
version_added: 0.1.0
description:
  - Creates, updates and deletes a monthly budget of costs in US dollars, with notifications at
    percentages of its limit.
  - What the options do not set (cost types, period) stays as it is.
options:
  name:
    description: Name of the budget.
    type: str
    required: true
  state:
    description: Whether the budget is to exist.
    type: str
    choices: [present, absent]
    default: present
  account_id:
    description: Id of the account, in quotes. Without it that of the credentials is looked up.
    type: str
  limit:
    description: Limit per month in US dollars. Required if O(state=present).
    type: float
  cost_filters:
    description:
      - Which costs count, as a list of values for each dimension of AWS Budgets; an empty dict
        counts all. The order of values means nothing. Without it the filters of a budget stay.
      - Costs by a tag are C(TagKeyValue) with V(user:Key$value); the tag must be activated as a
        cost allocation tag in the billing of the account.
    type: dict
  notifications:
    description:
      - Notifications of the budget, at most 10; others are removed. Their order means nothing.
      - One whose subscribers change is made anew. Without it they are left alone.
    type: list
    elements: dict
    suboptions:
      threshold:
        description: Percentage of the limit above which the subscribers are told.
        type: float
        required: true
      type:
        description: Whether costs that were made count, or those forecast for the month.
        type: str
        choices: [ACTUAL, FORECASTED]
        default: ACTUAL
      subscribers:
        description: E-mail addresses (at most 10) and ARNs of SNS topics (at most 1).
        type: list
        elements: str
        required: true
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
- name: Tell the team at 80 % of 200 dollars, and when more than that is foreseen
  mlops.gpu_platform.budget:
    name: mlops
    limit: 200
    cost_filters:
      TagKeyValue: ["user:Platform$mlops"]
    notifications:
      - threshold: 80
        subscribers: [mlops@example.com]
      - threshold: 100
        type: FORECASTED
        subscribers: ["arn:aws:sns:us-east-1:123456789012:costs"]

- name: Delete the budget
  mlops.gpu_platform.budget:
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
      type: AWS::Budgets::Budget
      name: mlops
      fields: [tags]
budget:
  description:
    - The budget as AWS Budgets describes it, with names in snake case; empty after a deletion.
    - In check mode, and where there is none yet, only its name.
  returned: success
  type: dict
  sample:
    budget_name: mlops
    budget_type: COST
    time_unit: MONTHLY
    budget_limit: {amount: "200.0", unit: USD}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.budget import ensure_budget
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)


def main() -> None:
    """Run the module."""
    notification = {
        "threshold": {"type": "float", "required": True},
        "type": {"choices": ["ACTUAL", "FORECASTED"], "default": "ACTUAL"},
        "subscribers": {"type": "list", "elements": "str", "required": True},
    }
    module = AnsibleAWSModule(
        argument_spec={
            "name": {"required": True},
            "account_id": {},
            "limit": {"type": "float"},
            "cost_filters": {"type": "dict"},
            "notifications": {"type": "list", "elements": "dict", "options": notification},
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        required_if=[("state", "present", ("limit",))],
        supports_check_mode=True,
    )
    run_module(module, ensure_budget)


if __name__ == "__main__":
    main()
