"""What the parts of the emulated EKS share: clusters, roles, updates and refusals."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.eks import responses
from moto.eks.exceptions import InvalidParameterException, ResourceNotFoundException
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_api._internal import mock_random

# How a described update names a field of its request, where it is not just capitalised.
PARAM_TYPES = {
    "addOrUpdateLabels": "LabelsToAdd",
    "addOrUpdateTaints": "TaintsToAdd",
    "removeLabels": "LabelsToRemove",
    "removeTaints": "TaintsToRemove",
    "securityGroupIds": "SecurityGroups",
    "subnetIds": "Subnets",
}


class EKSCall(responses.EKSResponse):
    """A call to EKS that names a cluster in its path."""

    def named_cluster(self) -> Any:
        """Return the cluster that the path names, with the attributes of the emulator."""
        return self.eks_backend.describe_cluster(self._get_param("name"))

    @property
    def iam(self) -> IAMBackend:
        """Return IAM of the account of the request."""
        return iam_backends[self.current_account][self.partition]

    def check_role(self, arn: str) -> None:
        """Refuse a role that does not exist."""
        try:
            self.iam.get_role_by_arn(arn)
        except NotFoundException as error:
            message = "Role provided in the request does not exist."
            raise InvalidParameterException(message=message) from error

    def arn_of(self, *path: str) -> str:
        """Return the ARN of a part of a cluster."""
        return f"arn:{self.partition}:eks:{self.region}:{self.current_account}:{'/'.join(path)}"

    @staticmethod
    def new_id() -> str:
        """Return an id as EKS makes them."""
        return str(mock_random.uuid4())

    @staticmethod
    def found(things: dict[str, Any], key: str, message: str) -> Any:
        """Return one of the things by its key, or refuse the request with a message."""
        if key not in things:
            raise ResourceNotFoundException(message=message)
        return things[key]

    def update_of(self, cluster: Any, kind: str, change: dict[str, Any]) -> ActionResult:
        """Answer with an update that is done already, and remember it."""
        types = {key: PARAM_TYPES.get(key, key[0].upper() + key[1:]) for key in change}
        update = {
            "id": self.new_id(),
            "status": "Successful",
            "type": kind,
            "params": [{"type": types[key], "value": str(value)} for key, value in change.items()],
            "createdAt": utcnow(),
            "errors": [],
        }
        cluster.updates[update["id"]] = update
        return ActionResult({"update": update})
