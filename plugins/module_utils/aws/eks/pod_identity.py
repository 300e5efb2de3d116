"""EKS pod identity associations: which IAM role the pods of a service account have."""

from __future__ import annotations

import re

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    listed,
    report_all,
    tags_after,
)
from ..iam.role import (
    once_iam_agrees,
    role_arn,
    same_role,
)
from .common import look_up, retag

LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAMESPACE = re.compile(LABEL)
SERVICE_ACCOUNT = re.compile(rf"(?=.{{1,253}}$){LABEL}(\.{LABEL})*")
# What EKS answers until it knows a new role.
UNKNOWN_ROLE = "Role provided in the request does not exist"


def ensure_pod_identities(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a pod identity association, or several.

    Raises:
        AwsError: a name is not one of Kubernetes, or there is no such role.
    """
    if params["associations"] is None:
        check_options(params)
        return converge(PodIdentity(aws, params))
    associations = [{**params, **given(**each)} for each in params["associations"]]
    for association in associations:
        check_options(association)
    results = {
        f"{each['namespace']}/{each['service_account']}": converge(PodIdentity(aws, each))
        for each in associations
    }
    return report_all("associations", "association", results)


def check_options(params: Fields) -> None:
    """Refuse names that Kubernetes would refuse, and a lack of a role.

    Raises:
        AwsError: an option has no value or one that it cannot have; the message names both.
    """
    for option, pattern in (("namespace", NAMESPACE), ("service_account", SERVICE_ACCOUNT)):
        if not pattern.fullmatch(params[option]):
            raise AwsError(
                f"{option} is {params[option]!r}; it must be a Kubernetes name of lower-case "
                "letters, digits and hyphens"
            )
    if params["state"] == "present" and not params["role"]:
        raise AwsError(f"{params['namespace']}/{params['service_account']} has no role")


class PodIdentity(Resource):
    """The association of one service account; EKS gives it an id of its own."""

    kind = "association"
    type = "AWS::EKS::PodIdentityAssociation"

    def names(self) -> Fields:
        """Return cluster, namespace and service account."""
        return {key: self.params[key] for key in ("cluster_name", "namespace", "service_account")}

    def request(self) -> Fields:
        """Return the same under the names of the EKS API."""
        return {
            "clusterName": self.params["cluster_name"],
            "namespace": self.params["namespace"],
            "serviceAccount": self.params["service_account"],
        }

    def find(self) -> Fields | None:
        """Return the association of the service account, of which there is at most one."""
        eks = self.aws.client("eks")
        method = "list_pod_identity_associations"
        try:
            found = listed(eks, method, "associations", **self.request())
        except eks.exceptions.ResourceNotFoundException:
            return None
        return self.describe(found[0]["associationId"]) if found else None

    def describe(self, association_id: str) -> Fields | None:
        """Return an association by its id."""
        method = "describe_pod_identity_association"
        key = {"clusterName": self.params["cluster_name"], "associationId": association_id}
        return look_up(self.aws, method, "association", **key)

    def view(self, current: Fields) -> Fields:
        """Return role and tags."""
        return {"role": current["roleArn"], "tags": current.get("tags", {})}

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set."""
        return given(
            role=same_role(view.get("role"), self.params["role"]),
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def create(self, wanted: Fields) -> Fields:
        """Create the association."""
        eks = self.aws.client("eks")
        role = role_arn(self.aws, wanted["role"])
        request = given(**self.request(), roleArn=role, tags=wanted.get("tags"))
        return once_iam_agrees(
            self.aws, lambda: eks.create_pod_identity_association(**request), UNKNOWN_ROLE
        )["association"]

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send the role and the tags, each where it changed."""
        eks = self.aws.client("eks")
        if "role" in changed:
            request = {
                "clusterName": self.params["cluster_name"],
                "associationId": current["associationId"],
                "roleArn": role_arn(self.aws, wanted["role"]),
            }
            once_iam_agrees(
                self.aws, lambda: eks.update_pod_identity_association(**request), UNKNOWN_ROLE
            )
        retag(self.aws, current["associationArn"], before.get("tags", {}), wanted.get("tags", {}))
        return self.describe(current["associationId"]) or current

    def delete(self, current: Fields) -> None:
        """Delete the association."""
        self.aws.client("eks").delete_pod_identity_association(
            clusterName=self.params["cluster_name"], associationId=current["associationId"]
        )
