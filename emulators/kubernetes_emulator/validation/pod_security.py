"""The admission plugin PodSecurity: the levels `baseline` and `restricted` of a namespace's labels.

Not checked: AppArmor, SELinux, procMount, sysctls and Windows host processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
# What is wrong, and where: `hostPort`, `container "a" uses hostPort 80`.
Violation = tuple[str, str]

_LABEL = "pod-security.kubernetes.io/"
_HOST_NAMESPACES = ("hostNetwork", "hostPID", "hostIPC")
_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
_RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(spec: Object, namespace: Object, mode: str) -> str:
    """Return how a pod spec violates the level for `mode` (enforce or warn); empty if it does not.

    Without a level of its own, `warn` has that of `enforce`.
    """
    labels = namespace["metadata"].get("labels") or {}
    enforced = labels.get(_LABEL + "enforce", "privileged")
    level = labels.get(_LABEL + mode, enforced if mode == "warn" else "privileged")
    version = labels.get(f"{_LABEL}{mode}-version", "latest")
    found: list[Violation] = []
    if level in ("baseline", "restricted"):
        found += _baseline(spec, level == "restricted")
    if level == "restricted":
        found += _restricted(spec)
    if not found:
        return ""
    details = ", ".join(f"{reason} ({detail})" for reason, detail in found)
    return f'PodSecurity "{level}:{version}": {details}'


def _baseline(spec: Object, restricted: bool) -> Iterator[Violation]:
    """Yield violations of the baseline level that the restricted one does not cover itself."""
    shared = [f"{name}=true" for name in _HOST_NAMESPACES if spec.get(name)]
    if shared:
        yield "host namespaces", ", ".join(shared)
    paths = [volume["name"] for volume in spec.get("volumes", []) if "hostPath" in volume]
    if paths and not restricted:
        yield "hostPath volumes", _named("volume", paths)
    ports = {
        container["name"]: [
            port["hostPort"] for port in container.get("ports", []) if "hostPort" in port
        ]
        for container in _containers(spec)
    }
    if using := [name for name, numbers in ports.items() if numbers]:
        numbers = sorted({str(number) for used in ports.values() for number in used})
        verb, noun = "use" + "s" * (len(using) == 1), "hostPort" + "s" * (len(numbers) > 1)
        yield "hostPort", f"{_named('container', using)} {verb} {noun} {', '.join(numbers)}"
    if names := _where(spec, lambda context: context.get("privileged")):
        yield (
            "privileged",
            f"{_named('container', names)} must not set securityContext.privileged=true",
        )
    if not restricted:
        yield from _added_capabilities(spec, _BASELINE_CAPABILITIES, "non-default capabilities")


def _restricted(spec: Object) -> Iterator[Violation]:
    pod = spec.get("securityContext") or {}
    if names := _where(spec, lambda c: c.get("allowPrivilegeEscalation") is not False):
        yield (
            "allowPrivilegeEscalation != false",
            f"{_named('container', names)} must set securityContext.allowPrivilegeEscalation=false",
        )
    if names := _where(spec, lambda c: "ALL" not in (c.get("capabilities") or {}).get("drop", [])):
        yield (
            "unrestricted capabilities",
            f'{_named("container", names)} must set securityContext.capabilities.drop=["ALL"]',
        )
    yield from _added_capabilities(spec, {"NET_BIND_SERVICE"}, "unrestricted capabilities")
    used = {
        volume["name"]: sorted(set(volume) - {"name"} - _RESTRICTED_VOLUMES)
        for volume in spec.get("volumes", [])
    }
    if names := [name for name, kinds in used.items() if kinds]:
        kinds = sorted({kind for found in used.values() for kind in found})
        verb = "use" + "s" * (len(names) == 1)
        noun = "restricted volume type" + "s" * (len(kinds) > 1)
        yield "restricted volume types", f"{_named('volume', names)} {verb} {noun} {_quoted(kinds)}"
    if names := _where(spec, lambda c: not c.get("runAsNonRoot", pod.get("runAsNonRoot"))):
        yield (
            "runAsNonRoot != true",
            f"pod or {_named('container', names)} must set securityContext.runAsNonRoot=true",
        )
    setters = ["pod"] if pod.get("runAsUser") == 0 else []
    if names := _where(spec, lambda context: context.get("runAsUser") == 0):
        setters.append(_named("container", names))
    if setters:
        yield "runAsUser=0", f"{' and '.join(setters)} must not set runAsUser=0"
    if names := _where(spec, lambda context: not _has_seccomp(context, pod)):
        yield (
            "seccompProfile",
            f"pod or {_named('container', names)} must set securityContext.seccompProfile.type to "
            '"RuntimeDefault" or "Localhost"',
        )


def _added_capabilities(spec: Object, allowed: set[str], reason: str) -> Iterator[Violation]:
    added = {
        container["name"]: set(_context(container).get("capabilities", {}).get("add", [])) - allowed
        for container in _containers(spec)
    }
    if names := [name for name, extra in added.items() if extra]:
        extra = sorted(set().union(*added.values()))
        where = "securityContext.capabilities.add"
        yield reason, f"{_named('container', names)} must not include {_quoted(extra)} in {where}"


def _has_seccomp(context: Object, pod: Object) -> bool:
    profile = context.get("seccompProfile") or pod.get("seccompProfile") or {}
    return profile.get("type") in ("RuntimeDefault", "Localhost")


def _containers(spec: Object) -> list[Object]:
    return spec.get("initContainers", []) + spec.get("containers", [])


def _context(container: Object) -> Object:
    return container.get("securityContext") or {}


def _where(spec: Object, test: Any) -> list[str]:
    """Return the names of the containers whose securityContext passes a test."""
    return [item["name"] for item in _containers(spec) if test(_context(item))]


def _quoted(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _named(noun: str, names: list[str]) -> str:
    return f"{noun}{'s' * (len(names) > 1)} {_quoted(names)}"
