#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Documentation of the action check_inputs, which runs on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_inputs
short_description: Check the variables of the role that this task is in
version_added: 0.1.0
description:
  - Checks every variable of the role's argument specification, and fails with one message that
    names each that is refused, what was given and what is allowed.
  - A variable that begins with the role's name and is not in the specification is refused.
  - A type is taken as it is written, so text is no list. Text that reads as a number or as true or
    false is taken for one, since the command line has only text.
  - O(rules) are looked at once all types are right.
options:
  rules:
    description: What the specification cannot say.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the variable, or a list of names, each of which is checked alone.
        type: raw
        required: true
      valid:
        description:
          - Expression that is true where the value is allowed, without double braces.
          - It sees the value as C(given), and all variables, numbers as numbers.
        type: str
        required: true
      allowed:
        description: What is allowed, in the words that follow C(but must be).
        type: str
        required: true
      why:
        description: Expression for what is wrong with the value, which the message ends with.
        type: str
  results:
    description: Variables that begin with the role's name because the role itself sets them.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - mlops.gpu_platform.attributes.reader
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
"""

EXAMPLES = r"""
- name: Check the inputs
  mlops.gpu_platform.check_inputs:
    rules:
      - name: monitoring_scrape_interval
        valid: given is match('[1-9][0-9]*[sm]$')
        allowed: whole seconds or minutes, such as 30s or 1m
"""

RETURN = r"""
checked:
  description: Names of the variables that were checked.
  returned: success
  type: list
  elements: str
  sample: [monitoring_namespace, monitoring_scrape_interval]
"""
