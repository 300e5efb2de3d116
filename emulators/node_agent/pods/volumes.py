"""A pod's volumes as directories, replaced atomically when their sources change."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .. import objects
from ..objects import Object
from .environment import ConfigError, Lookup, content, field_value, resource_value

Files = dict[str, tuple[bytes, int]]
RequestToken = Callable[[Object, Object], str]


def files_of(volume: Object, pod: Object, lookup: Lookup, token: RequestToken) -> Files | None:
    """What a volume made of API objects holds, as path -> (content, mode); None for other kinds.

    ``token(pod, source)`` issues a service account token. Raises ConfigError when a source is
    missing that is not optional.
    """
    for field in ("configMap", "secret", "downwardAPI", "projected"):
        if field in volume:
            source = volume[field]
            break
    else:
        return None
    mode = source.get("defaultMode", 0o644)
    parts: list[Object] = source.get("sources") or [{field: source}]
    files: Files = {}
    for part in parts:
        for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
            if field in part:
                found = content(lookup, kind, objects.namespace(pod), part[field]) or {}
                files |= keyed(found, part[field], mode)
        for item in (part.get("downwardAPI") or {}).get("items") or []:
            text = downward(item, pod, lookup)
            files[item["path"]] = (text.encode(), item.get("mode", mode))
        if "serviceAccountToken" in part:
            account = part["serviceAccountToken"]
            files[account["path"]] = (token(pod, account).encode(), mode)
    return files


def keyed(found: dict[str, bytes], source: Object, mode: int) -> Files:
    """The keys which ``items`` names, under its paths; every key without ``items``."""
    if not source.get("items"):
        return {key: (value, mode) for key, value in found.items()}
    files: Files = {}
    for item in source["items"]:
        if item["key"] in found:
            files[item["path"]] = (found[item["key"]], item.get("mode", mode))
        elif not source.get("optional"):
            raise ConfigError(f"references non-existent config key: {item['key']}")
    return files


def downward(item: Object, pod: Object, lookup: Lookup) -> str:
    """The text of one downward API item."""
    if "fieldRef" in item:
        return field_value(pod, item["fieldRef"]["fieldPath"])
    reference = item["resourceFieldRef"]
    named = (c for c in pod["spec"]["containers"] if c["name"] == reference["containerName"])
    node = lookup("Node", "", pod["spec"]["nodeName"]) or {}
    allocatable = node.get("status", {}).get("allocatable") or {}
    return resource_value(next(named), reference, allocatable)


def write(directory: Path, files: Files) -> None:
    """Make the directory hold exactly these files, all of them changing at one moment.

    As a kubelet does it: names are links through ``..data``, which a rename moves to a new copy.
    """
    directory.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    try:
        for path, (data, mode) in files.items():
            target = fresh / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            target.chmod(mode)
    except OSError:
        shutil.rmtree(fresh)
        raise
    link = directory / "..data"
    old = link.resolve() if link.is_symlink() else None
    coming = directory / "..data_tmp"
    coming.unlink(missing_ok=True)
    coming.symlink_to(fresh.name)
    coming.rename(link)
    tops = {Path(path).parts[0] for path in files}
    for top in tops:
        if not (directory / top).is_symlink():
            (directory / top).symlink_to(Path("..data", top))
    for entry in directory.iterdir():
        if not entry.name.startswith("..") and entry.name not in tops:
            entry.unlink()
    if old:
        shutil.rmtree(old)


def sources_of(pod: Object) -> list[Object]:
    """The pod's volumes made of API objects, with those which are projected taken apart."""
    found: list[Object] = []
    for volume in pod["spec"].get("volumes") or []:
        found += (volume.get("projected") or {}).get("sources") or [volume]
    return found


class Volumes:
    """The volumes of one pod below its directory."""

    def __init__(self, directory: Path, claims: Path) -> None:
        self.directory = directory
        self.claims = claims
        self._written: dict[str, Files] = {}

    def update(self, pod: Object, lookup: Lookup, token: RequestToken) -> None:
        """Write what differs from the last time; raise ConfigError when a source is missing."""
        for volume in pod["spec"].get("volumes") or []:
            name = volume["name"]
            try:
                files = files_of(volume, pod, lookup, token)
            except ConfigError as error:
                raise ConfigError(
                    f'MountVolume.SetUp failed for volume "{name}": {error}'
                ) from error
            if files is None and "hostPath" not in volume:
                self.real(pod, name).mkdir(parents=True, exist_ok=True)
            elif files is not None and files != self._written.get(name):
                write(self.real(pod, name), files)
                self._written[name] = files

    def sources(self, pod: Object, lookup: Lookup) -> list[Object | None]:
        """What the volumes are made of; equal as long as there is nothing to update."""
        where = objects.namespace(pod)
        found: list[Object | None] = [objects.labels_of(pod), objects.annotations_of(pod)]
        for part in sources_of(pod):
            for kind, field in (("ConfigMap", "configMap"), ("Secret", "secret")):
                if field in part:
                    name = part[field].get("name") or part[field].get("secretName") or ""
                    found.append(lookup(kind, where, name))
        return found

    def real(self, pod: Object, name: str) -> Path:
        """The directory of a volume."""
        volume = next(v for v in pod["spec"]["volumes"] if v["name"] == name)
        if "hostPath" in volume:
            return Path(volume["hostPath"]["path"])
        if "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            return self.claims / f"{objects.namespace(pod)}_{claim}"
        return self.directory / name

    def mounts(self, pod: Object, container: Object) -> dict[str, str]:
        """Mount path -> real path of a container."""
        return {
            mount["mountPath"]: str(self.real(pod, mount["name"]) / mount.get("subPath", ""))
            for mount in container.get("volumeMounts") or []
        }

    def remove(self) -> None:
        """Delete the pod's directory; claims stay."""
        shutil.rmtree(self.directory, ignore_errors=True)
