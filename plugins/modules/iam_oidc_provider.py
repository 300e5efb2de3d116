#!/usr/bin/python
# Copyright: mlops.gpu_platform maintainers
# SPDX-License-Identifier: Apache-2.0
"""Manage an OpenID Connect provider of AWS IAM."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iam_oidc_provider
short_description: Manage an OpenID Connect provider of AWS IAM
version_added: 0.1.0
description:
  - Creates, updates and deletes an OpenID Connect provider, so that trust policies of IAM roles can
    name the tokens of GitHub Actions or of an EKS cluster.
  - Who may have a role is said in its trust policy, with an exact C(sub), and not here.
options:
  url:
    description:
      - Issuer of the tokens, such as V(https://token.actions.githubusercontent.com).
      - A provider is known by it. Port, query, final slash and wildcards are refused.
    type: str
    required: true
  state:
    description: Whether the provider is to exist.
    type: str
    choices: [present, absent]
    default: present
  client_ids:
    description:
      - Audiences of the tokens; others are removed. Their order means nothing.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  thumbprints:
    description:
      - SHA-1 fingerprints of the certificates of the issuer's server, at most 5.
      - Without it IAM finds that of a new provider itself, and those of an existing one stay.
    type: list
    elements: str
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
- name: Trust the tokens of GitHub Actions
  mlops.gpu_platform.iam_oidc_provider:
    url: https://token.actions.githubusercontent.com
    tags:
      Project: mlops

- name: Trust them no more
  mlops.gpu_platform.iam_oidc_provider:
    url: https://token.actions.githubusercontent.com
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
      type: AWS::IAM::OIDCProvider
      name: token.actions.githubusercontent.com
      fields: [tags]
provider:
  description:
    - The provider; empty after a deletion.
    - In check mode, and where there is none yet, only its C(url).
  returned: success
  type: dict
  sample:
    arn: arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com
    url: https://token.actions.githubusercontent.com
    client_ids: [sts.amazonaws.com]
    thumbprints: [0123456789abcdef0123456789abcdef01234567]
    tags: {Project: mlops}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.core import (
    STATE_OPTION,
    TAG_OPTIONS,
    run_module,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.aws.iam.oidc_provider import (
    ensure_oidc_provider,
)


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "url": {"required": True},
            "client_ids": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
            "thumbprints": {"type": "list", "elements": "str"},
            **STATE_OPTION,
            **TAG_OPTIONS,
        },
        supports_check_mode=True,
    )
    run_module(module, ensure_oidc_provider)


if __name__ == "__main__":
    main()
