"""Declarations: what they say, what their digest covers, and which cannot be right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    MODELS,
    Declaration,
    ModelError,
    Origin,
    SourceFunction,
    declarations,
    sha256,
)

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with all that a declaration can name."""
    (tmp_path / "net.py").write_text("def build():\n    pass\n\ndef other():\n    pass\n")
    (tmp_path / "edited.py").write_text("def build():\n    return 1\n")
    (tmp_path / "broken.py").write_text("def build(:")
    (tmp_path / "weights").write_bytes(b"1")
    (tmp_path / "other_weights").write_bytes(b"2")
    (tmp_path / "served" / "1").mkdir(parents=True)
    (tmp_path / "served" / "config.pbtxt").touch()
    return tmp_path


def declare(chdir: Path, **given: Any) -> Declaration:
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()}
    entry = model | {"name": "net", "source": "net.py:build"} | given
    (declaration,) = declarations({"chdir": str(chdir), "models": [entry]})
    return declaration


def test_what_the_digest_covers(folder: Path) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"source": "net.py:other"},
        {"source": "edited.py:build"},
        {"source": None, "file": "weights"},
        {"source": None, "file": "other_weights"},
        {"source": None, "file": f"https://example.com/net.onnx#sha256={DIGEST}"},
        {"weights": "weights"},
        {"weights": "other_weights"},
        {"source_options": {"seed": 1}},
        {"requirements": ["pytest"]},
        {"precision": "fp16"},
        {"keep_io_types": False},
        {"opset": 19},
    ]
    digests = [declare(folder, **change).digest() for change in changes]
    assert len(set(digests)) == len(digests)
    (folder / "copy.py").write_bytes((folder / "net.py").read_bytes())
    for same in (
        {"source": "copy.py:build", "name": "copy", "version": 2},
        {"tolerance": 1.0, "config": {"max_batch_size": 2}, "batch_sizes": [1]},
    ):
        assert declare(folder, **same).digest() == digests[0]
    served = f"weights#sha256={sha256(folder / 'weights')}"
    assert declare(folder, source=None, file=served).digest() == digests[3]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "../x"}, "name is '../x': allowed are letters, digits, '_', '.' and '-', the "),
        ({"name": "a/b"}, "name is 'a/b': "),
        ({"name": ".."}, "name is '..': "),
        ({"name": ""}, "name is '': "),
        ({"version": 0}, "net: version is 0: it must be at least 1"),
        ({"source": "none.py:build"}, "net: source: there is no file {folder}/none.py"),
        ({"source": "net.py:make"}, "net: source: {folder}/net.py has no function 'make'; it has"),
        ({"source": "net.py"}, "net: source: 'net.py' is neither path/to/file.py:function nor "),
        ({"source": "json:build"}, "has no function 'build'"),
        ({"source": "no_such_package.net:build"}, "is neither path/to/file.py:function nor an "),
        ({"source": "broken.py:build"}, "net: source: {folder}/broken.py is not Python: "),
        ({"weights": "none.pt"}, "net: there is no file {folder}/none.pt"),
        (
            {"weights": f"weights#sha256={DIGEST}"},
            f"net: {{folder}}/weights has the sha256 {{sha256}}, but {DIGEST} is declared",
        ),
        (
            {"weights": "https://example.com/net.pt"},
            "net: https://example.com/net.pt is an address without a digest: add #sha256=<64 hex",
        ),
        ({"requirements": ["no-such-package"]}, "package no-such-package is not installed for"),
        ({"source": None, "folder": "none"}, "net: folder: there is no {folder}/none/config.pb"),
        (
            {"source": None, "folder": "served", "version": 2},
            "net: folder: there is no {folder}/served/2",
        ),
    ],
)
def test_refusals(folder: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError) as caught:
        declare(folder, **given).digest()
    assert message.format(folder=folder, sha256=sha256(folder / "weights")) in str(caught.value)


def test_a_version_is_declared_once(folder: Path) -> None:
    served = {"source": None, "folder": str(folder / "served")}
    options = MODELS["models"]["options"]
    model = {name: option.get("default") for name, option in options.items()} | served
    params = {"chdir": ".", "models": [model | {"name": name} for name in ("a", "b", "a")]}
    with pytest.raises(ModelError) as caught:
        declarations(params)
    assert str(caught.value) == "models has version 1 of a twice"


def test_where_things_are(folder: Path) -> None:
    declaration = declare(folder, version=3, weights="weights")
    assert declaration.below(Path("exports")) == Path("exports/net/3")
    assert declaration.is_exported
    assert declaration.weights == Origin(str(folder / "weights"), None)
    assert not declare(folder, source=None, folder="served").is_exported
    remote = Origin.of(f"https://example.com/net.pt#sha256={DIGEST}", folder)
    assert remote == Origin("https://example.com/net.pt", DIGEST)
    assert (remote.is_remote, remote.digest()) == (True, DIGEST)


def test_a_module_is_found_without_importing_its_package(tmp_path: Path) -> None:
    package = tmp_path / "acme" / "nets"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "small.py").write_text("def build():\n    pass\n")
    code = (
        "import sys; from ansible_collections.mlops.gpu_platform.plugins.module_utils"
        ".models.declaration import SourceFunction; from pathlib import Path\n"
        "found = SourceFunction.of('acme.nets.small:build', Path())\n"
        "print(found.path, found.module, 'acme' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"collections:{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{package}/small.py acme.nets.small False\n"
    assert SourceFunction.of("json.decoder:py_scanstring", Path()).module == "json.decoder"
