"""Rules of objects, with the wording of kube-apiserver.

One walk along the schema checks every definition it meets: what is required, the values of
enumerations, ranges of numbers, and the rules of the definition in `RULES`. What may not be
changed later is checked on the top level, in `check_update`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .. import schema
from ..errors import FieldError, invalid
from ..resources import Resource
from ..schema import Schema
from ..storage.selectors import matches
from . import custom
from .pods import POD_ENUMS, POD_RANGES, POD_RULES

Object = dict[str, Any]
Rule = Callable[[Object, str], Iterable[FieldError]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_NAME_RULES = {
    "subdomain": (
        _SUBDOMAIN,
        253,
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "
        f"regex used for validation is '{_SUBDOMAIN}')",
    ),
    "label": (
        _LABEL,
        63,
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        "and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "
        f"regex used for validation is '{_LABEL}')",
    ),
    "label-1035": (
        _LABEL_1035,
        63,
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "
        "an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "
        f"'abc-123', regex used for validation is '{_LABEL_1035}')",
    ),
}
_LABEL_VALUE_ERROR = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',"
    f"  or '12345', regex used for validation is '({_QUALIFIED})?')"
)
_NAME_PART_ERROR = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end "
    "with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    f"validation is '{_QUALIFIED}')"
)
_CONFIG_KEY_ERROR = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "
    "'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "
    "'[-._a-zA-Z0-9]+')"
)
_IMMUTABLE = "field is immutable"
_WHEN_IMMUTABLE = "field is immutable when `immutable` is set"

# Required by the published schemas, yet accepted when empty.
_MAY_BE_EMPTY = {
    ("EndpointSlice", "endpoints"),
    ("Event", "eventTime"),
    ("CSINodeSpec", "drivers"),
    ("EnvVar", "value"),
    ("HTTPHeader", "value"),
    ("Sysctl", "value"),
}
_ENUMS: dict[tuple[str, str], tuple[str, ...]] = POD_ENUMS | {
    ("DeploymentStrategy", "type"): ("Recreate", "RollingUpdate"),
    ("DaemonSetUpdateStrategy", "type"): ("OnDelete", "RollingUpdate"),
    ("StatefulSetUpdateStrategy", "type"): ("OnDelete", "RollingUpdate"),
    ("StatefulSetSpec", "podManagementPolicy"): ("OrderedReady", "Parallel"),
    ("JobSpec", "completionMode"): ("Indexed", "NonIndexed"),
    ("ServiceSpec", "type"): ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort"),
    ("ServiceSpec", "sessionAffinity"): ("ClientIP", "None"),
    ("ServiceSpec", "externalTrafficPolicy"): ("Cluster", "Local"),
    ("ServiceSpec", "internalTrafficPolicy"): ("Cluster", "Local"),
    ("ServicePort", "protocol"): ("SCTP", "TCP", "UDP"),
    ("LabelSelectorRequirement", "operator"): ("DoesNotExist", "Exists", "In", "NotIn"),
    ("PersistentVolumeClaimSpec", "volumeMode"): ("Block", "Filesystem"),
    ("PriorityClass", "preemptionPolicy"): ("Never", "PreemptLowerPriority"),
    ("NetworkPolicyPort", "protocol"): ("SCTP", "TCP", "UDP"),
    ("RoleRef", "apiGroup"): ("rbac.authorization.k8s.io",),
    ("CustomResourceDefinitionSpec", "scope"): ("Cluster", "Namespaced"),
}
_PORT = (1, 65535)
_RANGES: dict[tuple[str, str], tuple[int, int | None]] = POD_RANGES | {
    ("ServicePort", "port"): _PORT,
    ("DeploymentSpec", "replicas"): (0, None),
    ("DeploymentSpec", "revisionHistoryLimit"): (0, None),
    ("DeploymentSpec", "minReadySeconds"): (0, None),
    ("ReplicaSetSpec", "replicas"): (0, None),
    ("StatefulSetSpec", "replicas"): (0, None),
    ("JobSpec", "parallelism"): (0, None),
    ("JobSpec", "completions"): (0, None),
    ("JobSpec", "backoffLimit"): (0, None),
    ("HorizontalPodAutoscalerSpec", "minReplicas"): (1, None),
}


def check_create(resource: Resource, item: Object) -> None:
    """Raise ApiError 422 when a new object breaks a rule."""
    name = item["metadata"]["name"]
    errors = [*_check_name(resource, name), *_check(resource, item)]
    if errors:
        raise invalid(resource, name, errors)


def check_update(resource: Resource, old: Object, new: Object, subresource: str) -> None:
    """Raise ApiError 422 when a changed object breaks a rule."""
    errors = [] if subresource in ("status", "binding") else list(_check(resource, new))
    if not resource.is_custom:
        errors += _UPDATE_RULES.get(resource.kind, lambda *_: [])(old, new)
    if errors:
        raise invalid(resource, old["metadata"]["name"], errors)


def _check(resource: Resource, item: Object) -> Iterator[FieldError]:
    yield from _object_meta(item["metadata"], "metadata")
    if resource.custom_schema is not None:
        yield from custom.check(item, resource.custom_schema)
        return
    node = schema.resolve(resource.schema)
    # Checked above; some kinds, such as Event, say themselves that they require it.
    rest = {key: value for key, value in item.items() if key != "status"} | {"metadata": {}}
    yield from _walk(rest, node, "", resource.kind)
    yield from RULES.get(resource.kind, lambda *_: [])(item, "")


def _walk(value: Any, node: Schema, path: str, struct: str) -> Iterator[FieldError]:
    """Yield the errors of a value and of everything in it; `struct` names its definition."""
    if isinstance(value, list):
        items = node.get("items", {})
        for index, item in enumerate(value):
            where = f"{path}[{index}]"
            yield from _walk(item, schema.resolve(items), where, schema.struct_name(items))
    if not isinstance(value, dict):
        return
    for name in node.get("required", []):
        kind = schema.resolve(node["properties"][name]).get("type")
        may_be_empty = (struct, name) in _MAY_BE_EMPTY or kind in ("integer", "boolean")
        absent = value.get(name) in (None, "", []) and not (kind == "object" and name in value)
        if absent and not may_be_empty:
            yield FieldError.required(_join(path, name))
    for name, item in value.items():
        where = _join(path, name)
        if (allowed := _ENUMS.get((struct, name))) and item and item not in allowed:
            yield FieldError.unsupported(where, item, allowed)
        if limits := _RANGES.get((struct, name)):
            yield from _in_range(item, limits, where)
        child = schema.field(node, name) or {}
        yield from _walk(item, schema.resolve(child), where, schema.struct_name(child))
    if path:
        yield from RULES.get(struct, lambda *_: [])(value, path)


def _in_range(value: Any, limits: tuple[int, int | None], path: str) -> Iterator[FieldError]:
    low, high = limits
    if not isinstance(value, int) or low <= value <= (value if high is None else high):
        return
    if high is None:
        detail = f"must be greater than or equal to {low}"
    else:
        detail = f"must be between {low} and {high}, inclusive"
    yield FieldError.invalid(path, value, detail)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Metadata ---------------------------------------------------------------------------------------


def _check_name(resource: Resource, name: str) -> Iterator[FieldError]:
    rule = {"Namespace": "label", "Service": "label-1035"}.get(resource.kind, "subdomain")
    if resource.group == "rbac.authorization.k8s.io":
        if name in (".", "..") or "/" in name or "%" in name:
            yield FieldError.invalid("metadata.name", name, "may not contain '/' or '%'")
        return
    pattern, length, message = _NAME_RULES[rule]
    if len(name) > length:
        too_long = f"must be no more than {length} characters"
        yield FieldError.invalid("metadata.name", name, too_long)
    elif rule == "label" and "." in name:
        yield FieldError.invalid("metadata.name", name, "must not contain dots")
    elif not re.fullmatch(pattern, name):
        yield FieldError.invalid("metadata.name", name, message)


def _object_meta(meta: Object, path: str) -> Iterator[FieldError]:
    for key, value in (meta.get("labels") or {}).items():
        yield from _qualified_name(key, f"{path}.labels")
        if len(value) > 63:
            detail = "must be no more than 63 characters"
            yield FieldError.invalid(f"{path}.labels", value, detail)
        elif not re.fullmatch(f"({_QUALIFIED})?", value):
            yield FieldError.invalid(f"{path}.labels", value, _LABEL_VALUE_ERROR)
    annotations = meta.get("annotations") or {}
    for key in annotations:
        yield from _qualified_name(key.lower(), f"{path}.annotations")
    if sum(len(key) + len(value) for key, value in annotations.items()) > 1 << 18:
        message = "Too long: may not be more than 262144 bytes"
        yield FieldError(f"{path}.annotations", message, "FieldValueTooLong")
    for owner in meta.get("ownerReferences") or []:
        for name in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(name):
                yield FieldError.invalid(f"{path}.ownerReferences.{name}", "", "must not be empty")


def _qualified_name(key: str, path: str) -> Iterator[FieldError]:
    prefix, slash, name = key.rpartition("/")
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        yield FieldError.invalid(path, key, f"prefix part {_NAME_RULES['subdomain'][2]}")
    if len(name) > 63:
        yield FieldError.invalid(path, key, "name part must be no more than 63 characters")
    elif not re.fullmatch(_QUALIFIED, name):
        yield FieldError.invalid(path, key, _NAME_PART_ERROR)


# Rules of definitions ---------------------------------------------------------------------------


def _selected_template(spec: Object, path: str) -> Iterator[FieldError]:
    """A controller's selector must select the pods of its template."""
    template = spec.get("template", {})
    labels = template.get("metadata", {}).get("labels") or {}
    if "selector" in spec and not (
        spec["selector"].get("matchLabels") or spec["selector"].get("matchExpressions")
    ):
        detail = "empty selector is invalid for deployment"
        yield FieldError.invalid(f"{path}.selector", spec["selector"], detail)
    elif not matches(spec.get("selector"), labels):
        detail = "`selector` does not match template `labels`"
        yield FieldError.invalid(f"{path}.template.metadata.labels", labels, detail)
    policy = template.get("spec", {}).get("restartPolicy", "Always")
    if policy != "Always":
        where = f"{path}.template.spec.restartPolicy"
        yield FieldError.unsupported(where, policy, ("Always",))


def _job_spec(spec: Object, path: str) -> Iterator[FieldError]:
    policy = spec.get("template", {}).get("spec", {}).get("restartPolicy")
    if policy == "Always":
        where = f"{path}.template.spec.restartPolicy"
        yield FieldError.required(where, 'valid values: "OnFailure", "Never"')


def _service_spec(spec: Object, path: str) -> Iterator[FieldError]:
    ports = spec.get("ports", [])
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield FieldError.required(f"{path}.ports")
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield FieldError.required(f"{path}.externalName")
    seen: set[Any] = set()
    for index, port in enumerate(ports):
        where = f"{path}.ports[{index}]"
        name = port.get("name", "")
        if not name and len(ports) > 1:
            yield FieldError.required(f"{where}.name")
        elif name and name in seen:
            yield FieldError.duplicate(f"{where}.name", name)
        elif name and not re.fullmatch(_LABEL, name):
            yield FieldError.invalid(f"{where}.name", name, _NAME_RULES["label"][2])
        pair = {"port": port.get("port"), "protocol": port.get("protocol")}
        if tuple(pair.values()) in seen:
            yield FieldError.duplicate(where, pair)
        if "port" not in port:
            yield FieldError.invalid(f"{where}.port", 0, "must be between 1 and 65535, inclusive")
        seen |= {name, tuple(pair.values())} - {""}
        if (node_port := port.get("nodePort")) and not 30000 <= node_port <= 32767:
            detail = (
                "provided port is not in the valid range. The range of valid ports is 30000-32767"
            )
            yield FieldError.invalid(f"{where}.nodePort", node_port, detail)


def _autoscaler_spec(spec: Object, path: str) -> Iterator[FieldError]:
    most, least = spec.get("maxReplicas", 0), spec.get("minReplicas", 1)
    if most < 1:
        yield FieldError.invalid(f"{path}.maxReplicas", most, "must be greater than 0")
    elif most < least:
        detail = "must be greater than or equal to `minReplicas`"
        yield FieldError.invalid(f"{path}.maxReplicas", most, detail)


def _budget_spec(spec: Object, path: str) -> Iterator[FieldError]:
    if "minAvailable" in spec and "maxUnavailable" in spec:
        detail = "minAvailable and maxUnavailable cannot be both set"
        yield FieldError.invalid(path, spec, detail)


def _claim_spec(spec: Object, path: str) -> Iterator[FieldError]:
    if not spec.get("accessModes"):
        yield FieldError.required(f"{path}.accessModes", "at least 1 access mode is required")
    if "storage" not in spec.get("resources", {}).get("requests", {}):
        yield FieldError.required(f"{path}.resources[storage]")


def _config_keys(item: Object, _: str) -> Iterator[FieldError]:
    for group in ("data", "binaryData"):
        for key in item.get(group) or {}:
            if not re.fullmatch("[-._a-zA-Z0-9]+", key):
                yield FieldError.invalid(f"{group}[{key}]", key, _CONFIG_KEY_ERROR)
    size = sum(len(v) for group in ("data", "binaryData") for v in (item.get(group) or {}).values())
    if size > 4 << 18:
        message = "Too long: may not be more than 1048576 bytes"
        yield FieldError("", message, "FieldValueTooLong")


def _policy_rule(rule: Object, path: str) -> Iterator[FieldError]:
    if rule.get("nonResourceURLs"):
        return
    for name, detail in (
        ("apiGroups", "resource rules must supply at least one api group"),
        ("resources", "resource rules must supply at least one resource"),
    ):
        if not rule.get(name):
            yield FieldError.required(f"{path}.{name}", detail)


def _crd(crd: Object, _: str) -> Iterator[FieldError]:
    spec = crd["spec"]
    wanted = f"{spec.get('names', {}).get('plural', '')}.{spec.get('group', '')}"
    if crd["metadata"]["name"] != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        yield FieldError.invalid("metadata.name", crd["metadata"]["name"], detail)
    versions = spec.get("versions", [])
    if sum(bool(version.get("storage")) for version in versions) != 1:
        names = [version.get("name") for version in versions]
        detail = "must have exactly one version marked as storage version"
        yield FieldError.invalid("spec.versions", names, detail)
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}].schema.openAPIV3Schema"
        declared = version.get("schema", {}).get("openAPIV3Schema")
        if declared is None:
            yield FieldError.required(where, "schemas are required")
        elif not declared.get("type"):
            yield FieldError.required(f"{where}.type", "must not be empty at the root")


RULES: dict[str, Rule] = POD_RULES | {
    "ObjectMeta": _object_meta,
    "DeploymentSpec": _selected_template,
    "ReplicaSetSpec": _selected_template,
    "StatefulSetSpec": _selected_template,
    "DaemonSetSpec": _selected_template,
    "JobSpec": _job_spec,
    "ServiceSpec": _service_spec,
    "HorizontalPodAutoscalerSpec": _autoscaler_spec,
    "PodDisruptionBudgetSpec": _budget_spec,
    "PersistentVolumeClaimSpec": _claim_spec,
    "ConfigMap": _config_keys,
    "Secret": _config_keys,
    "PolicyRule": _policy_rule,
    "CustomResourceDefinition": _crd,
}


# What may not change ----------------------------------------------------------------------------


def _immutable(*paths: str) -> Callable[[Object, Object], list[FieldError]]:
    """Return the rule that the values at some paths stay as they are."""

    def check(old: Object, new: Object) -> list[FieldError]:
        return [
            FieldError.invalid(path, _at(new, path), _IMMUTABLE)
            for path in paths
            if _at(old, path) != _at(new, path)
        ]

    return check


def _at(item: Any, path: str) -> Any:
    for word in path.split("."):
        item = item.get(word) if isinstance(item, dict) else None
    return item


def _config_update(old: Object, new: Object) -> list[FieldError]:
    errors = []
    if old.get("type") != new.get("type"):
        errors.append(FieldError.invalid("type", new.get("type"), _IMMUTABLE))
    if old.get("immutable"):
        errors += [
            FieldError.forbidden(name, _WHEN_IMMUTABLE)
            for name in ("immutable", "data", "binaryData")
            if old.get(name) != new.get(name)
        ]
    return errors


def _service_update(old: Object, new: Object) -> list[FieldError]:
    was, now = old["spec"].get("clusterIP"), new["spec"].get("clusterIP")
    if not was or "ExternalName" in (old["spec"]["type"], new["spec"]["type"]) or was == now:
        return []
    return [FieldError.invalid("spec.clusterIPs[0]", [now], "may not change once set")]


def _stateful_set_update(old: Object, new: Object) -> list[FieldError]:
    mutable = (
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    )
    if _without(old["spec"], mutable) == _without(new["spec"], mutable):
        return []
    names = ", ".join(f"'{name}'" for name in mutable[:-1])
    detail = (
        f"updates to statefulset spec for fields other than {names} and '{mutable[-1]}' "
        "are forbidden"
    )
    return [FieldError.forbidden("spec", detail)]


def _pod_update(old: Object, new: Object) -> list[FieldError]:
    mutable = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName")

    def fixed(spec: Object) -> Object:
        groups = {
            name: [_without(container, ("image",)) for container in spec.get(name, [])]
            for name in ("containers", "initContainers")
        }
        return _without(spec, mutable) | groups

    kept = new["spec"].get("tolerations", [])
    added_only = all(toleration in kept for toleration in old["spec"].get("tolerations", []))
    if fixed(old["spec"]) == fixed(new["spec"]) and added_only:
        return []
    detail = (
        "pod updates may not change fields other than `spec.containers[*].image`,"
        "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only "
        "additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be "
        "set to 1 if it was previously negative)"
    )
    return [FieldError.forbidden("spec", detail)]


def _claim_update(old: Object, new: Object) -> list[FieldError]:
    mutable = ("resources", "volumeAttributesClassName", "volumeName")
    if _without(old["spec"], mutable) == _without(new["spec"], mutable):
        return []
    detail = (
        "spec is immutable after creation except resources.requests and "
        "volumeAttributesClassName for bound claims"
    )
    return [FieldError.forbidden("spec", detail)]


def _role_ref_update(old: Object, new: Object) -> list[FieldError]:
    if old["roleRef"] == new["roleRef"]:
        return []
    return [FieldError.invalid("roleRef", new["roleRef"], "cannot change roleRef")]


def _forbidden_updates(text: str, *names: str) -> Callable[[Object, Object], list[FieldError]]:
    def check(old: Object, new: Object) -> list[FieldError]:
        changed = [name for name in names if old.get(name) != new.get(name)]
        return [FieldError.forbidden(name, text.format(name)) for name in changed]

    return check


def _without(item: Object, names: tuple[str, ...]) -> Object:
    return {key: value for key, value in item.items() if key not in names}


_UPDATE_RULES: dict[str, Callable[[Object, Object], list[FieldError]]] = {
    "Deployment": _immutable("spec.selector"),
    "ReplicaSet": _immutable("spec.selector"),
    "DaemonSet": _immutable("spec.selector"),
    "StatefulSet": _stateful_set_update,
    "Job": _immutable("spec.template", "spec.selector", "spec.completionMode"),
    "Pod": _pod_update,
    "Service": _service_update,
    "ConfigMap": _config_update,
    "Secret": _config_update,
    "PersistentVolumeClaim": _claim_update,
    "RoleBinding": _role_ref_update,
    "ClusterRoleBinding": _role_ref_update,
    "PriorityClass": _forbidden_updates("may not be changed in an update.", "value"),
    "CustomResourceDefinition": _immutable(
        "spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"
    ),
}
