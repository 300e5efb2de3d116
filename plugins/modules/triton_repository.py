#!/usr/bin/python
"""Ansible module: the models that are to be served, packed into one folder."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_repository
short_description: Pack models into a Triton model repository
version_added: 0.1.0
description:
  - Copies the folders of some models into a Triton model repository, file by file where the content
    differs, and removes all other files from it. Files that another task has written there, such as
    exported weights, are named in O(keep).
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  source:
    description: Folder with one folder per model, each with a C(config.pbtxt).
    type: path
    required: true
  dest:
    description: Folder of the repository. It is made, and belongs to this module alone.
    type: path
    required: true
  models:
    description: The models to pack.
    type: list
    elements: str
    required: true
  keep:
    description: >-
      Files below O(dest) that stay, each with its record from M(mlops.gpu_platform.onnx_export)
      (the same name with C(.json) behind it).
    type: list
    elements: path
    default: []
attributes:
  check_mode:
    description: Tells which files would be copied and removed.
    support: full
  diff_mode:
    description: Shows the path and the digest of each such file before and after.
    support: full
  idempotent:
    description: A repository that is as asked for is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Pack a classifier with what surrounds it
  mlops.gpu_platform.triton_repository:
    source: model_repo
    dest: /srv/models
    models: [image_preprocess, efficientnet_lite0, label_top_k, classify]
    keep: [/srv/models/efficientnet_lite0/1/model.onnx]
"""

RETURN = r"""
dest:
  description: Folder of the repository.
  type: str
  returned: always
  sample: /srv/models
copied:
  description: Files that were copied, relative to RV(dest).
  type: list
  elements: str
  returned: always
  sample: [classify/config.pbtxt]
removed:
  description: Files that were removed, relative to RV(dest).
  type: list
  elements: str
  returned: always
  sample: [resnet50/config.pbtxt, resnet50/1/model.onnx]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton_repository import (
    RepositoryError,
    run,
)


def main() -> None:
    """Read the parameters and pack."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "models": {"type": "list", "elements": "str", "required": True},
            "keep": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except RepositoryError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
