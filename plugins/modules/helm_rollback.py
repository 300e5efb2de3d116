#!/usr/bin/python
"""Ansible module: a Helm release back at its last deployed revision."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: helm_rollback
short_description: Bring a Helm release back to its last deployed revision
version_added: 0.1.0
description:
  - Does nothing where the last revision of the release is deployed, or where there is no release.
  - A last revision that failed, or that an interrupted run left pending, is rolled back to the
    last one that was deployed. A release that never was deployed is uninstalled.
  - Works on the cluster of E(KUBECONFIG).
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - helm 3
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
  wait:
    description: Whether to wait until the revision's pods are ready, or a removed release's gone.
    type: bool
    default: false
  timeout:
    description: Seconds that the rollback, or the removal, may take.
    type: int
    default: 300
attributes:
  check_mode:
    description: Tells whether there is something to roll back.
    support: full
  diff_mode:
    description: Shows the state and the revision before and after.
    support: full
  idempotent:
    description: A deployed release is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Clear what an interrupted run has left
  mlops.gpu_platform.helm_rollback:
    name: triton
    namespace: triton

- name: Serve again what was served before
  mlops.gpu_platform.helm_rollback:
    name: triton
    namespace: triton
    wait: true
    timeout: 600
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for the release.
    - C(action) is V(update) or V(delete), C(type) is V(HelmRelease); an update has C(fields).
  returned: success
  type: list
  elements: dict
  sample:
    - {action: update, type: HelmRelease, name: triton/triton, fields: [revision]}
status:
  description: The state in which the last revision was found, empty without a release.
  returned: success
  type: str
  sample: pending-upgrade
revision:
  description: The revision that was rolled back to, null if none was.
  returned: success
  type: int
  sample: 3
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.changes import change
from ansible_collections.mlops.gpu_platform.plugins.module_utils.helm_release import (
    HelmError,
    HelmRelease,
    plan,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "wait": {"type": "bool", "default": False},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    name = module.params["name"]
    helm = module.get_bin_path("helm", required=True)
    release = HelmRelease(
        lambda arguments: module.run_command([helm, *arguments]), name, module.params["namespace"]
    )
    try:
        history = release.history()
        recovery = plan(history)
        if recovery and not module.check_mode:
            release.recover(recovery, module.params["timeout"], module.params["wait"])
    except HelmError as error:
        module.fail_json(msg=f"Release {name} cannot be rolled back: {error}")
    status = history[-1]["status"] if history else ""
    after = status
    changes = []
    if recovery:
        after = f"back at revision {recovery.revision}" if recovery.revision else "uninstalled"
        now, then = {"revision": history[-1]["revision"]}, {"revision": recovery.revision}
        title = f"{module.params['namespace']}/{name}"
        changes.append(change("HelmRelease", title, now, then if recovery.revision else {}))
    module.exit_json(
        changed=recovery is not None,
        changes=changes,
        status=status,
        revision=recovery and recovery.revision,
        diff={"before": f"{name}: {status}\n", "after": f"{name}: {after}\n"},
    )


if __name__ == "__main__":
    main()
