"""The manifests in deploy/kubernetes, as kustomize puts them together: valid, and true to the image."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from deploy.programs import programs
from tests.processes import PROJECT

MANIFESTS = PROJECT / "deploy" / "kubernetes"
# The oldest version that starts sidecars by itself, and the newest that is known.
VERSIONS = ("1.29", kubernetes_validate.latest_version())
Object = dict[str, Any]


def documents(path: Path) -> list[Object]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def written() -> list[Object]:
    """Every object that a file of the folder has, patches left out."""
    files = [path for path in MANIFESTS.rglob("*.yaml") if path.name != "kustomization.yaml"]
    return [one for path in files if path.parent.name != "geoip-update" for one in documents(path)]


def of_kind(kind: str) -> Object:
    (found,) = (one for one in written() if one["kind"] == kind)
    return found


STATEFUL_SET = of_kind("StatefulSet")
POD = STATEFUL_SET["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
POD_TEMPORARY = "/tmp"  # noqa: S108


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "manifest",
    [one for one in written() if one["kind"] != "ServiceMonitor"],
    ids=lambda one: f"{one['kind']}-{one['metadata']['name']}",
)
def test_kubernetes_takes_every_manifest(manifest: Object, version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("monitored", [False, True], ids=["plain", "with service-monitor"])
def test_kustomize_puts_them_together(tmp_path: Path, monitored: bool) -> None:
    kubectl = shutil.which("kubectl")
    if not kubectl:
        pytest.skip("kubectl, which brings kustomize, is in no registry that this suite may use")
    folder = tmp_path / "kubernetes"
    shutil.copytree(MANIFESTS, folder)
    shutil.copy(PROJECT / "deploy" / "environment.example", folder / "environment")
    if monitored:
        file = folder / "kustomization.yaml"
        file.write_text(file.read_text().replace("# - service-monitor", "- service-monitor"))
    done = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    for one in built:
        if one["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(one, VERSIONS[0], strict=True)
    assert monitored == any(one["kind"] == "ServiceMonitor" for one in built)
    (stateful_set,) = (one for one in built if one["kind"] == "StatefulSet")
    pod = stateful_set["spec"]["template"]["spec"]
    assert [one["name"] for one in pod["initContainers"]] == ["geoip-update"]
    (secret,) = (one for one in built if one["kind"] == "Secret")
    # The name has a digest, so that a changed file replaces the instances.
    assert {"secretName": secret["metadata"]["name"], "defaultMode": 0o440} in [
        volume.get("secret") for volume in pod["volumes"]
    ]


def test_files_that_are_named_are_there_and_none_besides() -> None:
    for kustomization in MANIFESTS.rglob("kustomization.yaml"):
        (content,) = documents(kustomization)
        named = {*content.get("resources", []), *(patch["path"] for patch in content.get("patches", []))}
        assert named == {path.name for path in kustomization.parent.glob("*.yaml")} - {"kustomization.yaml"}


def test_an_instance_runs_as_the_user_of_the_image_and_can_change_nothing_but_its_volumes() -> None:
    user = int(re.findall(r"^USER (\d+)", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)[0])
    context = POD["securityContext"]
    assert (context["runAsUser"], context["fsGroup"], context["runAsNonRoot"]) == (user, user, True)
    assert CONTAINER["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    mounts = {mount["mountPath"] for mount in CONTAINER["volumeMounts"] if not mount.get("readOnly")}
    assert mounts == {"/data", POD_TEMPORARY}


def test_a_pod_has_as_long_to_end_as_its_programs_and_its_pause_take() -> None:
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    stages = {program.stop: 0 for program in programs()}
    for program in programs():
        stages[program.stop] = max(stages[program.stop], program.stop_seconds)
    assert POD["terminationGracePeriodSeconds"] >= sum(stages.values()) + pause


def test_the_probes_ask_what_the_image_answers() -> None:
    probes = {name: CONTAINER[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
    paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
    assert paths == {"startup": "/health", "liveness": "/health", "readiness": "/ready"}
    assert CONTAINER["ports"] == [{"name": "http", "containerPort": 5000}]


def test_each_instance_keeps_a_volume_of_its_own() -> None:
    (claim,) = STATEFUL_SET["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    assert STATEFUL_SET["spec"]["persistentVolumeClaimRetentionPolicy"] == {
        "whenScaled": "Retain",
        "whenDeleted": "Retain",
    }


def test_services_budget_and_monitor_select_the_instances() -> None:
    labels = STATEFUL_SET["spec"]["template"]["metadata"]["labels"]
    services = {one["metadata"]["name"]: one for one in written() if one["kind"] == "Service"}
    assert STATEFUL_SET["spec"]["serviceName"] in services
    assert all(service["spec"]["selector"] == labels for service in services.values())
    assert of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    monitored = of_kind("ServiceMonitor")["spec"]["selector"]["matchLabels"]
    assert [name for name, one in services.items() if one["metadata"]["labels"] == monitored] == [
        "co-traffic-instances"
    ]
