"""The local chart repository: the same charts give the same bytes, and helm can read them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml
from stand_ins.chart_repository import CHARTS, Repository, repository


@pytest.fixture
def charts(tmp_path: Path) -> Path:
    chart = tmp_path / "charts" / "folder"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: example\nversion: 1.2.3\n")
    (chart / "templates" / "a.yaml").write_text("kind: A\n")
    return chart.parent


@pytest.fixture
def url(charts: Path) -> Iterator[str]:
    with Repository(0, charts) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_repository(charts: Path, tmp_path: Path) -> None:
    files = repository(charts)
    assert set(files) == {"example-1.2.3.tgz", "index.yaml"}
    (entry,) = yaml.safe_load(files["index.yaml"])["entries"]["example"]
    assert entry["urls"] == ["example-1.2.3.tgz"]
    assert entry["digest"] == hashlib.sha256(files["example-1.2.3.tgz"]).hexdigest()
    archive = tmp_path / "chart.tgz"
    archive.write_bytes(files["example-1.2.3.tgz"])
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["example/Chart.yaml", "example/templates/a.yaml"]


def test_bytes_depend_on_content_only(charts: Path) -> None:
    before = repository(charts)
    template = charts / "folder" / "templates" / "a.yaml"
    os.utime(template, (0, 0))
    template.chmod(0o600)
    assert repository(charts) == before
    template.write_text("kind: B\n")
    assert repository(charts) != before


def test_helm_pulls_a_chart(url: str, kubernetes_clients: Path, tmp_path: Path) -> None:
    pull = (kubernetes_clients / "helm", "pull", "example", f"--repo={url}", "--version=1.2.3")
    home = {f"HELM_{name}_HOME": str(tmp_path / name) for name in ("CACHE", "CONFIG", "DATA")}
    subprocess.run(pull, cwd=tmp_path, env=home, check=True, timeout=30)
    assert (tmp_path / "example-1.2.3.tgz").is_file()


def test_what_the_index_does_not_have_is_not_found(url: str) -> None:
    with pytest.raises(HTTPError) as refused, urlopen(f"{url}/other-1.2.3.tgz", timeout=5):
        pass
    with refused.value as answer:
        assert answer.code == 404
        assert "the index has no /other-1.2.3.tgz" in answer.read().decode()


def test_the_stand_ins_are_served() -> None:
    index = yaml.safe_load(repository(CHARTS)["index.yaml"])
    assert set(index["entries"]) == {
        "cluster-autoscaler",
        "kube-prometheus-stack",
        "nvidia-device-plugin",
    }
