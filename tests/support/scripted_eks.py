"""What EKS answers about versions of Kubernetes, as scripts of several tests expect it."""

from __future__ import annotations

from support.scripted_aws import ScriptedAws


def expect_offers(script: ScriptedAws) -> None:
    """Expect a look at the versions that EKS supports."""
    offers = [
        {"clusterVersion": "1.34", "versionStatus": "STANDARD_SUPPORT"},
        {"clusterVersion": "1.33", "versionStatus": "EXTENDED_SUPPORT"},
        {"clusterVersion": "1.9", "versionStatus": "UNSUPPORTED"},
    ]
    script.answer("eks", "describe_cluster_versions", {"clusterVersions": offers})


def expect_parts(
    script: ScriptedAws,
    node_groups: dict[str, str] | None = None,
    addons: dict[str, tuple[str, list[str]]] | None = None,
    insights: list[str] | None = None,
) -> None:
    """Expect a look at all that may stand in the way of an upgrade to 1.34.

    Node groups have versions; add-ons have one, and offers of which the last is the default.
    """
    names = list(node_groups or {})
    script.answer("eks", "list_nodegroups", {"nodegroups": names}, clusterName="mlops")
    for name, version in (node_groups or {}).items():
        group = {"nodegroup": {"nodegroupName": name, "version": version}}
        names_group = {"clusterName": "mlops", "nodegroupName": name}
        script.answer("eks", "describe_nodegroup", group, **names_group)
    script.answer("eks", "list_addons", {"addons": list(addons or {})}, clusterName="mlops")
    for name, (version, offers) in (addons or {}).items():
        addon = {"addon": {"addonName": name, "addonVersion": version}}
        script.answer("eks", "describe_addon", addon, clusterName="mlops", addonName=name)
        if offers:
            expect_addon_offers(script, name, offers)
    filters = {
        "categories": ["UPGRADE_READINESS"],
        "kubernetesVersions": ["1.34"],
        "statuses": ["ERROR"],
    }
    found = {"insights": [{"name": name} for name in insights or []]}
    script.answer("eks", "list_insights", found, clusterName="mlops", filter=filters)


def expect_addon_offers(script: ScriptedAws, name: str, offers: list[str]) -> None:
    """Expect a look at the versions of an add-on, of which the last is the default."""
    versions = [
        {
            "addonVersion": offer,
            "compatibilities": [{"clusterVersion": "1.34", "defaultVersion": offer == offers[-1]}],
        }
        for offer in offers
    ]
    answer = {"addons": [{"addonName": name, "addonVersions": versions}]}
    script.answer(
        "eks", "describe_addon_versions", answer, addonName=name, kubernetesVersion="1.34"
    )
