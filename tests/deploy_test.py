"""The launch files are well formed, and what they start is understood."""

import math
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from hourglass_jax.config_files import load_config
from hourglass_jax.training import command

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"


@pytest.fixture
def understand(monkeypatch):
    """Parse a command's arguments; gives what `joined` and `train` would receive."""
    monkeypatch.chdir(ROOT)

    def parse(arguments):
        assert arguments[0] == "train"
        received = []

        def joined(*options):
            received.append(options)
            return open(ROOT / "LICENSE")  # any context manager

        def train(*options):
            received.append(options)
            return 0

        monkeypatch.setattr(command, "joined", joined)
        monkeypatch.setattr(command, "_train", train)
        assert command.run(arguments[1:]) == 0
        return received

    return parse


def read_jobset(name):
    """The JobSet, its only Job, that Job's pod and the pod's only container."""
    jobset = yaml.safe_load((DEPLOY / name).read_text())
    assert jobset["apiVersion"] == "jobset.x-k8s.io/v1alpha2"
    assert jobset["kind"] == "JobSet"
    (replicated,) = jobset["spec"]["replicatedJobs"]
    assert replicated["replicas"] == 1
    job = replicated["template"]["spec"]
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    return jobset, job, pod, container


@pytest.mark.parametrize("name", ["gke_tpu.yaml", "gke_gpu.yaml"])
def test_a_jobset_starts_again_as_a_whole_and_has_time_to_save(name):
    jobset, job, pod, container = read_jobset(name)
    assert jobset["spec"]["failurePolicy"]["maxRestarts"] > 0
    assert job["completions"] == job["parallelism"] > 1
    assert job["completionMode"] == "Indexed"
    assert job["backoffLimit"] == 0  # one pod alone cannot be replaced
    assert pod["restartPolicy"] == "Never"
    assert pod["terminationGracePeriodSeconds"] >= 60
    volumes = {volume["name"] for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_a_slice_has_as_many_chips_as_its_machines():
    _, job, pod, container = read_jobset("gke_tpu.yaml")
    topology = pod["nodeSelector"]["cloud.google.com/gke-tpu-topology"]
    chips = container["resources"]["limits"]["google.com/tpu"]
    assert math.prod(map(int, topology.split("x"))) == chips * job["parallelism"]


def test_what_runs_on_tpus_is_understood(understand):
    *_, container = read_jobset("gke_tpu.yaml")
    joined, (config, workdir, _) = understand(container["args"])
    assert joined == ("auto", None, None)
    assert workdir.is_relative_to("/shared")
    assert config.train.batch_size % 16 == 0
    assert config.model == load_config(ROOT / "configs/lspet_hg2.py").model


def test_what_runs_on_gpus_is_understood(understand):
    jobset, job, _, container = read_jobset("gke_gpu.yaml")
    platforms, variable = container["env"]
    assert platforms == {"name": "JAX_PLATFORMS", "value": "cuda"}
    wanted = f"$({variable['name']})"
    arguments = [a.replace(wanted, "1") for a in container["args"]]
    (coordinator, processes, process_id), (config, *_) = understand(arguments)
    assert (processes, process_id) == (job["parallelism"], 1)
    name, worker = jobset["metadata"]["name"], jobset["spec"]["replicatedJobs"][0]
    port = container["ports"][0]["containerPort"]
    assert coordinator == f"{name}-{worker['name']}-0-0.{name}:{port}"
    gpus = container["resources"]["limits"]["nvidia.com/gpu"]
    assert config.train.batch_size % (gpus * processes) == 0


def test_the_slurm_script_is_well_formed_and_understood(understand):
    script = DEPLOY / "slurm.sh"
    subprocess.run(["bash", "-n", script], check=True)
    text = script.read_text()
    options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S+))?$", text, re.MULTILINE))
    assert options["ntasks-per-node"] == options["gpus-per-node"]
    assert options["signal"] == "TERM@120"
    assert "requeue" in options
    (line,) = re.findall(r"^srun \S+ hourglass (.*?[^\\])$", text, re.M | re.S)
    joined, (config, *_) = understand(shlex.split(line.replace("\\\n", " ")))
    assert joined == ("auto", None, None)
    tasks = int(options["nodes"]) * int(options["ntasks-per-node"])
    assert config.train.batch_size % tasks == 0


def test_the_image_is_made_of_what_is_there():
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    copied = [name for x in lines if x.startswith("COPY") for name in x.split()[1:-1]]
    assert "hourglass_jax" in copied
    assert all((ROOT / name).exists() for name in copied)
