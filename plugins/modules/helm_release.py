#!/usr/bin/python
"""Ansible module: a Helm release, with the objects that its pods need."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: helm_release
short_description: Install or remove a Helm release, with the objects that its pods need
version_added: 0.1.0
description:
  - Creates the objects that the chart's pods need, clears what an interrupted run has left, and
    installs or upgrades the release where its chart or its values differ. Then it waits for the
    pods.
  - Where that fails, the error has the pods' own reasons, and the last revision that was deployed
    is restored. A release that never was deployed is uninstalled.
  - Works on the cluster of E(KUBECONFIG).
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
requirements:
  - helm 3 or 4
  - kubernetes (Python package), for O(objects), O(secrets) and the reasons of pods
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
  state:
    description:
      - V(present) has the release deployed. V(absent) removes it, and then O(objects), the last
        one first, and waits until they are gone.
    type: str
    choices: [present, absent]
    default: present
  chart:
    description:
      - Name of a chart in O(repository), or without that the path of a chart's folder.
      - A folder is compared by its files, of which the version of the release has a digest.
    type: str
    required: true
  repository:
    description: URL of the chart's repository.
    type: str
    default: ""
  version:
    description: Version of the chart in O(repository).
    type: str
    default: ""
  values:
    description: Values of the chart. What an earlier release was given beside them is dropped.
    type: dict
    default: {}
  objects:
    description:
      - Manifests that are applied before the release, in this order. Allowed are Namespaces,
        ConfigMaps, and other kinds of the core API.
      - A Namespace says that it is for this release alone, so the reasons of all its pods are told.
    type: list
    elements: dict
    default: []
  secrets:
    description:
      - Content of Secrets in the release's namespace, by name and key. They are applied after
        O(objects). One without keys is deleted.
    type: dict
    default: {}
  timeout:
    description: Seconds that each of installation, restoration and removal may take.
    type: int
    default: 300
attributes:
  check_mode:
    description:
      - Tells what would change. Where the cluster does not exist yet, because the file that
        E(KUBECONFIG) names is missing or no connection to the API server comes about, all of it is
        to be created. A missing program, refused credentials or a denied request is an error.
    support: full
  diff_mode:
    description: Shows the chart and the values before and after.
    support: full
  idempotent:
    description: A deployed release of the same chart and values is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Roll out Triton in a namespace of its own
  mlops.gpu_platform.helm_release:
    name: triton
    namespace: triton
    chart: charts/triton
    values:
      image: registry.example.com/triton:1.0
    objects:
      - apiVersion: v1
        kind: Namespace
        metadata:
          name: triton
    timeout: 1800

- name: Install the device plugin
  mlops.gpu_platform.helm_release:
    name: nvidia-device-plugin
    namespace: kube-system
    chart: nvidia-device-plugin
    repository: https://nvidia.github.io/k8s-device-plugin
    version: 0.19.3
"""

RETURN = r"""
changes:
  description:
    - What was done, or in check mode would be, for the release, the objects and the Secrets.
    - C(action) is V(create), V(update) or V(delete); an update has C(fields).
  returned: success
  type: list
  elements: dict
  sample:
    - {action: update, type: HelmRelease, name: triton/triton, fields: [chart, values.image]}
"""

import base64
import json
import os
import traceback
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.mlops.gpu_platform.plugins.module_utils.changes import (
    changes_of,
    differences,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.helm_release import (
    Chart,
    ClusterUnreachableError,
    HelmError,
    HelmRelease,
    plan,
    release_facts,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.kubernetes_objects import Objects
from ansible_collections.mlops.gpu_platform.plugins.module_utils.triton.pods import problems

try:
    import kubernetes
    from kubernetes.client.exceptions import ApiException
    from kubernetes.dynamic import DynamicClient
    from kubernetes.dynamic.exceptions import DynamicApiError, NotFoundError
    from urllib3.exceptions import HTTPError

    IMPORT_ERROR = None
except ImportError:
    IMPORT_ERROR = traceback.format_exc()

APPLY_PATCH = "application/apply-patch+yaml"
SECONDS = (5, 30)
"""How long a request may take to connect, and to be answered."""
# Triton's tables and unloading come after the reason, so a few lines would not reach it.
LOG_LINES = 500


class Cluster:
    """The API of the cluster of KUBECONFIG, by path."""

    def __init__(self) -> None:
        """Read the kubeconfig."""
        client = kubernetes.config.new_client_from_config(os.environ.get("KUBECONFIG"))
        # Paths are known, so there is nothing to discover.
        self._client = DynamicClient(client, discoverer=lambda *_: None)

    def send(self, method: str, path: str, body: Any = None, query: Any = None) -> Any:
        """Return the answer to a request, or None where there is no such object."""
        try:
            return json.loads(self._ask(method, path, body, query))
        except NotFoundError:
            return None

    def problems(self, namespace: str, query: dict[str, str]) -> list[str]:
        """Return why the selected pods of a namespace are not ready."""
        folder = f"/api/v1/namespaces/{namespace}"
        pods = self.send("GET", f"{folder}/pods", query=query)["items"]
        warnings = self.send("GET", f"{folder}/events", query={"fieldSelector": "type=Warning"})

        def log(pod: str, container: str) -> str:
            asked = {"container": container, "tailLines": str(LOG_LINES)}
            try:
                return self._ask("GET", f"{folder}/pods/{pod}/log", None, asked).decode()
            except DynamicApiError:
                # Kubernetes keeps no log of a container that never ran or is already cleared away.
                return ""

        return problems(pods, warnings["items"], log)

    def _ask(self, method: str, path: str, body: Any, query: Any) -> bytes:
        answer = self._client.request(
            method,
            path,
            body=body,
            query_params=list((query or {}).items()),
            content_type=APPLY_PATCH if method == "PATCH" else None,
            _request_timeout=SECONDS,
            serialize=False,
        )
        return answer.data


class Run:
    """One call of the module."""

    def __init__(self, module: AnsibleModule) -> None:
        """Read the options."""
        self.check_mode = module.check_mode
        self.params = module.params
        self.scratch = module.tmpdir
        self.title = f"{self.params['namespace']}/{self.params['name']}"
        helm = module.get_bin_path("helm", required=True)
        self.release = HelmRelease(
            lambda arguments, stdin: module.run_command([helm, *arguments], data=stdin),
            self.params["name"],
            self.params["namespace"],
        )

    def __call__(self) -> dict[str, Any]:
        """Bring the release where it is wanted; return the result."""
        history = self.history()
        objects = Objects(no_cluster if history is None else Cluster().send, self.check_mode)
        before = self.release.facts(history[-1]) if history else {}
        if self.params["state"] == "absent":
            after: dict[str, Any] = {}
            changes = changes_of("HelmRelease", self.title, before, after)
            if changes and not self.check_mode:
                self.release.uninstall(self.params["timeout"])
            for manifest, _ in reversed(manifests_of(self.params)):
                changes += objects.delete(manifest, self.params["timeout"])
        else:
            changes = []
            for manifest, wanted in manifests_of(self.params):
                changes += (
                    objects.apply(manifest)
                    if wanted
                    else objects.delete(manifest, self.params["timeout"])
                )
            after = self.deploy(history or [], before)
            changes += changes_of("HelmRelease", self.title, before, after)
        return {
            "changed": bool(changes),
            "changes": changes,
            "diff": {"before": before, "after": after},
        }

    def history(self) -> list[dict[str, Any]] | None:
        """Return the revisions; in check mode None where there is no cluster to ask yet."""
        paths = os.environ.get("KUBECONFIG", "")
        if self.check_mode and paths and not any(map(os.path.isfile, paths.split(os.pathsep))):
            return None
        try:
            return self.release.history()
        except ClusterUnreachableError:
            if self.check_mode:
                return None
            raise

    def deploy(self, history: list[dict[str, Any]], before: dict[str, Any]) -> dict[str, Any]:
        """Have the release deployed; return what it is then."""
        options = self.params
        if options["repository"]:
            chart = Chart(options["chart"], options["version"], options["repository"])
        else:
            chart = Chart.in_folder(options["chart"])
        after = release_facts("deployed", chart.title, options["values"])
        if self.check_mode:
            if before != after:
                self.release.look_up(chart, self.scratch)
            return after
        if recovery := plan(history):
            self.release.recover(recovery, options["timeout"], wait=False)
            good = [item for item in history if item["revision"] == recovery.revision]
            before = self.release.facts(good[0] | {"status": "deployed"}) if good else {}
        if before != after:
            try:
                self.release.install(chart, options["values"], options["timeout"], self.scratch)
            except HelmError as error:
                new = f" with the new {', '.join(sorted(differences(before, after)))}"
                reasons = "; ".join(self.reasons() or [str(error)])
                raise HelmError(
                    f"not deployed{new if before else ''}: {reasons}. {self.restore()}"
                ) from error
        return after

    def reasons(self) -> list[str]:
        """Return why the release's pods are not ready."""
        kinds = [manifest["kind"] for manifest in self.params["objects"]]
        of_release = {"labelSelector": f"app.kubernetes.io/instance={self.params['name']}"}
        try:
            query = {} if "Namespace" in kinds else of_release
            return Cluster().problems(self.params["namespace"], query)
        except (ApiException, HTTPError):
            # Helm's own reason is left.
            return []

    def restore(self) -> str:
        """Bring back what was deployed before a failed installation; say what that is."""
        try:
            history = self.release.history()
            recovery = plan(history)
            if recovery:
                self.release.recover(recovery, self.params["timeout"], wait=True)
        except HelmError as error:
            return f"What was deployed before cannot be restored: {error}"
        if (recovery and recovery.revision) or (history and not recovery):
            return "What was deployed before is still there."
        return "Nothing was deployed before."


def no_cluster(*_: Any, **__: Any) -> None:
    """Return what a cluster answers that is yet to be created: it has no such object."""


def manifests_of(params: dict[str, Any]) -> list[tuple[dict[str, Any], bool]]:
    """Return the objects in the order of their creation, each with whether it is to be there."""
    secrets = [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": params["namespace"]},
            "data": {
                key: base64.b64encode(text.encode()).decode() for key, text in content.items()
            },
        }
        for name, content in params["secrets"].items()
    ]
    objects = [(manifest, True) for manifest in params["objects"]]
    return objects + [(secret, bool(secret["data"])) for secret in secrets]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "chart": {"type": "str", "required": True},
            "repository": {"type": "str", "default": ""},
            "version": {"type": "str", "default": ""},
            "values": {"type": "dict", "default": {}},
            "objects": {"type": "list", "elements": "dict", "default": []},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("kubernetes"), exception=IMPORT_ERROR)
    run = Run(module)
    try:
        result = run()
    except (HelmError, TimeoutError, HTTPError, kubernetes.config.ConfigException) as error:
        module.fail_json(msg=f"Release {run.title}: {error}")
    except DynamicApiError as error:
        module.fail_json(msg=f"Release {run.title}: HTTP {error.status}: {error.summary()}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
