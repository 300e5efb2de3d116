"""The resources that are served, built-in and custom, and the discovery documents of them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from . import schema
from .schema import Schema

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

# Per group version: plural, kind, scope (Namespaced or Cluster), short names, subresources,
# categories; `-` for none.
_BUILT_IN = """
v1
  configmaps                   ConfigMap                  N cm
  endpoints                    Endpoints                  N ep
  events                       Event                      N ev
  namespaces                   Namespace                  C ns status,finalize
  nodes                        Node                       C no status
  persistentvolumeclaims       PersistentVolumeClaim      N pvc status
  pods                         Pod                        N po binding,eviction,log,status all
  secrets                      Secret                     N
  serviceaccounts              ServiceAccount             N sa
  services                     Service                    N svc status all
apiextensions.k8s.io/v1
  customresourcedefinitions    CustomResourceDefinition   C crd,crds status api-extensions
apps/v1
  daemonsets                   DaemonSet                  N ds status all
  deployments                  Deployment                 N deploy status,scale all
  replicasets                  ReplicaSet                 N rs status,scale all
  statefulsets                 StatefulSet                N sts status,scale all
autoscaling/v2
  horizontalpodautoscalers     HorizontalPodAutoscaler    N hpa status all
batch/v1
  jobs                         Job                        N - status all
discovery.k8s.io/v1
  endpointslices               EndpointSlice              N
networking.k8s.io/v1
  networkpolicies              NetworkPolicy              N netpol
policy/v1
  poddisruptionbudgets         PodDisruptionBudget        N pdb status
rbac.authorization.k8s.io/v1
  clusterrolebindings          ClusterRoleBinding         C
  clusterroles                 ClusterRole                C
  rolebindings                 RoleBinding                N
  roles                        Role                       N
scheduling.k8s.io/v1
  priorityclasses              PriorityClass              C pc
"""

# Kinds of the bodies that a subresource takes, where it is not the parent's kind.
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "eviction": ("policy", "v1", "Eviction"),
}
_SUBRESOURCE_VERBS = {
    "status": ("get", "patch", "update"),
    "scale": ("get", "patch", "update"),
    "finalize": ("update",),
    "binding": ("create",),
    "eviction": ("create",),
    "log": ("get",),
}


@dataclass(frozen=True)
class Resource:
    """One served resource in one version."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = VERBS
    singular: str = ""
    # Custom resources only: the schema of the version, and the version's entry in the CRD.
    custom_schema: Schema | None = field(default=None, compare=False, hash=False)
    crd_version: dict[str, Any] | None = field(default=None, compare=False, hash=False)

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """`pods` or `deployments.apps`, as in error messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def key(self) -> tuple[str, str]:
        """The storage key: all versions of a resource share their objects."""
        return (self.group, self.plural)

    @property
    def schema(self) -> Schema:
        """The OpenAPI schema of the kind."""
        if self.custom_schema is not None:
            return self.custom_schema
        return schema.of_kind(self.group, self.version, self.kind)

    @property
    def is_custom(self) -> bool:
        """Whether a CustomResourceDefinition declares this resource."""
        return self.crd_version is not None


def _parse(table: str) -> list[Resource]:
    rows = []
    group, version = "", ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            group, _, version = line.rpartition("/")
            continue
        plural, kind, scope, *rest = line.split()
        lists = [() if word == "-" else tuple(word.split(",")) for word in rest]
        kept = tuple(v for v in VERBS if (plural, v) != ("namespaces", "deletecollection"))
        short_names, subresources, categories = [*lists, (), (), ()][:3]
        rows.append(
            Resource(
                group,
                version,
                plural,
                kind,
                scope == "N",
                short_names,
                subresources,
                categories,
                kept,
                kind.lower(),
            )
        )
    return rows


class Registry:
    """All served resources; those of CustomResourceDefinitions come and go."""

    def __init__(self) -> None:
        self._resources = {
            (item.group, item.version, item.plural): item for item in _parse(_BUILT_IN)
        }

    def all(self) -> list[Resource]:
        """Return every resource of every version."""
        return list(self._resources.values())

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """Return the resource at a path, if it is served."""
        return self._resources.get((group, version, plural))

    def stored(self) -> list[Resource]:
        """Return one version of every resource that has objects."""
        unique = {item.key: item for item in self.all() if "list" in item.verbs}
        return list(unique.values())

    def put_custom(self, group: str, plural: str, versions: list[Resource]) -> None:
        """Replace the served versions of a custom resource; none removes it."""
        kept = {k: r for k, r in self._resources.items() if r.key != (group, plural)}
        self._resources = kept | {(r.group, r.version, r.plural): r for r in versions}

    # Discovery -----------------------------------------------------------------------------

    def group_versions(self) -> dict[str, list[str]]:
        """Return the versions of every named group."""
        found: dict[str, list[str]] = {}
        for item in self.all():
            if item.group and item.version not in found.setdefault(item.group, []):
                found[item.group].append(item.version)
        return found

    def in_version(self, group: str, version: str) -> list[Resource]:
        """Return the resources of a group version."""
        return [r for r in self.all() if (r.group, r.version) == (group, version)]

    def api_group(self, group: str) -> dict[str, Any]:
        """Return the APIGroup document; the group must exist."""
        versions = [
            {"groupVersion": f"{group}/{version}", "version": version}
            for version in self.group_versions()[group]
        ]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def api_group_list(self) -> dict[str, Any]:
        """Return the document of `/apis`."""
        groups = [self.api_group(group) for group in self.group_versions()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def api_resource_list(self, group: str, version: str) -> dict[str, Any] | None:
        """Return the document of a group version, or None where nothing is served in it."""
        resources = self.in_version(group, version)
        if not resources:
            return None
        rows: list[dict[str, Any]] = []
        for item in resources:
            row: dict[str, Any] = {
                "name": item.plural,
                "singularName": item.singular,
                "namespaced": item.namespaced,
                "kind": item.kind,
                "verbs": list(item.verbs),
            }
            if item.short_names:
                row["shortNames"] = list(item.short_names)
            if item.categories:
                row["categories"] = list(item.categories)
            rows.append(row)
            for name in item.subresources:
                kind_group, kind_version, kind = subresource_kind(item, name)
                row = {
                    "name": f"{item.plural}/{name}",
                    "singularName": "",
                    "namespaced": item.namespaced,
                    "kind": kind,
                    "verbs": list(_SUBRESOURCE_VERBS[name]),
                }
                if (kind_group, kind_version) != (item.group, item.version):
                    row |= {"group": kind_group, "version": kind_version}
                rows.append(row)
        name = f"{group}/{version}" if group else version
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": name,
            "resources": rows,
        }

    def aggregated(self, core: bool) -> dict[str, Any]:
        """Return the APIGroupDiscoveryList of `/api` (core) or `/apis`."""
        groups = {"": ["v1"]} if core else self.group_versions()
        items = [
            {
                "metadata": {"name": group, "creationTimestamp": None} if group else {},
                "versions": [
                    {
                        "version": version,
                        "resources": [_aggregated(r) for r in self.in_version(group, version)],
                        "freshness": "Current",
                    }
                    for version in versions
                ],
            }
            for group, versions in groups.items()
        ]
        return {
            "kind": "APIGroupDiscoveryList",
            "apiVersion": "apidiscovery.k8s.io/v2",
            "metadata": {},
            "items": items,
        }


def subresource_kind(resource: Resource, name: str) -> tuple[str, str, str]:
    """Return group, version and kind of the bodies of a subresource."""
    return _SUBRESOURCE_KINDS.get(name, (resource.group, resource.version, resource.kind))


def allows(resource: Resource, subresource: str, verb: str) -> bool:
    """Return whether a verb is served at a path."""
    return verb in (_SUBRESOURCE_VERBS[subresource] if subresource else resource.verbs)


def _aggregated(resource: Resource) -> dict[str, Any]:
    def kind(group: str, version: str, name: str) -> dict[str, str]:
        return {"group": group, "version": version, "kind": name}

    row: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": kind(resource.group, resource.version, resource.kind),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)
    if resource.subresources:
        row["subresources"] = [
            {
                "subresource": name,
                "responseKind": kind(*subresource_kind(resource, name)),
                "verbs": list(_SUBRESOURCE_VERBS[name]),
            }
            for name in resource.subresources
        ]
    return row


def custom_resources(crd: dict[str, Any]) -> list[Resource]:
    """Return the served versions that a CustomResourceDefinition declares, preferred first."""
    spec = crd["spec"]
    names = spec["names"]
    base = Resource(
        group=spec["group"],
        version="",
        plural=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        singular=names.get("singular", names["kind"].lower()),
    )
    served = [version for version in spec["versions"] if version.get("served")]
    return [
        replace(
            base,
            version=version["name"],
            subresources=tuple(version.get("subresources", {})),
            custom_schema=_custom_schema(base, version),
            crd_version=version,
        )
        for version in sorted(served, key=lambda v: _version_rank(v["name"]), reverse=True)
    ]


def _custom_schema(base: Resource, version: dict[str, Any]) -> Schema:
    declared = version["schema"]["openAPIV3Schema"]
    properties = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    properties |= declared.get("properties", {})
    return declared | {
        "properties": properties | {"metadata": schema.reference(schema.OBJECT_META)},
        "x-kubernetes-group-version-kind": [
            {"group": base.group, "version": version["name"], "kind": base.kind}
        ],
    }


def _version_rank(name: str) -> tuple[int, int, int]:
    """Order versions as Kubernetes does: v2 before v1, v1 before v1beta2, then the rest."""
    match = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", name)
    if not match:
        return (0, 0, 0)
    stage = {None: 3, "beta": 2, "alpha": 1}[match[2]]
    return (stage, int(match[1]), int(match[3] or 0))
