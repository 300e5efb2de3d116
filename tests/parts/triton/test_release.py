"""A running Triton tells which release it serves, and keeps that release in the registry."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    release as model_release,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models import (
    repository as triton_repository,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import (
    Declaration,
    sha256,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.registry import Release
from support.fake_exports import Workshop
from support.triton_process import lay_out, running_triton


def ask(address: str, document: Any = None) -> Any:
    """Return the JSON at an address."""
    body = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(urllib.request.Request(address, body), timeout=5) as answer:
        return json.load(answer)


def test_a_served_answer_leads_to_its_source(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    for version in (1, 2, 3):
        model = workshop.declare(version)
        workshop.export(model, float(version))
        model_release.run(workshop.releasing(model), False, False)
    policy = {"version_policy": {"specific": {"versions": [1, 2]}}}
    triton_repository.run(workshop.packing(workshop.declare(2, config=policy)), False, False)

    lay_out(tmp_path / "triton")
    with running_triton(tmp_path / "triton", workshop.dest) as triton:
        triton.wait_until_ready()
        url = triton.url
        row = {"name": "x", "shape": [1, 3], "datatype": "FP32", "data": [1, 2, 3]}
        answer = ask(f"{url}/v2/models/scale/infer", {"inputs": [row]})
        assert answer["outputs"][0]["data"] == [2, 4, 6]

        # From the answer to the release, and from there to the export and its source.
        config = ask(f"{url}/v2/models/scale/versions/{answer['model_version']}/config")
        digest = config["parameters"][f"release.{answer['model_version']}"]["string_value"]
        release = Release.read(workshop.releases / "scale" / answer["model_version"])
        release.verify()
        assert digest == release.digest
        workshop.source(2.0)
        exported = Declaration.of(workshop.declare(2), tmp_path).digest()
        assert release.manifest["source_digest"] == exported
        [origin] = release.manifest["origins"]
        assert origin["sha256"] == sha256(tmp_path / origin["location"])

        # Neither packed any more nor declared, but loaded.
        workshop.source(3.0)
        params = workshop.releasing(workshop.declare(3), keep=1, repository=None, served_by=[url])
        pruning = model_release.run(params, False, False)
        assert pruning["pruned"] == []
        assert [(each["version"], each["reason"]) for each in pruning["kept"]] == [
            (1, f"{url} serves it"),
            (2, f"{url} serves it"),
        ]
    # Once it is gone, nobody can say any more what it served.
    assert model_release.run(params, False, False)["pruned"] == []
    params["served_by"] = []
    assert len(model_release.run(params, False, False)["pruned"]) == 2
