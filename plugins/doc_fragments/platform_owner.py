"""How the modules that look for a whole platform are told which one."""

from __future__ import annotations


class ModuleDocFragment:
    """Options of the owner."""

    DOCUMENTATION = r"""
options:
  owner_tags:
    description:
      - Tags that mark the platform's resources. What carries all of them belongs to it, and so does
        what is in a VPC or a cluster that carries them.
    type: dict
    required: true
  cluster_name:
    description:
      - Name of the cluster. What its controllers have marked with it belongs to the platform, and
        so do the log groups that EKS names after it.
    type: str
    required: true
"""
