"""What is said of background processes to the modules that start them and look at them."""

from __future__ import annotations


class ModuleDocFragment:
    """Fragment `mlops.gpu_platform.local_processes`."""

    DOCUMENTATION = r"""
options:
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
          never replaced, since that would be lost; it ends with
          O(mlops.gpu_platform.local_processes#module:state=stopped).
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
"""
