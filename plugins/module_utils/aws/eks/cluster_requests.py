"""What requests for EKS clusters say, and in which order EKS takes it."""

from __future__ import annotations

from ..core import (
    AwsError,
    Fields,
    given,
)

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
# EKS goes from one of these to the next, and never back.
AUTHENTICATION_MODES = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"]
SUPPORT_TYPES = ["STANDARD", "EXTENDED"]
# EKS takes one kind of update at a time; these are the fields that go together.
ENDPOINT_FIELDS = {
    "endpoint_private_access": "endpointPrivateAccess",
    "endpoint_public_access": "endpointPublicAccess",
    "public_access_cidrs": "publicAccessCidrs",
}
NETWORK_FIELDS = {"subnet_ids": "subnetIds", "security_group_ids": "securityGroupIds"}


def request_part(wanted: Fields, names: dict[str, str]) -> Fields:
    """Return those wanted fields that ``names`` lists, under the names of the EKS API."""
    return {key: wanted[field] for field, key in names.items() if field in wanted}


def logging_request(types: list[str]) -> Fields:
    """Return the logging setup that writes these types and stops all others."""
    others = [kind for kind in LOG_TYPES if kind not in types]
    setups = [{"types": types, "enabled": True}, {"types": others, "enabled": False}]
    return {"clusterLogging": [setup for setup in setups if setup["types"]]}


def config_requests(wanted: Fields) -> Fields:
    """Return the parts of a request to create a cluster each of which is an update of its own."""
    return given(
        logging=logging_request(wanted["logging"]) if "logging" in wanted else None,
        accessConfig={"authenticationMode": wanted["authentication_mode"]}
        if "authentication_mode" in wanted
        else None,
        upgradePolicy={"supportType": wanted["support_type"]} if "support_type" in wanted else None,
        deletionProtection=wanted.get("deletion_protection"),
    )


def modes_between(current: str, wanted: str) -> list[str]:
    """Return the authentication modes through which EKS goes on the way from one to another.

    Raises:
        AwsError: that is a way back.
    """
    first, last = AUTHENTICATION_MODES.index(current), AUTHENTICATION_MODES.index(wanted)
    if first > last:
        raise AwsError(f"authentication_mode: EKS never goes back from {current} to {wanted}")
    return AUTHENTICATION_MODES[first + 1 : last]


def encryption_request(key: str) -> list[Fields]:
    """Return the request that has EKS encrypt the secrets with a key."""
    return [{"resources": ["secrets"], "provider": {"keyArn": key}}]
