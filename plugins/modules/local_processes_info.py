#!/usr/bin/python
"""Ansible module: what has become of background processes of this machine."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: local_processes_info
short_description: Tell whether background processes run, answer and are what would be started now
version_added: 0.1.0
description:
  - Looks at what M(mlops.gpu_platform.local_processes) has started - whether the process is there,
    whether its URL answers, whether it was started from the same command, environment and files,
    and what it has logged last.
  - A process that is not well is a finding, not a failure.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
extends_documentation_fragment:
  - mlops.gpu_platform.local_processes
  - mlops.gpu_platform.attributes.reader
"""

EXAMPLES = r"""
- name: See whether a folder is served
  mlops.gpu_platform.local_processes_info:
    run_directory: /var/tmp/example/run
    log_directory: /var/tmp/example/logs
    processes:
      - name: files
        argv: [python3, -m, http.server, "18080", --bind, 127.0.0.1]
        ports:
          http: 18080
        ready_url: http://127.0.0.1:18080/
  register: result
"""

RETURN = r"""
processes:
  description: What was found of each process.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The process.
      type: str
      returned: always
    state:
      description:
        - V(running) when it is well.
        - V(silent) when it runs and its URL does not answer; V(halted) when it was stopped by a
          signal, to be continued.
        - V(other) when it was started from something else than would be started now.
        - V(ended) when it has ended by itself, or was killed; V(absent) when it was not started.
        - V(blocked) when it does not run, and a port that it needs is in use.
      type: str
      returned: always
    pid:
      description: Its process id; V(null) when there is no process.
      type: int
      returned: always
    found:
      description: What was found, in a sentence.
      type: str
      returned: always
    log_file:
      description: Where it logs.
      type: str
      returned: always
    log:
      description: What it has logged last.
      type: list
      elements: str
      returned: always
  sample:
    - name: files
      state: ended
      pid: null
      found: its process 4711 has ended, though nobody stopped it
      log_file: /var/tmp/example/logs/files.log
      log: ["Serving HTTP on 127.0.0.1 port 18080 (http://127.0.0.1:18080/) ..."]
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes import (
    OPTIONS,
    Process,
)
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local.processes_info import (
    Observer,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    observer = Observer(Path(module.params["run_directory"]), Path(module.params["log_directory"]))
    try:
        found = [
            asdict(observer.look(Process(**options))) for options in module.params["processes"]
        ]
    except ValueError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, processes=found)


if __name__ == "__main__":
    main()
