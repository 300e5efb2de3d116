#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action playbook_plan, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: playbook_plan
short_description: Tell what a playbook would change, and what that costs
version_added: 0.1.0
description:
  - Runs a playbook in check mode, with the inventory, limit, tags, extra variables and
    vault password files of the run that this task is in, and collects what its tasks would change.
  - The modules of this collection name each resource. A change by another module is one entry,
    whose type is the kind of a Kubernetes object, C(HelmRelease), C(File), C(Directory) or the
    module's name.
  - If a task of the playbook fails, there is no plan, and this task fails with that task's message.
options:
  playbook:
    description: The playbook.
    type: path
    required: true
  prices:
    description: The content of C(roles/cost_control/files/prices.yml), or such a table of yours.
    type: dict
    required: true
  region:
    description: The AWS region whose prices count.
    type: str
    required: true
  estimate:
    description:
      - What the platform costs with all changes made, as the filter
        P(mlops.gpu_platform.cost_estimate#filter) returns it. It is shown by state, below the
        changes.
    type: dict
    required: true
  format:
    description: How the plan is shown.
    type: str
    choices: [table, json]
    default: table
  dest:
    description: File that gets the plan. Without it the plan is printed.
    type: path
requirements:
  - ansible-runner
extends_documentation_fragment:
  - mlops.gpu_platform.attributes.reader
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Plan every stage
  mlops.gpu_platform.playbook_plan:
    playbook: "{{ playbook_dir }}/site.yml"
    prices:
      everywhere: {eks_cluster_hour: 0.10}
      regions: {eu-west-1: {nat_gateway_hour: 0.048}}
      assumptions: {spot_fraction: 0.5}
    region: eu-west-1
    estimate:
      date: "2026-11-24"
      currency: USD
      region: eu-west-1
      spot_fraction: 0.5
      lines: []
      unknown: []
      per_hour: {awake: 0.1, idle: 0.1, asleep: 0.1, deep_asleep: 0}
      per_month: {awake: 73, idle: 73, asleep: 73, deep_asleep: 0, scheduled: 73}
"""

RETURN = r"""
plan:
  description: What the playbook would change.
  returned: success
  type: dict
  contains:
    result:
      description:
        - V(pending) where there are changes, otherwise V(unchanged).
        - V(error) where there is no plan; it is then only printed or in O(dest).
      type: str
      sample: pending
    errors:
      description: Why there is no plan; empty unless C(result) is V(error).
      type: list
      elements: str
    changes:
      description:
        - The changes in order. C(action) is V(create), V(update) or V(delete).
        - C(hourly) is what a change adds to the cost of an hour, and null where no price is known.
      type: list
      elements: dict
      sample:
        - stage: Infrastructure
          role: eks_cluster
          action: create
          type: AWS::EKS::Cluster
          name: mlops
          hourly: 0.1
    totals:
      description: Number of changes by action.
      type: dict
      sample: {create: 1, update: 0, delete: 0}
    cost:
      description:
        - What all changes add to the cost of an hour and of a month of 730 hours.
        - C(unknown) lists the types without a known price, which are not counted.
      type: dict
      sample: {currency: USD, hourly: 0.1, monthly: 73.0, unknown: []}
    estimate:
      description: The O(estimate).
      type: dict
"""
