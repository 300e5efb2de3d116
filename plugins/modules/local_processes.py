#!/usr/bin/python
"""Ansible module: background processes of this machine."""

# Apache License 2.0 (see LICENSE)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: local_processes
short_description: Start and stop background processes of this machine by their pid files
version_added: 0.1.0
description:
  - Starts processes in the order given, waits until each answers, and records their pids.
  - A process that runs with the same command, environment, files and code is used again. It is
    waited for, and never stopped because it does not answer.
  - Where one of them differs, the process is replaced, unless it O(processes[].holds) something.
    Then that is refused before anything changes.
  - Ports that another program has are refused before any process is started, with whose they are.
  - Processes are asked directly, whatever proxy the environment names.
author:
  - mlops.gpu_platform maintainers (@mlops-gpu-platform)
options:
  state:
    description:
      - V(started) starts what is not running; V(stopped) stops everything of O(run_directory).
    type: str
    choices: [started, stopped]
    default: started
  run_directory:
    description: Where the pid files are.
    type: path
    required: true
  log_directory:
    description: Where each process's output is appended to C(<name>.log).
    type: path
    required: true
  processes:
    description: The processes, in the order in which they start.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the process, of its pid file and of its log.
        type: str
        required: true
      argv:
        description: The command and its arguments.
        type: list
        elements: str
        required: true
      env:
        description: Environment variables beside those of the playbook.
        type: dict
        default: {}
      ports:
        description: What each port of 127.0.0.1 that the process takes is for.
        type: dict
        default: {}
      files:
        description: >-
          Files and folders that the process reads when it starts, its code among them. When one
          changes, the process is replaced.
        type: list
        elements: path
        default: []
      holds:
        description: >-
          What the process has in its memory only, such as V(the orders of today). Such a process is
          never replaced, since that would be lost; it ends with O(state=stopped).
        type: str
      ready_url:
        description: >-
          A URL that answers with less than a server error once the process is ready. Without it,
          the process is ready when it runs.
        type: str
      timeout:
        description: Seconds until the process must answer.
        type: int
        default: 30
attributes:
  check_mode:
    description: Refuses what it would refuse, and tells what would be started or stopped.
    support: full
  diff_mode:
    description: Has no file to show.
    support: none
  idempotent:
    description: A process that runs as asked is left alone.
    support: full
"""

EXAMPLES = r"""
- name: Serve a folder
  mlops.gpu_platform.local_processes:
    run_directory: /var/tmp/example/run
    log_directory: /var/tmp/example/logs
    processes:
      - name: files
        argv: [python3, -m, http.server, "18080", --bind, 127.0.0.1]
        ports:
          http: 18080
        ready_url: http://127.0.0.1:18080/

- name: Stop it
  mlops.gpu_platform.local_processes:
    state: stopped
    run_directory: /var/tmp/example/run
    log_directory: /var/tmp/example/logs
"""

RETURN = r"""
names:
  description: The processes that were started or stopped.
  returned: success
  type: list
  elements: str
  sample: [files]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mlops.gpu_platform.plugins.module_utils.local_processes import (
    Process,
    ProcessError,
    Supervisor,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
            "run_directory": {"type": "path", "required": True},
            "log_directory": {"type": "path", "required": True},
            "processes": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "argv": {"type": "list", "elements": "str", "required": True},
                    "env": {"type": "dict", "default": {}},
                    "ports": {"type": "dict", "default": {}},
                    "files": {"type": "list", "elements": "path", "default": []},
                    "holds": {"type": "str"},
                    "ready_url": {"type": "str"},
                    "timeout": {"type": "int", "default": 30},
                },
            },
        },
        supports_check_mode=True,
    )
    supervisor = Supervisor(
        Path(module.params["run_directory"]), Path(module.params["log_directory"])
    )
    try:
        if module.params["state"] == "stopped":
            names = supervisor.stop_all(check_mode=module.check_mode)
        else:
            processes = [Process(**options) for options in module.params["processes"]]
            names = supervisor.start(processes, check_mode=module.check_mode)
    except ProcessError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(names), names=names)


if __name__ == "__main__":
    main()
