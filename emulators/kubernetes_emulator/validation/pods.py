"""Rules of pods and pod templates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

from ..errors import FieldError

Object = dict[str, Any]

_PORT = (1, 65535)
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SUFFIXES = {name: power for power, name in enumerate(("n", "u", "m", "", *"kMGTPE"), start=-3)}
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_ERROR = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
    f"used for validation is '{_LABEL}')"
)

POD_ENUMS: dict[tuple[str, str], tuple[str, ...]] = {
    ("PodSpec", "restartPolicy"): ("Always", "Never", "OnFailure"),
    ("PodSpec", "dnsPolicy"): ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
    ("PodSpec", "preemptionPolicy"): ("Never", "PreemptLowerPriority"),
    ("Container", "imagePullPolicy"): ("Always", "IfNotPresent", "Never"),
    ("Container", "terminationMessagePolicy"): ("FallbackToLogsOnError", "File"),
    ("ContainerPort", "protocol"): _PROTOCOLS,
    ("HTTPGetAction", "scheme"): ("HTTP", "HTTPS"),
    ("Toleration", "effect"): ("NoExecute", "NoSchedule", "PreferNoSchedule"),
    ("Toleration", "operator"): ("Equal", "Exists"),
    ("Taint", "effect"): ("NoExecute", "NoSchedule", "PreferNoSchedule"),
    ("NodeSelectorRequirement", "operator"): ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn"),
    ("TopologySpreadConstraint", "whenUnsatisfiable"): ("DoNotSchedule", "ScheduleAnyway"),
    ("SeccompProfile", "type"): ("Localhost", "RuntimeDefault", "Unconfined"),
}
POD_RANGES: dict[tuple[str, str], tuple[int, int | None]] = {
    ("ContainerPort", "hostPort"): _PORT,
    ("HTTPGetAction", "port"): _PORT,
    ("TCPSocketAction", "port"): _PORT,
    ("GRPCAction", "port"): _PORT,
    ("PodSpec", "terminationGracePeriodSeconds"): (0, None),
    ("PodSpec", "activeDeadlineSeconds"): (1, 2147483647),
    ("Probe", "initialDelaySeconds"): (0, None),
    ("Probe", "timeoutSeconds"): (0, None),
    ("Probe", "periodSeconds"): (0, None),
    ("Probe", "successThreshold"): (0, None),
    ("Probe", "failureThreshold"): (0, None),
    ("TopologySpreadConstraint", "maxSkew"): (1, None),
}


def quantity(text: Any) -> Fraction:
    """Return the value of a resource quantity such as `500m`, `2Gi` or `1e3`."""
    match = re.fullmatch(r"([+-]?[\d.]+)([a-zA-Z]*)([+-]?\d*)", str(text))
    if not match:
        raise ValueError(f"{text} is not a quantity")
    number, suffix, exponent = Fraction(match[1]), match[2], match[3]
    if suffix.endswith("i"):
        return number * Fraction(1024) ** _SUFFIXES[suffix[0].replace("K", "k")]
    if suffix in ("e", "E") and exponent:
        return number * Fraction(10) ** int(exponent)
    return number * Fraction(1000) ** _SUFFIXES[suffix]


def _pod_spec(spec: Object, path: str) -> Iterator[FieldError]:
    volumes = [volume.get("name") for volume in spec.get("volumes", [])]
    yield from _unique(volumes, f"{path}.volumes", "name")
    for index, volume in enumerate(spec.get("volumes", [])):
        if len(set(volume) - {"name"}) > 1:
            extra = sorted(set(volume) - {"name"})[1]
            detail = "may not specify more than 1 volume type"
            yield FieldError.forbidden(f"{path}.volumes[{index}].{extra}", detail)
    names: list[str] = []
    for group in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(group, [])):
            where = f"{path}.{group}[{index}]"
            name = container.get("name", "")
            if name in names:
                yield FieldError.duplicate(f"{where}.name", name)
            elif name and not re.fullmatch(_LABEL, name):
                yield FieldError.invalid(f"{where}.name", name, _LABEL_ERROR)
            names.append(name)
            yield from _container(container, where, volumes, init=group == "initContainers")
    for index, toleration in enumerate(spec.get("tolerations", [])):
        yield from _toleration(toleration, f"{path}.tolerations[{index}]")


def _container(
    container: Object, path: str, volumes: list[str | None], init: bool
) -> Iterator[FieldError]:
    if not container.get("image"):
        yield FieldError.required(f"{path}.image")
    names = [port.get("name") for port in container.get("ports", [])]
    yield from _unique([name for name in names if name], f"{path}.ports", "name")
    for index, port in enumerate(container.get("ports", [])):
        number = port.get("containerPort")
        if not number:
            yield FieldError.required(f"{path}.ports[{index}].containerPort")
        elif not 1 <= number <= 65535:
            detail = "must be between 1 and 65535, inclusive"
            yield FieldError.invalid(f"{path}.ports[{index}].containerPort", number, detail)
        yield from _port_name(port.get("name", ""), f"{path}.ports[{index}].name")
    for index, variable in enumerate(container.get("env", [])):
        where = f"{path}.env[{index}]"
        if variable.get("value") and variable.get("valueFrom"):
            detail = "may not be specified when `value` is not empty"
            yield FieldError.invalid(f"{where}.valueFrom", "", detail)
        if not re.fullmatch(r"[ -<>-~]*", variable.get("name", "")):
            detail = (
                "a valid environment variable name must consist only of printable ASCII "
                "characters other than '='"
            )
            yield FieldError.invalid(f"{where}.name", variable["name"], detail)
    paths: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts", [])):
        where = f"{path}.volumeMounts[{index}]"
        if mount.get("name") and mount["name"] not in volumes:
            yield FieldError.absent(f"{where}.name", mount["name"])
        if mount.get("mountPath") in paths:
            yield FieldError.invalid(f"{where}.mountPath", mount["mountPath"], "must be unique")
        paths.add(mount.get("mountPath", ""))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if name in container:
            if init and container.get("restartPolicy") != "Always":
                detail = "may not be set for init containers without restartPolicy=Always"
                yield FieldError.forbidden(f"{path}.{name}", detail)
            yield from _probe(container[name], f"{path}.{name}", name)


def _probe(probe: Object, path: str, name: str) -> Iterator[FieldError]:
    handlers = [handler for handler in _HANDLERS if handler in probe]
    if not handlers:
        yield FieldError.required(path, "must specify a handler type")
    for extra in handlers[1:]:
        detail = "may not specify more than 1 handler type"
        yield FieldError.forbidden(f"{path}.{extra}", detail)
    if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        yield FieldError.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def _port_name(name: str, path: str) -> Iterator[FieldError]:
    if not name:
        return
    checks = (
        (len(name) <= 15, "must be no more than 15 characters"),
        (
            re.fullmatch("[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (re.search("[a-z]", name), "must contain at least one letter (a-z)"),
        ("--" not in name, "must not contain consecutive hyphens"),
        (name.strip("-") == name, "must not begin or end with a hyphen"),
    )
    for holds, detail in checks:
        if not holds:
            yield FieldError.invalid(path, name, detail)


def _toleration(toleration: Object, path: str) -> Iterator[FieldError]:
    operator = toleration.get("operator", "Equal")
    if not toleration.get("key") and operator != "Exists":
        detail = (
            "operator must be Exists when `key` is empty, which means "
            '"match all values and all keys"'
        )
        yield FieldError.invalid(f"{path}.operator", toleration.get("operator", ""), detail)
    if operator == "Exists" and toleration.get("value"):
        detail = "value must be empty when `operator` is 'Exists'"
        yield FieldError.invalid(f"{path}.operator", toleration["value"], detail)
    if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield FieldError.invalid(f"{path}.effect", toleration.get("effect", ""), detail)


def _resources(item: Object, path: str) -> Iterator[FieldError]:
    requests, limits = item.get("requests") or {}, item.get("limits") or {}
    for group, values in (("limits", limits), ("requests", requests)):
        for name, value in values.items():
            where = f"{path}.{group}[{name}]"
            if quantity(value) < 0:
                yield FieldError.invalid(where, str(value), "must be greater than or equal to 0")
            elif "/" in name and quantity(value).denominator != 1:
                yield FieldError.invalid(where, str(value), "must be an integer")
    for name, value in requests.items():
        if name not in limits:
            if "/" in name:
                detail = "Limit must be set for non overcommitable resources"
                yield FieldError.required(f"{path}.limits", detail)
        elif "/" in name and quantity(value) != quantity(limits[name]):
            detail = f"must be equal to {name} limit of {limits[name]}"
            yield FieldError.invalid(f"{path}.requests", str(value), detail)
        elif quantity(value) > quantity(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield FieldError.invalid(f"{path}.requests", str(value), detail)


def _unique(names: list[Any], path: str, field: str) -> Iterator[FieldError]:
    for index, name in enumerate(names):
        if name and name in names[:index]:
            yield FieldError.duplicate(f"{path}[{index}].{field}", name)


POD_RULES: dict[str, Callable[[Object, str], Iterable[FieldError]]] = {
    "PodSpec": _pod_spec,
    "ResourceRequirements": _resources,
}
