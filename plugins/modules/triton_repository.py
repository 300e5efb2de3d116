#!/usr/bin/python
"""Ansible module: the released models that are to be served, packed into one folder."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_repository
short_description: Pack released models into a Triton model repository
version_added: 0.1.0
description:
  - Copies releases of M(mlops.gpu_platform.model_release) into a Triton model repository, file by
    file where the content differs, and removes all other files from it.
  - C(config.pbtxt) is written through Triton's own definition of it, from O(models[].config) and
    the release's signature, or for a O(models[].folder) from its C(config.pbtxt). If several
    versions of a model are declared, what is declared for the newest one counts.
  - The parameter C(release.VERSION) in it is the digest of the release, and Triton returns it with
    the configuration of a loaded model. So an answer can be traced to the manifest of the release,
    and from there to the source. A model with random weights has C(random_weights.VERSION) too.
  - A model has the versions that Triton will serve. Without a C(version_policy) these are the
    declared ones. With V(latest) or V(all) they are chosen from the released versions up to the
    newest declared one, with V(specific) they are those that it names.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - tritonclient
  - protobuf
options:
  releases:
    description: >-
      Folder of the releases. It may lack a declared version in check mode only.
    type: path
    required: true
  dest:
    description: Folder of the repository. It is made, and belongs to this module alone.
    type: path
    required: true
  tensorrt:
    description: >-
      Whether TensorRT runs the exported models, in their precision. It needs a GPU, so a model
      whose C(instance_group) is V(KIND_CPU) is refused.
    type: bool
    default: false
attributes:
  check_mode:
    description: >-
      Tells which files would be copied and removed. A version that is not released yet is named by
      its folder.
    support: full
  diff_mode:
    description: >-
      Shows the path and the digest of each such file before and after, and the text of each
      C(config.pbtxt).
    support: full
  idempotent:
    description: A repository that is as asked for is left alone.
    support: full
extends_documentation_fragment: mlops.gpu_platform.models
"""

EXAMPLES = r"""
- name: Pack a classifier with what surrounds it
  mlops.gpu_platform.triton_repository:
    releases: /srv/releases
    dest: /srv/models
    models:
      - name: efficientnet_lite0
        version: 2
        source: models/efficientnet_lite0/model.py:build
        config:
          max_batch_size: 16
          dynamic_batching: {preferred_batch_size: [4, 8], max_queue_delay_microseconds: 500}
      - name: image_preprocess
        folder: model_repo/image_preprocess
      - name: label_top_k
        folder: model_repo/label_top_k
      - name: classify
        folder: model_repo/classify

- name: Serve the last two versions of a model, on a GPU by TensorRT
  mlops.gpu_platform.triton_repository:
    releases: /srv/releases
    dest: /srv/models
    tensorrt: true
    models:
      - name: resnet50
        version: 4
        source: models/resnet50/model.py:build
        weights: weights/resnet50.pth
        precision: fp16
        config:
          version_policy: {latest: {num_versions: 2}}
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each model whose files change.
    - C(action) is V(create), V(update) or V(delete), C(type) is V(TritonModel);
      an update has C(fields).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: update, type: TritonModel, name: resnet50, fields: ["4", config.pbtxt]}
dest:
  description: Folder of the repository.
  type: str
  returned: always
  sample: /srv/models
copied:
  description: >-
    Files that were written, relative to RV(dest). In check mode a version that is not released yet
    is named by its folder, with a slash at the end.
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
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.repository import run


def main() -> None:
    """Read the parameters and pack."""
    module = AnsibleModule(
        argument_spec={
            **MODELS,
            "releases": {"type": "path", "required": True},
            "dest": {"type": "path", "required": True},
            "tensorrt": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except ModelError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
