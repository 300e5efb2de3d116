#!/usr/bin/python
"""Ansible module: models that were validated, released for good."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: model_release
short_description: Publish validated models as releases that never change
version_added: 0.1.0
description:
  - Copies what M(mlops.gpu_platform.onnx_export) has exported and
    M(mlops.gpu_platform.model_validate) has checked, or one version of a O(models[].folder), to
    C(NAME/VERSION) in O(releases), beside a manifest and a bill of materials. Its C(golden.json)
    is part of it.
  - C(manifest.json) has the sha256 of each file, one digest over all of them, the digest of what
    the model was made from, precision, operator set, signature, accuracy, the largest difference
    that was found, the versions of the Python packages, and the time.
  - C(sbom.cdx.json) says the same and the licences of the packages in CycloneDX 1.6.
  - A release is never changed. If a version is released and its files are not those that are
    declared now, or have been changed since, the module fails, and says which digests and files
    differ. It has then written nothing for any model.
  - The number of a new version is higher than all that are released of the model. So a number that
    was pruned does not come back with another content. A lower version that is released already
    may be declared, to roll back to it.
  - A release appears in one step, and publishers wait for each other. What an interrupted run has
    left is removed by the next one.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - cyclonedx-python-lib
  - tritonclient
options:
  exports:
    description:
      - Folder that M(mlops.gpu_platform.onnx_export) and M(mlops.gpu_platform.model_validate) have
        filled.
      - It may lack what is not exported yet in check mode only.
    type: path
    required: true
  releases:
    description: Folder of the releases. It is made.
    type: path
    required: true
  keep:
    description:
      - Number of versions of each declared model to keep, the newest first. Older ones are removed.
      - A version that is declared, that the declared C(version_policy) serves, that is packed in
        O(repository) or that one of O(served_by) has loaded stays in any case.
    type: int
    default: 5
  repository:
    description: Folder that M(mlops.gpu_platform.triton_repository) packs for Triton.
    type: path
  served_by:
    description: >-
      Addresses of Triton servers that serve releases. As long as one does not say what it has
      loaded, no version is removed.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: >-
      Tells what would be released and removed, also before the first export. A version that is
      released and would first be exported again is V(unknown), as only its content can tell.
    support: full
  diff_mode:
    description: Shows the manifest of each version that is released or removed.
    support: full
  idempotent:
    description: A version that is released with the same content is left alone.
    support: full
extends_documentation_fragment: mlops.gpu_platform.models
"""

EXAMPLES = r"""
- name: Release a classifier, and keep its last three versions
  mlops.gpu_platform.model_release:
    exports: /var/cache/exports
    releases: /srv/releases
    repository: /srv/models
    served_by: [http://127.0.0.1:8000]
    keep: 3
    models:
      - name: resnet50
        version: 4
        source: models/resnet50/model.py:build
        weights: weights/resnet50.pth
      - name: label_top_k
        folder: model_repo/label_top_k
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each version that is released or removed.
    - C(action) is V(create) or V(delete), C(type) is V(ModelRelease).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, type: ModelRelease, name: resnet50/4}
models:
  description: The declared versions, in the order of O(models).
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Name of the model.
      type: str
    version:
      description: Version of the model.
      type: int
    digest:
      description: The one digest of the release, null where it is not known yet in check mode.
      type: str
    path:
      description: Folder of the release.
      type: str
    random_weights:
      description: >-
        Whether its answers are noise, null for a O(models[].folder) and where it is not known yet.
      type: bool
    state:
      description: >-
        V(released) by this run, V(unchanged), or, in check mode, V(unknown) - the version is
        released, and whether its content stays the same is only known after the export.
      type: str
  sample:
    - name: resnet50
      version: 4
      digest: 6f1ed002ab5595859014ebf0951522d9a8c1d1f2b6c5e2f9e1f3a1d8f1c0b7a2
      path: /srv/releases/resnet50/4
      random_weights: false
      state: released
pruned:
  description: The versions that were removed.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Name of the model.
      type: str
    version:
      description: Version of the model.
      type: int
  sample: [{name: resnet50, version: 1}]
kept:
  description: The versions beyond O(keep) that stay.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Name of the model.
      type: str
    version:
      description: Version of the model.
      type: int
    reason:
      description: Why it stays.
      type: str
  sample:
    - name: resnet50
      version: 2
      reason: http://127.0.0.1:8000 serves it
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.release import run


def main() -> None:
    """Read the parameters and release."""
    module = AnsibleModule(
        argument_spec={
            **MODELS,
            "exports": {"type": "path", "required": True},
            "releases": {"type": "path", "required": True},
            "keep": {"type": "int", "default": 5},
            "repository": {"type": "path"},
            "served_by": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except ModelError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
