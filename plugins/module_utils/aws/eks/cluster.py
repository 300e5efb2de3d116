"""EKS clusters: what is there, what is wanted, and the calls between the two."""

from __future__ import annotations

from ..core import (
    Aws,
    AwsError,
    Fields,
    Resource,
    converge,
    given,
    listed,
    sorted_or_none,
    tags_after,
)
from ..iam.role import (
    once_iam_agrees,
    role_arn,
)
from .cluster_requests import (
    ENDPOINT_FIELDS,
    NETWORK_FIELDS,
    config_requests,
    encryption_request,
    modes_between,
    request_part,
)
from .common import (
    check_role,
    describe_cluster,
    retag,
    wait_for_cluster,
    wait_for_update,
)
from .version import check_version

# What EKS answers until it knows a new role and its policies.
ROLE_TOO_NEW = (
    "Error in role params",
    "could not be assumed",
    "doesn't have the Amazon EKS Managed Policies",
)


def ensure_cluster(aws: Aws, params: Fields) -> Fields:
    """Create, update or delete a cluster.

    Raises:
        AwsError: EKS reports a failure, or what is asked for cannot be reached by an update.
    """
    return converge(Cluster(aws, params))


def find_subnets(aws: Aws, filters: dict[str, str]) -> list[str]:
    """Return the ids of the subnets that EC2 filters find; in check mode there may be none yet.

    Raises:
        AwsError: they are not in at least two zones of one VPC.
    """
    request = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    subnets = listed(aws.client("ec2"), "describe_subnets", "Subnets", Filters=request)
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    vpcs = {subnet["VpcId"] for subnet in subnets}
    if not subnets and aws.check_mode:
        return []
    if len(zones) < 2 or len(vpcs) != 1:
        raise AwsError(
            f"subnet_filters {filters} find {len(subnets)} subnets in zones {sorted(zones)} "
            f"of VPCs {sorted(vpcs)}; EKS needs subnets of one VPC in at least two zones"
        )
    return [subnet["SubnetId"] for subnet in subnets]


def find_key(aws: Aws, key: str, current: str) -> str:
    """Return the ARN of a KMS key that is given by ARN, id or alias; no key is an empty one.

    In check mode there may be no such key yet.

    Raises:
        AwsError: there is no such key.
    """
    if current.endswith(f":key/{key}"):
        return current
    if not key or ":key/" in key:
        return key
    kms = aws.client("kms")
    try:
        arn: str = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    except kms.exceptions.NotFoundException as error:
        if aws.check_mode:
            return key
        raise AwsError(f"encryption_key: there is no KMS key {key}") from error
    return arn


class Cluster(Resource):
    """The control plane of a cluster."""

    kind = "cluster"
    type = "AWS::EKS::Cluster"

    def names(self) -> Fields:
        """Return the name."""
        return {"name": self.params["name"]}

    def find(self) -> Fields | None:
        """Return a cluster that takes updates, or may be deleted; wait for one that will be.

        Raises:
            AwsError: it failed, has another role, or is protected from the deletion asked for.
        """
        cluster = describe_cluster(self.aws, self.params["name"])
        if cluster is None:
            return None
        if self.params["state"] == "absent":
            self.check_protection(cluster)
            return cluster
        if cluster["status"] == "DELETING":
            if not self.aws.check_mode:
                self.wait_until_gone()
            return None
        if cluster["status"] != "ACTIVE" and not self.aws.check_mode:
            cluster = wait_for_cluster(self.aws, self.params["name"])
        check_role(cluster["roleArn"], self.params["role"])
        return cluster

    def check_protection(self, cluster: Fields) -> None:
        """Refuse to delete a protected cluster unless told to.

        Raises:
            AwsError: it has deletion protection.
        """
        if cluster.get("deletionProtection") and not self.params["force"]:
            raise AwsError(
                f"cluster {self.params['name']} has deletion protection; "
                "turn that off first, or delete it with force"
            )

    def view(self, current: Fields) -> Fields:
        """Return the managed fields; no key is an empty one."""
        network = current["resourcesVpcConfig"]
        view = {
            key: network.get(name) for key, name in {**ENDPOINT_FIELDS, **NETWORK_FIELDS}.items()
        }
        for field in ("subnet_ids", "security_group_ids", "public_access_cidrs"):
            view[field] = sorted(view[field] or [])
        setups = current.get("logging", {}).get("clusterLogging", [])
        types = {kind for setup in setups if setup["enabled"] for kind in setup["types"]}
        keys = [each["provider"]["keyArn"] for each in current.get("encryptionConfig") or []]
        return {
            **view,
            "version": current["version"],
            "logging": sorted(types),
            "authentication_mode": current.get("accessConfig", {}).get("authenticationMode"),
            "encryption_key": keys[0] if keys else "",
            "support_type": current.get("upgradePolicy", {}).get("supportType"),
            "deletion_protection": current.get("deletionProtection", False),
            "tags": current.get("tags", {}),
        }

    def wanted(self, view: Fields) -> Fields:
        """Return what the options set.

        Raises:
            AwsError: the cluster cannot get this version, authentication mode or key.
        """
        version, public = self.params["version"], self.params["endpoint_public_access"]
        mode = self.params["authentication_mode"]
        if mode and view.get("authentication_mode"):
            modes_between(view["authentication_mode"], mode)
        if version and version != view.get("version"):
            check_version(self.aws, self.params["name"], view.get("version"), version)
        return given(
            version=version,
            subnet_ids=sorted(
                self.params["subnet_ids"] or find_subnets(self.aws, self.params["subnet_filters"])
            ),
            security_group_ids=sorted_or_none(self.params["security_group_ids"]),
            endpoint_private_access=self.params["endpoint_private_access"],
            endpoint_public_access=public,
            # EKS keeps the ranges of a public endpoint that is off, and takes no new ones.
            public_access_cidrs=sorted_or_none(self.params["public_access_cidrs"])
            if public
            else None,
            logging=sorted_or_none(self.params["logging"]),
            authentication_mode=mode,
            encryption_key=self.encryption_key(view.get("encryption_key", "")),
            support_type=self.params["support_type"],
            deletion_protection=self.params["deletion_protection"],
            tags=tags_after(view.get("tags", {}), self.params),
        )

    def encryption_key(self, current: str) -> str | None:
        """Return the ARN of the key to encrypt secrets with; None leaves it as it is.

        Raises:
            AwsError: the cluster has a key already, and it is another one.
        """
        key = self.params["encryption_key"]
        wanted = None if key is None else find_key(self.aws, key, current)
        if current and wanted not in (None, current):
            raise AwsError(
                f"encryption_key: cluster {self.params['name']} encrypts its secrets with "
                f"{current}; EKS never changes that to {wanted or 'no key'}"
            )
        return wanted

    def create(self, wanted: Fields) -> Fields:
        """Create the cluster, and wait for it where asked to."""
        eks, key = self.aws.client("eks"), wanted.get("encryption_key")
        request = given(
            name=self.params["name"],
            version=wanted.get("version"),
            roleArn=role_arn(self.aws, self.params["role"]),
            resourcesVpcConfig=request_part(wanted, {**NETWORK_FIELDS, **ENDPOINT_FIELDS}),
            encryptionConfig=encryption_request(key) if key else None,
            tags=wanted.get("tags"),
            **config_requests(wanted),
        )
        cluster: Fields = once_iam_agrees(
            self.aws, lambda: eks.create_cluster(**request), *ROLE_TOO_NEW
        )["cluster"]
        return wait_for_cluster(self.aws, self.params["name"]) if self.aws.wait else cluster

    def update(self, current: Fields, before: Fields, wanted: Fields, changed: set[str]) -> Fields:
        """Send one update per kind of change, each after the one before is done; then the tags."""
        eks, name = self.aws.client("eks"), self.params["name"]
        if "version" in changed:
            answer = eks.update_cluster_version(name=name, version=wanted["version"])
            wait_for_update(self.aws, answer["update"], name=name)
        if "encryption_key" in changed:
            config = encryption_request(wanted["encryption_key"])
            answer = eks.associate_encryption_config(clusterName=name, encryptionConfig=config)
            wait_for_update(self.aws, answer["update"], name=name)
        for fields in (ENDPOINT_FIELDS, NETWORK_FIELDS):
            if changed & set(fields):
                self.update_config({"resourcesVpcConfig": request_part(wanted, fields)})
        if "authentication_mode" in changed:
            modes = (before["authentication_mode"], wanted["authentication_mode"])
            for mode in modes_between(*modes):
                self.update_config(config_requests({"authentication_mode": mode}))
        for key, value in config_requests({field: wanted[field] for field in changed}).items():
            self.update_config({key: value})
        retag(self.aws, current["arn"], before.get("tags", {}), wanted.get("tags", {}))
        return wait_for_cluster(self.aws, name)

    def update_config(self, change: Fields) -> None:
        """Send one kind of change, and wait until it is done."""
        name = self.params["name"]
        answer = self.aws.client("eks").update_cluster_config(name=name, **change)
        wait_for_update(self.aws, answer["update"], name=name)

    def delete(self, current: Fields) -> None:
        """Delete the cluster unless it is being deleted, and wait for its end where asked to."""
        if current["status"] != "DELETING":
            if current.get("deletionProtection"):
                self.update_config({"deletionProtection": False})
            self.aws.client("eks").delete_cluster(name=self.params["name"])
        if self.aws.wait:
            self.wait_until_gone()

    def wait_until_gone(self) -> None:
        """Wait for the end of a cluster that is being deleted."""
        name = self.params["name"]
        self.aws.until(
            lambda: None if describe_cluster(self.aws, name) else True, f"cluster {name} deleted"
        )
