#!/usr/bin/python
"""Ansible module: models as checked ONNX files."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onnx_export
short_description: Export PyTorch models to ONNX, in a precision that the serving image can load
version_added: 0.1.0
description:
  - >-
    The first step of a model's way, before M(mlops.gpu_platform.model_validate),
    M(mlops.gpu_platform.model_release) and M(mlops.gpu_platform.triton_repository).
  - Exports what a Python function builds, with a named batch dimension and the weights inside the
    file, and runs ONNX's checker. An ONNX file that exists already is checked and copied instead.
  - A precision other than V(fp32) is made from the model in V(fp32), and what it costs in accuracy
    is measured on both in onnxruntime. It is refused where that is more than
    O(models[].max_accuracy_loss).
  - A digest of the definition, the weights and the options is kept beside each file, in
    C(export.json), with all that the module returns on the model. While the digest and the file's
    own sha256 stay the same, nothing is exported and PyTorch is not imported.
  - The paths, packages and options of all models, and ONNX files that are here already, are checked
    before the first export. A file is replaced in one step, so a failed export leaves the one
    before as it was.
  - Models from O(models[].folder) are served as they are, so this module leaves them alone.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - onnx
  - onnxruntime
  - tritonclient[grpc]
  - torch and onnxscript, for a C(source)
extends_documentation_fragment:
  - mlops.gpu_platform.models
options:
  exports:
    description:
      - Folder of the exported models, one below it for each model and version. Folders are made.
      - >-
        It is a cache, with what was fetched from addresses in C(.downloads); it may be deleted. One
        process at a time exports a model into it.
    type: path
    required: true
  triton_image:
    description:
      - >-
        The production image that shall serve the models, or its tag, such as V(25.06-py3). A model
        whose operator set or IR version the onnxruntime in the image cannot load is refused.
      - Known are the images 23.10 to 26.08. Without an image, nothing is checked.
    type: str
    default: ""
notes:
  - >-
    V(int8) takes the weights of matrix multiplications alone. Convolutions stay in V(fp32), because
    dynamic quantisation makes them slower on a CPU.
  - >-
    C(evaluate) of a definition is given a function that runs the model on NumPy arrays, and returns
    the metric's name and its value, of which more must be better.
attributes:
  check_mode:
    description: >-
      Tells which files would be exported. Paths, packages, the functions' names, the operator set
      asked for and ONNX files that are here already are checked. Nothing is fetched.
    support: full
  diff_mode:
    description: Shows the record beside each such file before and after.
    support: full
  idempotent:
    description: A file that is what the inputs give is left alone; a changed or cut one is not.
    support: full
"""

EXAMPLES = r"""
- name: Export two models that the image of Triton 25.06 can load
  mlops.gpu_platform.onnx_export:
    exports: /srv/exports
    chdir: models
    triton_image: nvcr.io/nvidia/tritonserver:25.06-py3
    models:
      - name: resnet50
        source: resnet50/model.py:build
        weights: >-
          https://models.example.com/resnet50.pth#sha256=f298658ed35a85c68da8d8304139a41717f758756bf674d217de42c670b08353
      - name: gpt_mini
        source: gpt_mini/model.py:build
        weights: gpt_mini/checkpoint.pt

- name: Export ResNet50 with random weights of another seed
  mlops.gpu_platform.onnx_export:
    exports: /srv/exports
    models:
      - name: resnet50
        source: models/resnet50/model.py:build
        source_options:
          seed: 7

- name: Export a function of an installed package, with weights of fewer bits
  mlops.gpu_platform.onnx_export:
    exports: /srv/exports
    models:
      - name: classifier
        source: acme_models.classifier:build
        requirements:
          - acme-models
        precision: fp16
        max_accuracy_loss: 0.005

- name: Serve an ONNX file that another team has exported, quantised
  mlops.gpu_platform.onnx_export:
    exports: /srv/exports
    models:
      - name: detector
        file: /data/detector.onnx
        precision: int8
        max_accuracy_loss: 0.02
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for each model that is exported.
    - C(action) is V(create) or V(update), C(type) is V(ModelExport); an update has C(fields).
  returned: always
  type: list
  elements: dict
  sample:
    - {action: create, type: ModelExport, name: resnet50/4}
models:
  description: What is known of each exported model, in the order of O(models).
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
    path:
      description: The file.
      type: str
      returned: always
      sample: /srv/exports/resnet50/1/model.onnx
    digest:
      description: Digest of all that the file is made from.
      type: str
      returned: always
      sample: f298658ed35a85c68da8d8304139a41717f758756bf674d217de42c670b08353
    source:
      description: The O(models[].source) or O(models[].file), as it is declared.
      type: str
      returned: always
      sample: resnet50/model.py:build
    precision:
      description: Precision of the weights.
      type: str
      returned: always
      sample: fp32
    packages:
      description: Versions of the Python packages that made the file.
      type: dict
      returned: always
      sample:
        torch: 2.13.0
        onnxscript: 0.7.0
        onnx: 1.23.2
        onnxruntime: 1.32.0
    opset_asked:
      description: The operator set that was asked for; none for a model from C(file).
      type: int
      returned: always
      sample: 20
    sha256:
      description: Digest of the file.
      type: str
      returned: unless check mode would have to make the file to know it, like all that follows
      sample: a3d1bd48183555c117768895c8266eb3eea27ba526c426a484a64af845dc0420
    bytes:
      description: Size of the file.
      type: int
      returned: as RV(models[].sha256)
      sample: 102226399
    opset:
      description: The operator set that the file has.
      type: int
      returned: as RV(models[].sha256)
      sample: 20
    ir_version:
      description: Version of the ONNX format.
      type: int
      returned: as RV(models[].sha256)
      sample: 10
    parameters:
      description: >-
        Number of the model's parameters; of a model from C(file), of the numbers stored in it.
      type: int
      returned: as RV(models[].sha256)
      sample: 25557032
    signature:
      description: >-
        The model's C(inputs) and C(outputs), each with C(name), C(datatype) and C(shape) as in the
        KServe protocol; -1 is a size that is not fixed.
      type: dict
      returned: as RV(models[].sha256)
      sample:
        inputs:
          - name: image
            datatype: FP32
            shape: [-1, 3, 224, 224]
        outputs:
          - name: logits
            datatype: FP32
            shape: [-1, 1000]
    random_weights:
      description: Whether the weights are random numbers, so that the answers are noise.
      type: bool
      returned: as RV(models[].sha256)
      sample: true
    accuracy:
      description: >-
        What a precision other than V(fp32) costs - the C(metric), its value in C(fp32) and as
        C(exported), of which more is better, and the C(loss) between them. None in V(fp32).
      type: dict
      returned: as RV(models[].sha256)
      sample:
        metric: agreement with fp32
        fp32: 1.0
        exported: 0.9994
        loss: 0.0006
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    ModelError,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.export import run


def main() -> None:
    """Read the parameters and export."""
    module = AnsibleModule(
        argument_spec={
            **MODELS,
            "exports": {"type": "path", "required": True},
            "triton_image": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except ModelError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
