"""Volumes made of API objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from node_agent.pods.environment import ConfigError
from node_agent.pods.volumes import Volumes, write
from support.full_disk import largest_file

POD: dict[str, Any] = {"metadata": {"name": "p", "namespace": "n", "labels": {"a": "b"}}}


def pod(**volume: Any) -> dict[str, Any]:
    """A pod with one volume, v."""
    return {**POD, "spec": {"volumes": [{"name": "v", **volume}]}}


def no_token(_pod: dict[str, Any], _source: dict[str, Any]) -> str:
    raise AssertionError("no token is asked for")


def test_names_stay_while_the_content_moves_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"a": (b"1", 0o644), "sub/b": (b"2", 0o600)})
    before = (tmp_path / "..data").resolve()
    write(tmp_path, {"a": (b"3", 0o644)})
    assert (tmp_path / "a").read_bytes() == b"3"
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("..")) == ["a"]
    assert not before.exists()


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path, {"a": (b"1", 0o644)})
    before = {path.name for path in tmp_path.iterdir()}
    with largest_file(10), pytest.raises(OSError, match="File too large"):
        write(tmp_path, {"a": (b"much too long", 0o644)})
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (tmp_path / "a").read_bytes() == b"1"


def test_projected_volume_joins_its_sources(tmp_path: Path) -> None:
    config = {"data": {"x.json": "{}", "y": "no"}}
    sources = [
        {"configMap": {"name": "c", "items": [{"key": "x.json", "path": "conf/x.json"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
            }
        },
        {"serviceAccountToken": {"path": "token"}},
    ]
    volumes = Volumes(tmp_path / "pod", tmp_path / "claims")
    mine = pod(projected={"sources": sources})
    volumes.update(mine, lambda *_: config, lambda *_: "secret")
    root = volumes.real(mine, "v")
    assert (root / "conf/x.json").read_text() == "{}"
    assert (root / "labels").read_text() == 'a="b"'
    assert (root / "token").read_text() == "secret"
    assert not (root / "y").exists()


def test_update_follows_the_source(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "pod", tmp_path / "claims")
    mine = pod(configMap={"name": "c", "defaultMode": 0o400})
    volumes.update(mine, lambda *_: {"data": {"k": "old"}}, no_token)
    volumes.update(mine, lambda *_: {"data": {"k": "new"}}, no_token)
    file = volumes.real(mine, "v") / "k"
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o400)


def test_missing_source_is_named(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "pod", tmp_path / "claims")
    message = 'MountVolume.SetUp failed for volume "v": secret "s" not found'
    with pytest.raises(ConfigError, match=message):
        volumes.update(pod(secret={"secretName": "s"}), lambda *_: None, no_token)
    volumes.update(pod(secret={"secretName": "s", "optional": True}), lambda *_: None, no_token)


def test_mounts_are_real_paths(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "pod", tmp_path / "claims")
    mounts = [{"name": "v", "mountPath": "/etc/x", "subPath": "x"}]
    mine = pod(emptyDir={"medium": "Memory"})
    assert volumes.mounts(mine, {"volumeMounts": mounts}) == {"/etc/x": f"{tmp_path}/pod/v/x"}
    claimed = pod(persistentVolumeClaim={"claimName": "data"})
    assert volumes.real(claimed, "v") == tmp_path / "claims/n_data"
