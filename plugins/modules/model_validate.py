#!/usr/bin/python
"""Ansible module: exported models that are what was declared, with golden answers."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: model_validate
short_description: Check exported models and record their golden answers
version_added: 0.1.0
description:
  - >-
    Checks what M(mlops.gpu_platform.onnx_export) has made. ONNX's checker and its shape inference
    go over the file. The configuration that the model will be served with is completed, and its
    names, types and dimensions are compared with those of the file. PyTorch and onnxruntime run a
    model from O(models[].source) at each of O(models[].batch_sizes) with each of
    O(models[].sequence_lengths), and may not differ by more than O(models[].tolerance); that of a
    precision other than V(fp32) has to allow for what the precision costs.
  - >-
    Then the model answers its golden requests (O(models[].golden)), and the answers are written to
    C(golden.json), which every step after this one keeps beside the model. So a served model can
    be asked whether it is the one that was checked, as M(mlops.gpu_platform.triton_health) does.
    PyTorch gives the answers of a model from O(models[].source) in V(fp32), and onnxruntime has to
    agree; otherwise onnxruntime gives them.
  - >-
    What was checked is recorded in C(validation.json). While the model, its declaration and
    C(golden.json) stay the same, nothing is checked again, and PyTorch is not imported.
  - >-
    A model from O(models[].folder) has its golden answers with it. C(config.pbtxt) has to be a
    configuration, and the tensors in C(golden.json) have to be in it.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - onnx
  - onnxruntime
  - tritonclient[grpc]
  - torch, for a C(source)
options:
  exports:
    description: >-
      Folder with the exported models. C(golden.json) and C(validation.json) are written beside
      each C(model.onnx).
    type: path
    required: true
extends_documentation_fragment:
  - mlops.gpu_platform.models
attributes:
  check_mode:
    description: >-
      Tells which models would be checked, and checks what is declared of them. A model that is yet
      to be exported is one of them.
    support: full
  diff_mode:
    description: Shows C(validation.json) of each such model before and after.
    support: full
  idempotent:
    description: A model is checked once; a changed declaration or file is checked again.
    support: full
"""

EXAMPLES = r"""
- name: Check two exported models
  mlops.gpu_platform.model_validate:
    exports: /srv/exports
    chdir: models
    models:
      - name: resnet50
        source: resnet50/model.py:build
        config:
          max_batch_size: 32
          dynamic_batching:
            preferred_batch_size: [8, 16]
            max_queue_delay_microseconds: 1000
      - name: gpt_mini
        source: gpt_mini/model.py:build
        sequence_lengths: [1, 5, 32]
        golden:
          - inputs:
              - {name: input_ids, datatype: INT64, shape: [1, 3], seed: 0, high: 256}
              - {name: position, datatype: INT64, shape: [1, 1], data: [4]}
              - {name: past, datatype: FP32, shape: [1, 8, 4, 8, 32], seed: 0, low: -1}

- name: Check the configuration and the golden answers of an ensemble
  mlops.gpu_platform.model_validate:
    exports: /srv/exports
    models:
      - name: classify
        folder: model_repo/classify
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each model that is checked.
    - C(action) is V(create) or V(update), C(type) is V(ModelValidation); an update has C(fields).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, type: ModelValidation, name: resnet50/4}
models:
  description: What is known of each model, in the order of O(models).
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: Name of the model.
      type: str
      returned: always
      sample: resnet50
    version:
      description: Version of the model.
      type: int
      returned: always
      sample: 1
    tolerance:
      description: Largest absolute difference that is allowed between an answer and the golden one.
      type: float
      returned: always
      sample: 0.001
    cases:
      description: Number of golden answers.
      type: int
      returned: unless the model is yet to be exported, in check mode
      sample: 1
    digest:
      description: Digest of all that is declared of the model and its check.
      type: str
      returned: unless the model comes from O(models[].folder), like all that follows
      sample: 1c9cbf4e8b3a4b0c2a6c0f8b7a8b2b3b9f3a9f0a4bb0bb1b1bc9d6f6f6ce6b6a
    sha256:
      description: Digest of C(model.onnx).
      type: str
      returned: unless the model would be checked in check mode, like all that follows
      sample: a3d1bd48183555c117768895c8266eb3eea27ba526c426a484a64af845dc0420
    golden_sha256:
      description: Digest of C(golden.json).
      type: str
      returned: as RV(models[].sha256)
      sample: f298658ed35a85c68da8d8304139a41717f758756bf674d217de42c670b08353
    largest_difference:
      description: >-
        Largest absolute difference between PyTorch and onnxruntime; V(null) for a model from
        O(models[].file).
      type: float
      returned: as RV(models[].sha256)
      sample: 0.00005
    sizes:
      description: >-
        The batch sizes, each with a sequence length or V(null), at which the two were compared.
      type: list
      elements: list
      returned: as RV(models[].sha256)
      sample: [[1, null], [2, null], [3, null], [8, null]]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.validation import run


def main() -> None:
    """Read the parameters and check."""
    module = AnsibleModule(
        argument_spec={"exports": {"type": "path", "required": True}, **MODELS},
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except ModelError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
