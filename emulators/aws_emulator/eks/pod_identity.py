"""Pod identity associations of the emulated EKS, which moto does not have."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks.exceptions import ResourceInUseException

from .call import EKSCall

PATHS = (
    "{0}/clusters/(?P<name>[^/]+)/pod-identity-associations$",
    "{0}/clusters/(?P<name>[^/]+)/pod-identity-associations/(?P<associationId>[^/]+)$",
)
SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")


class PodIdentityCalls(EKSCall):
    """The calls for pod identity associations, which are kept with their cluster."""

    def named_association(self) -> Any:
        """Return the association that the path names."""
        key = self._get_param("associationId")
        message = f"Association not found: {key}"
        return self.found(self.named_cluster().associations, key, message)

    def asked_associations(self) -> list[dict[str, Any]]:
        """Return the associations in the namespace and of the service account, where given."""
        asked = {
            key: self._get_param(key)
            for key in ("namespace", "serviceAccount")
            if self._get_param(key)
        }
        every = self.named_cluster().associations.values()
        return [association for association in every if asked.items() <= association.items()]

    def create_pod_identity_association(self) -> ActionResult:
        """Associate a service account, which has no association yet, with an existing role."""
        if taken := self.asked_associations():
            raise ResourceInUseException(
                message=f"Association already exists: {taken[0]['associationId']}"
            )
        role = self._get_param("roleArn")
        self.check_role(role)
        cluster, key, now = self.named_cluster(), f"a-{self.new_id()[:17]}", utcnow()
        cluster.associations[key] = {
            "clusterName": cluster.name,
            "namespace": self._get_param("namespace"),
            "serviceAccount": self._get_param("serviceAccount"),
            "roleArn": role,
            "associationArn": self.arn_of("podidentityassociation", cluster.name, key),
            "associationId": key,
            "tags": self._get_param("tags") or {},
            "createdAt": now,
            "modifiedAt": now,
            "disableSessionTags": False,
        }
        return ActionResult({"association": cluster.associations[key]})

    def list_pod_identity_associations(self) -> ActionResult:
        """Return the associations that are asked for, without their roles."""
        found = {entry["associationId"]: entry for entry in self.asked_associations()}
        return self.page(
            "associations", list(found), lambda key: {name: found[key][name] for name in SUMMARY}
        )

    def describe_pod_identity_association(self) -> ActionResult:
        """Return an association."""
        return ActionResult({"association": self.named_association()})

    def update_pod_identity_association(self) -> ActionResult:
        """Change the role of an association."""
        association = self.named_association()
        if role := self._get_param("roleArn"):
            self.check_role(role)
            association.update(roleArn=role, modifiedAt=utcnow())
        return ActionResult({"association": association})

    def delete_pod_identity_association(self) -> ActionResult:
        """Delete an association."""
        association = self.named_association()
        del self.named_cluster().associations[association["associationId"]]
        return ActionResult({"association": association})
