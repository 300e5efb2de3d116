#!/usr/bin/python
"""Ansible module: why Triton's pods are not ready."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: triton_pod_info
short_description: Tell why Triton's pods are not ready
version_added: 0.1.0
description:
  - Reads the pods' states, their warnings and their logs, and names the model and Triton's own
    reason where there is one.
  - Works on the cluster of E(KUBECONFIG).
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - kubernetes (Python package)
options:
  namespace:
    description: Namespace of the pods.
    type: str
    required: true
  label_selectors:
    description: Labels of the pods.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Only reads.
    support: full
  diff_mode:
    description: Changes nothing.
    support: none
  idempotent:
    description: Only reads.
    support: full
"""

EXAMPLES = r"""
- name: Ask why the pods are not ready
  mlops.gpu_platform.triton_pod_info:
    namespace: triton
    label_selectors: [app.kubernetes.io/name=triton]
  register: result
"""

RETURN = r"""
problems:
  description: One sentence for each reason. Empty if every pod is ready, or merely not ready yet.
  returned: success
  type: list
  elements: str
  sample: ["pod triton-6d4f-x2x: model resnet50: Invalid argument: unexpected inference output"]
"""

import json
import os
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.pods import problems

try:
    import kubernetes
    from kubernetes.client.exceptions import ApiException

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

# Triton's tables and unloading come after the reason, so a few lines would not reach it.
LOG_LINES = 500


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "label_selectors": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=IMPORT_ERROR)
    namespace = module.params["namespace"]

    def items(response: Any) -> list[dict[str, Any]]:
        return json.loads(response.data)["items"]

    def log(pod: str, container: str) -> str:
        try:
            return api.read_namespaced_pod_log(
                pod, namespace, container=container, tail_lines=LOG_LINES
            )
        except ApiException:
            # Kubernetes keeps no log of a container that never ran or is already cleared away.
            return ""

    try:
        kubernetes.config.load_kube_config(os.environ.get("KUBECONFIG"))
        api = kubernetes.client.CoreV1Api()
        selector = ",".join(module.params["label_selectors"])
        pods = api.list_namespaced_pod(namespace, label_selector=selector, _preload_content=False)
        events = api.list_namespaced_event(
            namespace, field_selector="type=Warning", _preload_content=False
        )
        found = problems(items(pods), items(events), log)
    except (ApiException, kubernetes.config.ConfigException) as error:
        module.fail_json(msg=f"The pods of namespace {namespace} cannot be read: {error}")
    module.exit_json(changed=False, problems=found)


if __name__ == "__main__":
    main()
