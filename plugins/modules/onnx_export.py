#!/usr/bin/python
"""Ansible module: a checked model.onnx in a Triton model repository."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: onnx_export
short_description: Export PyTorch models to ONNX into a Triton model repository, and check them
version_added: 0.1.0
description:
  - Exports what a Python function builds, with a named batch dimension and the weights inside the
    file, runs ONNX's checker, and compares PyTorch with onnxruntime at several batch sizes.
    An ONNX file that exists already is checked and copied instead.
  - A digest of the definition, the weights, the options and the versions of PyTorch and ONNX is
    kept beside each file, in C(model.onnx.json), with all that the module returns on the model.
    While the digest and the file's own sha256 stay the same, nothing is exported and PyTorch is
    not imported.
  - The paths and packages of all models, and ONNX files that exist already, are checked before
    the first export. A file is replaced in one step, so a failed export leaves the one before as
    it was.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - onnx
  - onnxruntime
  - torch and onnxscript, for a C(source)
options:
  dest:
    description: Folder of the model repository. Folders are made.
    type: path
    required: true
  chdir:
    description: Folder that the paths of O(models) are relative to.
    type: path
  models:
    description: The models to export.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the model in Triton.
        type: str
        required: true
      version:
        description: Version of the model in Triton. The file is O(dest)C(/NAME/VERSION/model.onnx).
        type: int
        default: 1
      source:
        description:
          - A Python file and a function of it, C(path/to/file.py:function).
          - >-
            The function takes O(models[].source_options), and C(weights) where O(models[].weights)
            is given, and returns a dictionary with C(module), C(inputs) (a function from a batch
            size to example inputs), C(input_names), C(output_names), C(dynamic_shapes) and
            C(random_weights).
          - Just one of O(models[].source) and O(models[].file) is required.
        type: str
      file:
        description: An ONNX file that exists already, with its weights inside.
        type: path
      weights:
        description: A file that the function reads the weights from.
        type: path
      source_options:
        description: Further keyword arguments of the function.
        type: dict
        default: {}
      requirements:
        description: >-
          Python packages that the function needs beside PyTorch. They must be installed, and
          another version of one exports anew.
        type: list
        elements: str
        default: []
      opset:
        description: >-
          ONNX operator set to ask for. PyTorch may write another one; RV(models[].opset) says
          which.
        type: int
        default: 20
      batch_sizes:
        description: Batch sizes at which PyTorch and onnxruntime are compared.
        type: list
        elements: int
        default: [1, 2, 3, 8]
      tolerance:
        description: Largest absolute difference between the outputs of PyTorch and onnxruntime.
        type: float
        default: 0.001
attributes:
  check_mode:
    description: >-
      Tells which files would be exported. Paths, packages, the functions' names and ONNX files
      that exist already are checked.
    support: full
  diff_mode:
    description: Shows the record beside each such file before and after.
    support: full
  idempotent:
    description: A file that is what the inputs give is left alone; a changed or cut one is not.
    support: full
"""

EXAMPLES = r"""
- name: Export two models
  mlops.gpu_platform.onnx_export:
    dest: /srv/models
    chdir: models
    models:
      - name: resnet50
        source: resnet50.py:build
        weights: /data/resnet50-11ad3fa6.pth
      - name: gpt_mini
        source: gpt_mini/model.py:build

- name: Export ResNet50 with random weights of another seed
  mlops.gpu_platform.onnx_export:
    dest: /srv/models
    models:
      - name: resnet50
        source: models/resnet50.py:build
        source_options:
          seed: 7

- name: Serve an ONNX file that another team has exported
  mlops.gpu_platform.onnx_export:
    dest: /srv/models
    models:
      - name: detector
        file: /data/detector.onnx
"""

RETURN = r"""
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
    path:
      description: The file.
      type: str
      returned: always
      sample: /srv/models/resnet50/1/model.onnx
    digest:
      description: Digest of all that the file depends on.
      type: str
      returned: always
      sample: f298658ed35a85c68da8d8304139a41717f758756bf674d217de42c670b08353
    sha256:
      description: Digest of the file.
      type: str
      returned: unless a C(source) would be exported in check mode, like all that follows
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
    opset_asked:
      description: The operator set that was asked for.
      type: int
      returned: for a model from C(source)
      sample: 20
    largest_difference:
      description: Largest absolute difference between PyTorch and onnxruntime.
      type: float
      returned: for a model from C(source)
      sample: 0.00005
    random_weights:
      description: Whether the weights are random numbers, so that the answers are noise.
      type: bool
      returned: for a model from C(source)
      sample: true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.onnx_export import (
    ExportError,
    run,
)

MODEL = {
    "name": {"type": "str", "required": True},
    "version": {"type": "int", "default": 1},
    "source": {"type": "str"},
    "file": {"type": "path"},
    "weights": {"type": "path"},
    "source_options": {"type": "dict", "default": {}},
    "requirements": {"type": "list", "elements": "str", "default": []},
    "opset": {"type": "int", "default": 20},
    "batch_sizes": {"type": "list", "elements": "int", "default": [1, 2, 3, 8]},
    "tolerance": {"type": "float", "default": 0.001},
}


def main() -> None:
    """Read the parameters and export."""
    module = AnsibleModule(
        argument_spec={
            "dest": {"type": "path", "required": True},
            "chdir": {"type": "path"},
            "models": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": MODEL,
                "required_one_of": [["source", "file"]],
                "mutually_exclusive": [["source", "file"], ["weights", "file"]],
            },
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**run(module.params, module.check_mode, module._diff))
    except ExportError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
