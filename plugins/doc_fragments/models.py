"""Documentation of the options `chdir` and `models`, which all steps of a model's way share."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `mlops.gpu_platform.models`."""

    DOCUMENTATION = r"""
options:
  chdir:
    description: Folder that the paths of O(models) are relative to.
    type: path
    default: .
  models:
    description:
      - >-
        The models, each as it is declared. The same list goes through
        M(mlops.gpu_platform.onnx_export), M(mlops.gpu_platform.model_validate),
        M(mlops.gpu_platform.model_release) and M(mlops.gpu_platform.triton_repository).
      - >-
        Just one of O(models[].source), O(models[].file) and O(models[].folder) says where a model
        comes from. The digest of a file is given behind its path or address as
        C(#sha256=<64 hex digits>); an address needs one.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the model in Triton.
        type: str
        required: true
      version:
        description: Version of the model in Triton.
        type: int
        default: 1
      source:
        description:
          - >-
            A Python function that builds a PyTorch model, as C(path/to/file.py:function) or
            C(module:function) of an installed module.
          - >-
            The function takes O(models[].source_options), and C(weights) where O(models[].weights)
            is given. It returns a C(torch.nn.Module) and a tuple of example inputs, batch first,
            or a dictionary with C(module), C(inputs) (such a tuple, or a function from a batch
            size, and a sequence length where O(models[].sequence_lengths) is given, to one), and
            where they are not to be derived, C(input_names), C(output_names), C(dynamic_shapes),
            C(random_weights) (whether the answers are noise) and C(evaluate) (a function that
            measures the model's accuracy, given a function that runs it on NumPy arrays).
        type: str
      file:
        description: Path or address of an ONNX file that exists already, with its weights inside.
        type: str
      folder:
        description: >-
          A Triton model that is served as it is, such as a Python model or an ensemble - its
          directory, with C(config.pbtxt) and a directory per version.
        type: path
      weights:
        description: >-
          Path or address of a file that the function of O(models[].source) reads the weights from.
        type: str
      source_options:
        description: Further keyword arguments of the function.
        type: dict
        default: {}
      requirements:
        description: >-
          Python packages that the function needs beside PyTorch. They must be installed, and
          another version of one makes another model.
        type: list
        elements: str
        default: []
      precision:
        description: >-
          Precision of the weights. V(int8) quantises them, and computes the scale of what flows
          through the model as it runs (dynamic quantisation).
        type: str
        choices: [fp32, fp16, int8]
        default: fp32
      keep_io_types:
        description: Whether inputs and outputs of a model in V(fp16) stay as they are in V(fp32).
        type: bool
        default: true
      max_accuracy_loss:
        description: >-
          How much accuracy a precision other than V(fp32) may cost, in the unit of the model's own
          C(evaluate), otherwise as the share of the outputs that differs.
        type: float
        default: 0.01
      opset:
        description: ONNX operator set to ask for. PyTorch may write another one.
        type: int
        default: 20
      batch_sizes:
        description: Batch sizes at which PyTorch and onnxruntime are compared.
        type: list
        elements: int
        default: [1, 2, 3, 8]
      sequence_lengths:
        description: Sequence lengths at which they are compared, for a model that has sequences.
        type: list
        elements: int
        default: []
      tolerance:
        description: >-
          Largest absolute difference that is allowed between the outputs of PyTorch and
          onnxruntime, and between golden outputs and those of the served model.
        type: float
        default: 0.001
      golden:
        description:
          - >-
            Requests whose answers are recorded and later asked of the served model. Each has
            C(inputs), a list with C(name), C(datatype) and C(shape) as in the KServe protocol, and
            either C(data) or a C(seed) with C(low) and C(high).
          - By default one request of batch size 1 with random numbers of seed 0.
        type: list
        elements: dict
        default: []
      config:
        description:
          - >-
            Triton's model configuration (ModelConfig, with the names of C(config.pbtxt)), where it
            differs from what follows from the model itself. A field that is V(null) is left out.
          - >-
            By default an exported model has its tensors, one instance of C(KIND_AUTO), batches of
            up to 8 with a queue of 256 requests where all tensors have a batch dimension, one
            thread per run, and a warm-up with zeros where all other dimensions are fixed.
          - With O(models[].folder), each field replaces that of its C(config.pbtxt).
        type: dict
        default: {}
"""
