"""Corrections to moto's EC2 instances: their network interfaces end with them."""

from __future__ import annotations

from typing import Any

from moto.ec2.models.instances import Instance

moto_prep_nics = Instance.prep_nics


def prep_nics(instance: Any, nic_spec: list[dict[str, Any]], *rest: Any, **named: Any) -> None:
    """Make the interfaces of an instance, to be deleted with it unless the request says no."""
    kept = {int(nic["DeviceIndex"]) for nic in nic_spec if nic.get("NetworkInterfaceId")}
    kept |= {int(nic["DeviceIndex"]) for nic in nic_spec if nic.get("DeleteOnTermination") is False}
    moto_prep_nics(instance, nic_spec, *rest, **named)
    for index, interface in instance.nics.items():
        interface.delete_on_termination = index not in kept


def extend() -> None:
    """Put the function above in the place of moto's."""
    instances: Any = Instance
    instances.prep_nics = prep_nics
