"""What the parts of the emulated EKS share: clusters, roles, updates and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import InvalidSubnetIdError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.subnets import Subnet
from moto.eks import responses
from moto.eks.exceptions import (
    InvalidParameterException,
    InvalidRequestException,
    ResourceInUseException,
    ResourceNotFoundException,
)
from moto.eks.models import CLUSTER_NOT_READY_MSG, paginated_list
from moto.iam.exceptions import NotFoundException
from moto.iam.models import IAMBackend, iam_backends
from moto.moto_api._internal import mock_random

from ..iam import listed
from .clock import agenda

# How a described update names a field of its request, where it is not just capitalised.
PARAM_TYPES = {
    "addOrUpdateLabels": "LabelsToAdd",
    "addOrUpdateTaints": "TaintsToAdd",
    "removeLabels": "LabelsToRemove",
    "removeTaints": "TaintsToRemove",
    "securityGroupIds": "SecurityGroups",
    "subnetIds": "Subnets",
    "supportType": "UpgradePolicy",
}


def set_status(thing: Any, status: str) -> None:
    """Set the status of a cluster, a node group or an add-on; add-ons are kept as dicts."""
    if isinstance(thing, dict):
        thing["status"] = status
    else:
        thing.status = status


def status_of(thing: Any) -> str:
    """Return the status of a cluster, a node group or an add-on."""
    return str(thing["status"] if isinstance(thing, dict) else thing.status)


class EKSCall(responses.EKSResponse):
    """A call to EKS that names a cluster in its path."""

    def named_cluster(self) -> Any:
        """Return the cluster that the path names, with the attributes of the emulator."""
        return self.eks_backend.describe_cluster(self._get_param("name"))

    def active_cluster(self) -> Any:
        """Return the cluster that the path names, which must be active."""
        cluster = self.named_cluster()
        if not cluster.is_active:
            raise InvalidRequestException(
                message=CLUSTER_NOT_READY_MSG.format(clusterName=cluster.name)
            )
        return cluster

    @property
    def iam(self) -> IAMBackend:
        """Return IAM of the account of the request."""
        return iam_backends[self.current_account][self.partition]

    @property
    def ec2(self) -> EC2Backend:
        """Return EC2 of the account and region of the request."""
        return ec2_backends[self.current_account][self.region]

    def subnets(self, subnet_ids: list[str]) -> list[Subnet]:
        """Return subnets by their ids, all of which must exist."""
        try:
            return self.ec2.describe_subnets(subnet_ids=subnet_ids)
        except InvalidSubnetIdError as error:
            raise InvalidParameterException(message=str(error.message)) from error

    def check_role(self, arn: str) -> None:
        """Refuse a role that does not exist."""
        try:
            self.iam.get_role_by_arn(arn)
        except NotFoundException as error:
            message = "Role provided in the request does not exist."
            raise InvalidParameterException(message=message) from error

    def trusts(self, arn: str, service: str) -> bool:
        """Tell whether there is a role with this ARN that a service may assume."""
        try:
            role = self.iam.get_role_by_arn(arn)
        except NotFoundException:
            return False
        return any(
            statement["Effect"] == "Allow"
            and "sts:AssumeRole" in listed(statement["Action"])
            and isinstance(statement["Principal"], dict)
            and service in listed(statement["Principal"].get("Service", []))
            for statement in listed(json.loads(role.assume_role_policy_document)["Statement"])
        )

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

    def page(
        self, key: str, names: list[str], thing_of: Callable[[str], Any] = lambda name: name
    ) -> ActionResult:
        """Answer with as many names, or what they name, as asked for; a token leads to more."""
        most = int(self._get_param("maxResults") or responses.DEFAULT_MAX_RESULTS)
        found, token = paginated_list(names, most, self._get_param("nextToken"))
        return ActionResult({key: [thing_of(name) for name in found], "nextToken": token})

    def refuse_during_update(self, what: str, **target: str) -> None:
        """Refuse to begin something while an update of the same target is in progress."""
        cluster = self.named_cluster()
        for update in cluster.updates.values():
            if update["status"] == "InProgress" and update["target"] == target:
                names = [f"{key.removesuffix('Name')} {name} of " for key, name in target.items()]
                raise ResourceInUseException(
                    clusterName=cluster.name,
                    **target,
                    message=f"Cannot {what} because {''.join(names)}cluster {cluster.name} "
                    f"currently has update {update['id']} in progress",
                )

    @staticmethod
    def forget_updates(cluster: Any, **target: str) -> None:
        """Drop the updates of what is gone."""
        cluster.updates = {
            key: update for key, update in cluster.updates.items() if update["target"] != target
        }

    def start_update(
        self,
        thing: Any,
        kind: str,
        change: dict[str, Any],
        finish: Callable[[], None],
        **target: str,
    ) -> ActionResult:
        """Answer with an update in progress; it takes effect when it is done."""
        types = {key: PARAM_TYPES.get(key, key[0].upper() + key[1:]) for key in change}
        update = {
            "id": self.new_id(),
            "status": "InProgress",
            "type": kind,
            "params": [{"type": types[key], "value": str(value)} for key, value in change.items()],
            "createdAt": utcnow(),
            "errors": [],
            "target": target,
        }

        def done() -> None:
            finish()
            update["status"] = "Successful"
            if status_of(thing) == "UPDATING":
                set_status(thing, "ACTIVE")

        set_status(thing, "UPDATING")
        self.named_cluster().updates[update["id"]] = update
        agenda.after("addon" if kind == "AddonUpdate" else "update", done)
        return ActionResult({"update": update})
