#!/usr/bin/python
"""Ansible module: what is behind a Service of Kubernetes."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: kubernetes_service_info
short_description: Tell whether a Service of Kubernetes has pods behind it that answer
version_added: 0.1.0
description:
  - Reads the endpoints of a Service and the states of its pods, and says in a sentence what was
    found. It is for the moment when an address does not answer, so it fails only where an option
    is wrong; that the cluster cannot be asked is a finding, too.
  - A pod whose address is one of this machine is asked itself. For any other its readiness probe
    tells, by which its own node asks it; that needs no permission beside reading.
  - Works on the cluster of E(KUBECONFIG), and waits no longer than 2 seconds for an answer.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - kubernetes (Python package)
options:
  namespace:
    description: Namespace of the Service.
    type: str
    required: true
  name:
    description: Name of the Service. Its first port is the one that is looked at.
    type: str
    required: true
  path:
    description: What a pod is asked for over HTTP, when it is well.
    type: str
    default: /
extends_documentation_fragment:
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: Ask what is behind Triton's Service
  mlops.gpu_platform.kubernetes_service_info:
    namespace: triton
    name: triton
    path: /v2/health/ready
  register: result
"""

RETURN = r"""
well:
  description: Whether a pod is behind the Service, and all its pods are ready and answer.
  returned: success
  type: bool
  sample: true
found:
  description: What was found, in a sentence.
  returned: success
  type: str
  sample: >-
    Service triton/triton has 1 ready endpoint (127.10.10.1:8000); pod triton-6d4f-x2x itself
    answers (GET /v2/health/ready: HTTP 200)
endpoints:
  description: The addresses behind the Service.
  returned: when the cluster can be asked
  type: list
  elements: dict
  contains:
    address:
      description: The IP address.
      type: str
      returned: always
    port:
      description: The port.
      type: int
      returned: always
    ready:
      description: Whether requests are sent there.
      type: bool
      returned: always
    pod:
      description: Name of the pod.
      type: str
      returned: always
replace:
  description: A command that has new pods in the place of those that are not well.
  returned: when there are such pods
  type: str
  sample: /usr/bin/kubectl --kubeconfig=/home/me/.kube/config -n triton delete pod triton-6d4f-x2x
log:
  description: The last lines of the Service's pods.
  returned: success
  type: list
  elements: str
  sample: ["I0101 10:00:00.000000 1 server.cc:674] ..."]
"""

import json
import os
import shlex
import shutil
import traceback
from typing import Any
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.mlops.gpu_platform.plugins.module_utils.kubernetes_service import (
    asker,
    findings,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.reachability import Way
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.client import is_loopback

try:
    import kubernetes
    from kubernetes.client.exceptions import ApiException
    from urllib3.exceptions import HTTPError, ReadTimeoutError

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

SECONDS = 2
PROBLEM_LINES = 500
READ_LINES = 20
LAST_LINES = 5
"""Of those that were read and are not blank."""


class Cluster:
    """The cluster of KUBECONFIG: asked once, without patience, and on this machine by no proxy."""

    def __init__(self) -> None:
        """Read the kubeconfig."""
        configuration = kubernetes.client.Configuration()
        path = os.environ.get("KUBECONFIG")
        kubernetes.config.load_kube_config(path, client_configuration=configuration)
        configuration.retries = False
        self.server = configuration.host
        if is_loopback(urlsplit(self.server).hostname or ""):
            configuration.proxy = None
        client = kubernetes.client.ApiClient(configuration)
        self.core = kubernetes.client.CoreV1Api(client)
        self.discovery = kubernetes.client.DiscoveryV1Api(client)

    @staticmethod
    def read(function: Any, *arguments: str, **options: str) -> Any:
        """Return the document that a call answers."""
        answer = function(
            *arguments, **options, _preload_content=False, _request_timeout=(SECONDS, SECONDS)
        )
        return json.loads(answer.data)

    def log(self, namespace: str, pod: str, container: str, lines: int) -> str:
        """Return the end of a container's log, empty where there is none."""
        try:
            return self.core.read_namespaced_pod_log(
                pod,
                namespace,
                container=container,
                tail_lines=lines,
                _request_timeout=(SECONDS, SECONDS),
            )
        except ApiException:
            return ""


def run(cluster: Cluster, namespace: str, name: str, path: str) -> dict[str, Any]:
    """Return what is behind a Service."""
    core = cluster.core
    try:
        service = cluster.read(core.read_namespaced_service, name, namespace)
    except ApiException as error:
        if error.status != 404:
            raise
        return {"well": False, "found": f"there is no Service {namespace}/{name}", "log": []}
    selector = ",".join(f"{k}={v}" for k, v in (service["spec"].get("selector") or {}).items())
    of_service = f"kubernetes.io/service-name={name}"
    slices = cluster.read(
        cluster.discovery.list_namespaced_endpoint_slice, namespace, label_selector=of_service
    )["items"]
    pods = cluster.read(core.list_namespaced_pod, namespace, label_selector=selector)["items"]
    events = cluster.read(core.list_namespaced_event, namespace, field_selector="type=Warning")[
        "items"
    ]

    def log(pod: str, container: str) -> str:
        return cluster.log(namespace, pod, container, PROBLEM_LINES)

    found = findings(service, slices, pods if selector else [], events, log, asker(path))
    ill = found.pop("ill_pods")
    pod = ill[:1] or [pod["metadata"]["name"] for pod in pods[:1]]
    log_lines = [
        line
        for each in pods
        if each["metadata"]["name"] in pod
        for line in cluster.log(
            namespace, pod[0], each["spec"]["containers"][0]["name"], READ_LINES
        ).splitlines()
        if line.strip()
    ]
    replace = {"replace": replacing(namespace, ill)} if ill else {}
    return {**found, **replace, "log": log_lines[-LAST_LINES:]}


def replacing(namespace: str, pods: list[str]) -> str:
    """Return a command that deletes pods, so that their controller makes new ones."""
    words = [shutil.which("kubectl") or "kubectl"]
    if path := os.environ.get("KUBECONFIG"):
        words.append(f"--kubeconfig={path}")
    return shlex.join([*words, "-n", namespace, "delete", "pod", *pods])


def reason(error: Exception, server: str) -> str:
    """Say in a line why the API server gave no answer, or refused."""
    if isinstance(error, HTTPError):
        way = Way(urlsplit(server), ()).steps()[-1]
        if isinstance(error, ReadTimeoutError):
            return f"{way.found}; nothing came within {SECONDS} s"
        return str(error) if way.ok else way.found
    if isinstance(error, ApiException):
        try:
            return f"HTTP {error.status}: {json.loads(error.body or '')['message']}"
        except (ValueError, KeyError, TypeError):
            return f"HTTP {error.status}: {error.reason}"
    return str(error)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "path": {"type": "str", "default": "/"},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=IMPORT_ERROR)
    server = os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        cluster = Cluster()
        server = cluster.server
        result = run(cluster, **module.params)
    except kubernetes.config.ConfigException as error:
        found = f"there is no cluster to ask in {server}: {error}"
        result = {"well": False, "found": found, "log": []}
    except (ApiException, HTTPError) as error:
        found = f"the cluster ({server}) cannot be asked: {reason(error, server)}"
        result = {"well": False, "found": found, "log": []}
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
