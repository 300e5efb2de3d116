"""What a kube-apiserver serves and this one does not: it is answered 501, with a sentence.

What no API server has is answered 404, as there.
"""

from __future__ import annotations

from .errors import out_of_scope

_RESOURCES = """
v1                              bindings componentstatuses limitranges persistentvolumes
v1                              podtemplates replicationcontrollers resourcequotas
admissionregistration.k8s.io/v1 mutatingwebhookconfigurations validatingwebhookconfigurations
admissionregistration.k8s.io/v1 validatingadmissionpolicies validatingadmissionpolicybindings
apiregistration.k8s.io/v1       apiservices
apps/v1                         controllerrevisions
authentication.k8s.io/v1        selfsubjectreviews tokenreviews
authorization.k8s.io/v1         localsubjectaccessreviews selfsubjectaccessreviews
authorization.k8s.io/v1         selfsubjectrulesreviews subjectaccessreviews
autoscaling/v1                  horizontalpodautoscalers
batch/v1                        cronjobs
certificates.k8s.io/v1          certificatesigningrequests
coordination.k8s.io/v1          leases
events.k8s.io/v1                events
flowcontrol.apiserver.k8s.io/v1 flowschemas prioritylevelconfigurations
networking.k8s.io/v1            ingressclasses ingresses ipaddresses servicecidrs
node.k8s.io/v1                  runtimeclasses
resource.k8s.io/v1              deviceclasses resourceclaims resourceclaimtemplates resourceslices
storage.k8s.io/v1               csidrivers csinodes csistoragecapacities storageclasses
storage.k8s.io/v1               volumeattachments volumeattributesclasses
"""
RESOURCES = {
    (*version.rpartition("/")[::2], plural)
    for version, *plurals in map(str.split, _RESOURCES.strip().splitlines())
    for plural in plurals
}
"""Group, version and plural."""

SUBRESOURCES = {
    "nodes": {"proxy"},
    "pods": {"attach", "ephemeralcontainers", "exec", "portforward", "proxy", "resize"},
    "serviceaccounts": {"token"},
    "services": {"proxy"},
}
"""By the plural of the core group."""

PATHS = {".well-known", "debug", "logs", "metrics", "openid"}
"""First words of paths that name no resource."""


def refuse_resource(group: str, version: str, words: list[str]) -> None:
    """Refuse a resource or a subresource of a kube-apiserver that is out of scope.

    ``words`` are those of the path behind the version and the namespace.
    """
    plural, subresource = words[0], "".join(words[2:3])
    if (group, version, plural) in RESOURCES:
        raise out_of_scope(f"{plural} of {group}/{version}" if group else plural)
    if not group and subresource in SUBRESOURCES.get(plural, ()):
        raise out_of_scope(f"{plural}/{subresource}")


def refuse_path(words: list[str]) -> None:
    """Refuse a path of a kube-apiserver that names no resource and is out of scope."""
    versions = {("apis", group, version) for group, version, _ in RESOURCES}
    if tuple(words) in versions or "".join(words[:1]) in PATHS:
        raise out_of_scope(f"/{'/'.join(words)}")
