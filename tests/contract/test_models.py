"""What the role model_repository takes is what its modules take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from ansible_collections.mlops.gpu_platform.plugins.module_utils.models.declaration import MODEL

ROOT = Path(__file__).resolve().parents[2]
COMPARED = ("type", "elements", "choices", "default", "required")


def compared(options: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: option[key] for key in COMPARED if key in option}
        for name, option in options.items()
    }


def test_an_entry_of_the_role_has_the_options_of_the_modules() -> None:
    specification = yaml.safe_load(
        (ROOT / "roles" / "model_repository" / "meta" / "argument_specs.yml").read_text()
    )
    options = specification["argument_specs"]["main"]["options"]["model_repository_models"]
    assert compared(options["options"]) == compared(MODEL)


def test_the_playbooks_build_on_the_image_of_the_role() -> None:
    wiring = yaml.safe_load((ROOT / "playbooks" / "group_vars" / "all.yml").read_text())
    role = yaml.safe_load((ROOT / "roles" / "triton_image" / "defaults" / "main.yml").read_text())
    assert wiring["triton_image_base"] == role["triton_image_base"]
