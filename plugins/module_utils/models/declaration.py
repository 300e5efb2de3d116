"""A model as it is declared: the one list that every step from export to serving works on."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any

MODEL: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "version": {"type": "int", "default": 1},
    "source": {"type": "str"},
    "file": {"type": "str"},
    "folder": {"type": "path"},
    "weights": {"type": "str"},
    "source_options": {"type": "dict", "default": {}},
    "requirements": {"type": "list", "elements": "str", "default": []},
    "precision": {"type": "str", "choices": ["fp32", "fp16", "int8"], "default": "fp32"},
    "keep_io_types": {"type": "bool", "default": True},
    "max_accuracy_loss": {"type": "float", "default": 0.01},
    "opset": {"type": "int", "default": 20},
    "batch_sizes": {"type": "list", "elements": "int", "default": [1, 2, 3, 8]},
    "sequence_lengths": {"type": "list", "elements": "int", "default": []},
    "tolerance": {"type": "float", "default": 0.001},
    "golden": {"type": "list", "elements": "dict", "default": []},
    "config": {"type": "dict", "default": {}},
}
"""Ansible's argument specification of one entry; the fragment `models` documents it."""

MODELS: dict[str, Any] = {
    "chdir": {"type": "path", "default": "."},
    "models": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": MODEL,
        "mutually_exclusive": [("source", "file", "folder"), ("weights", "file", "folder")],
        "required_one_of": [("source", "file", "folder")],
    },
}
"""The options that all modules of a model's way share."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
FRAGMENT = re.compile(r"(?P<location>[^#]+)#sha256=(?P<sha256>[0-9a-f]{64})")
"""An address or a path with the digest of what is there, as pip writes it."""


class ModelError(Exception):
    """A model cannot be made, checked, released or packed; the message is meant for the user."""


@dataclass(frozen=True)
class Origin:
    """A file that a model is made of: a path or an address, and its sha256 where that is given."""

    location: str
    sha256: str | None

    @classmethod
    def of(cls, given: str, folder: Path) -> Origin:
        """Read a location as it is declared; a path is relative to folder.

        Raises:
            ModelError: an address comes without a digest.
        """
        match = FRAGMENT.fullmatch(given)
        location = match["location"] if match else given
        digest = match["sha256"] if match else None
        if "://" not in location:
            return cls(str(folder / location), digest)
        if digest is None:
            raise ModelError(f"{given} is an address without a digest: add #sha256=<64 hex digits>")
        return cls(location, digest)

    @property
    def is_remote(self) -> bool:
        """Whether the file has to be fetched."""
        return "://" in self.location

    def digest(self) -> str:
        """Return the file's sha256: the declared one, or that of the file as it is.

        Raises:
            ModelError: there is no such file, or it is another one than was declared.
        """
        if self.is_remote:
            assert self.sha256 is not None
            return self.sha256
        path = Path(self.location)
        if not path.is_file():
            raise ModelError(f"there is no file {path}")
        found = sha256(path)
        if self.sha256 not in (None, found):
            raise ModelError(f"{path} has the sha256 {found}, but {self.sha256} is declared")
        return found


@dataclass(frozen=True)
class SourceFunction:
    """A Python function that builds a model: `path/to/file.py:function` or `module:function`."""

    path: Path
    function: str
    module: str | None
    """The name of an installed module; None of a file given by its path."""

    @classmethod
    def of(cls, given: str, folder: Path) -> SourceFunction:
        """Find the function without running the file that it is in.

        Raises:
            ModelError: there is no such file or module, it is not Python, or has no such function.
        """
        where, _, function = given.rpartition(":")
        module = None
        if where.endswith(".py"):
            path = folder / where
        else:
            spec = find_module(where)
            if spec is None or spec.origin is None:
                raise ModelError(
                    f"source: {given!r} is neither path/to/file.py:function nor an installed "
                    "module:function"
                )
            path, module = Path(spec.origin), where
        if not path.is_file():
            raise ModelError(f"source: there is no file {path}")
        try:
            tree = ast.parse(path.read_bytes(), str(path))
        except SyntaxError as error:
            raise ModelError(f"source: {path} is not Python: {error}") from error
        functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        if function not in functions:
            raise ModelError(
                f"source: {path} has no function {function!r}; it has: {', '.join(functions)}"
            )
        return cls(path, function, module)


@dataclass(frozen=True)
class Declaration:
    """One entry of the list. Just one of source, file and folder is set."""

    name: str
    version: int
    source: SourceFunction | None
    file: Origin | None
    folder: Path | None
    """A Triton model as it is, for instance a Python model or an ensemble: its directory."""
    weights: Origin | None
    source_options: dict[str, Any]
    requirements: list[str]
    precision: str
    keep_io_types: bool
    max_accuracy_loss: float
    opset: int
    batch_sizes: list[int]
    sequence_lengths: list[int]
    tolerance: float
    golden: list[dict[str, Any]]
    config: dict[str, Any]

    @classmethod
    def of(cls, model: dict[str, Any], folder: Path) -> Declaration:
        """Read one entry of a module's models; its paths are relative to folder.

        Raises:
            ModelError: the entry cannot be right.
        """
        name, version = model["name"], model["version"]
        if not NAME.fullmatch(name):
            raise ModelError(
                f"name is {name!r}: allowed are letters, digits, '_', '.' and '-', "
                "the first a letter or a digit"
            )
        if version < 1:
            raise ModelError(f"{name}: version is {version}: it must be at least 1")
        try:
            return cls(
                **model
                | {
                    "source": model["source"] and SourceFunction.of(model["source"], folder),
                    "file": model["file"] and Origin.of(model["file"], folder),
                    "folder": model["folder"] and check_folder(folder / model["folder"], version),
                    "weights": model["weights"] and Origin.of(model["weights"], folder),
                }
            )
        except ModelError as error:
            raise ModelError(f"{name}: {error}") from error

    @property
    def is_exported(self) -> bool:
        """Whether the model is an ONNX file, made or taken, and not a folder served as it is."""
        return self.folder is None

    @property
    def title(self) -> str:
        """How this version is called in a plan."""
        return f"{self.name}/{self.version}"

    def below(self, folder: Path) -> Path:
        """Return the directory of this version below a folder of models."""
        return folder / self.name / str(self.version)

    def digest(self) -> str:
        """Return the sha256 of all that the exported file is made from.

        The versions of PyTorch and ONNX are no part of it: they are recorded, and another version
        does not make another model. Those of requirements are, as the definition is in them.

        Raises:
            ModelError: a file or a Python package is missing.
        """
        try:
            inputs = {
                "source": self.source and sha256(self.source.path),
                "function": self.source and self.source.function,
                "file": self.file and self.file.digest(),
                "weights": self.weights and self.weights.digest(),
                "source_options": self.source_options,
                "requirements": {name: installed_version(name) for name in self.requirements},
                "precision": self.precision,
                "keep_io_types": self.keep_io_types,
                "opset": self.opset,
            }
        except ModelError as error:
            raise ModelError(f"{self.name}: {error}") from error
        return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def declarations(params: dict[str, Any]) -> list[Declaration]:
    """Read the options of MODELS as a module was given them.

    Raises:
        ModelError: an entry cannot be right, or two are the same version of one model.
    """
    models = [Declaration.of(model, Path(params["chdir"])) for model in params["models"]]
    seen = set()
    for model in models:
        if (model.name, model.version) in seen:
            raise ModelError(f"models has version {model.version} of {model.name} twice")
        seen.add((model.name, model.version))
    return models


def find_module(name: str) -> ModuleSpec | None:
    """Find a module without running anything: importlib would import the packages that it is in."""
    parent = None
    if "." in name:
        parent = find_module(name.rpartition(".")[0])
        if parent is None or parent.submodule_search_locations is None:
            return None
    return PathFinder.find_spec(name, parent.submodule_search_locations if parent else None)


def check_folder(folder: Path, version: int) -> Path:
    """Return the directory of a Triton model.

    Raises:
        ModelError: it is none, or has no such version.
    """
    for path in (folder / "config.pbtxt", folder / str(version)):
        if not path.exists():
            raise ModelError(f"folder: there is no {path}")
    return folder


def sha256(path: Path) -> str:
    """Return a file's sha256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def installed_version(package: str) -> str:
    """Return the version of an installed distribution.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise ModelError(
            f"the Python package {package} is not installed for {sys.executable}"
        ) from error
