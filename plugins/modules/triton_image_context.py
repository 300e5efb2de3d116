#!/usr/bin/python
"""Ansible module: the build context of an image of Triton with its models."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_image_context
short_description: Assemble the build context of an image of Triton with its models
version_added: 0.1.0
description:
  - Writes C(<path>/<tag>/) with the models below C(models/) and the given texts beside them, and
    names repository and tag in C(<path>/current.json).
  - The tag is the first 12 hex digits of the SHA-256 over the sorted paths and contents of all
    these files, so the same content has the same tag, and a changed one never has it.
  - A context is there whole or not at all. One that was changed by hand is written anew.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  path:
    description: The directory of the contexts.
    type: path
    required: true
  repository:
    description: The repository of the image.
    type: str
    required: true
  model_repository:
    description: Triton's model repository, with weights.
    type: path
    required: true
  texts:
    description: Content of further files by name, such as C(Dockerfile).
    type: dict
    required: true
  keep:
    description: How many contexts to keep, the current one among them.
    type: int
    default: 5
  models_change:
    description:
      - Whether O(model_repository) is changed before, which check mode does not see. The tag is
        then V(planned) in check mode; otherwise this means nothing.
    type: bool
    default: false
attributes:
  check_mode:
    description:
      - Tells the tag, which is V(planned) without a model repository yet, or with
        O(models_change=true).
    support: full
  diff_mode:
    description: Shows repository and tag before and after.
    support: full
  idempotent:
    description: The same content is the same context.
    support: full
"""

EXAMPLES = r"""
- name: Assemble the image's build context
  mlops.gpu_platform.triton_image_context:
    path: /var/tmp/images/triton
    repository: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/mlops/triton
    model_repository: /var/tmp/models
    texts:
      Dockerfile: |
        FROM nvcr.io/nvidia/tritonserver:25.06-py3
        COPY models /models
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each context that changes.
    - C(action) is V(create), V(update) or V(delete), C(type) is
      V(ImageBuildContext); an update has C(fields).
  returned: success
  type: list
  elements: dict
  sample:
    - {action: create, type: ImageBuildContext, name: mlops/triton}
repository:
  description: The repository of the image.
  returned: success
  type: str
  sample: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/mlops/triton
tag:
  description: The tag of the image.
  returned: success
  type: str
  sample: 3f1c0a9be77d
context:
  description: The directory to build the image from.
  returned: success
  type: str
  sample: /var/tmp/images/triton/3f1c0a9be77d
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.image_context import (
    PLANNED,
    Context,
    ContextDirectory,
    ContextError,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "repository": {"type": "str", "required": True},
            "model_repository": {"type": "path", "required": True},
            "texts": {"type": "dict", "required": True},
            "keep": {"type": "int", "default": 5},
            "models_change": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    repository, keep = module.params["repository"], module.params["keep"]
    models = Path(module.params["model_repository"])
    directory = ContextDirectory(Path(module.params["path"]), repository)
    before = directory.current()
    try:
        if module.check_mode and (module.params["models_change"] or not models.is_dir()):
            changes, tag = directory.planned(keep), PLANNED
        else:
            context = Context(models, module.params["texts"])
            changes, tag = directory.assemble(context, keep, module.check_mode)
    except (ContextError, OSError) as error:
        module.fail_json(msg=f"The image's build context cannot be assembled: {error}")
    module.exit_json(
        changed=bool(changes),
        changes=changes,
        repository=repository,
        tag=tag,
        context=str(directory.path(tag)),
        diff={"before": before, "after": {"repository": repository, "tag": tag}},
    )


if __name__ == "__main__":
    main()
