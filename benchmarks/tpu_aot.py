"""Compile for TPU pods that are not at hand, and read what the programs would cost.

    pip install libtpu
    python benchmarks/tpu_aot.py [--only v5e:16x16] [--seconds 2400]

libtpu compiles on any CPU host for slices that are described to it. Every program is
kept in results/tpu_aot.json as soon as it is done, and not compiled again; minutes each
on two cores. `python benchmarks/scaling_report.py` makes docs/scaling_pods.md from it.
"""

import argparse
import dataclasses
import datetime
import json
import os
import platform
import time
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # do not ask a cloud for the chips

import hlo_text
import jax
import jax.numpy as jnp
import jaxlib
import libtpu
from jax.experimental import topologies
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from roofline import CHIPS, compute_seconds, efficiency, exchange_seconds, work_of

from hourglass_jax.config import Config, MeshConfig, ModelConfig, TrainConfig
from hourglass_jax.diagnosis.cost import count_products, variable_shapes
from hourglass_jax.diagnosis.machine import cores
from hourglass_jax.inference.forward import find_keypoints
from hourglass_jax.training.collectives import count_collectives
from hourglass_jax.training.gradients import on_each_shard
from hourglass_jax.training.optim import make_optimiser
from hourglass_jax.training.sharding import make_mesh, replicated, split_batch
from hourglass_jax.training.state import TrainState, make_network
from hourglass_jax.training.step import jit_train_step, loss_of

RESULTS = Path(__file__).parent / "results" / "tpu_aot.json"
SIDE, KEYPOINTS = 256, 16


@dataclasses.dataclass(frozen=True)
class Case:
    """A program: what it does, for which chips, and how large."""

    topology: str
    program: str
    """train: the whole step. forward: up to the loss, as in training. predict: from
    pictures to keypoints."""
    stacks: int
    batch: int
    """Pictures a chip."""
    statistics: str = "per_shard"
    remat: str = "none"

    @property
    def config(self) -> Config:
        """As a user would write it, for one chip."""
        return Config(
            model=ModelConfig(stacks=self.stacks, dtype="bfloat16", remat=self.remat),
            train=TrainConfig(batch_size=self.batch, statistics=self.statistics),
            mesh=MeshConfig(),
        )


POD = "v5e:16x16"
CASES = (
    Case(POD, "train", 8, 16),
    Case(POD, "forward", 8, 16),
    Case(POD, "train", 8, 16, "synchronised"),
    Case(POD, "predict", 8, 16),
    Case(POD, "train", 2, 16),
    Case(POD, "train", 2, 16, "synchronised"),
    Case("v6e:16x16", "train", 8, 16),
    Case("v5p:4x8x8", "train", 8, 16),
    Case(POD, "train", 8, 64, remat="stack"),
    Case("v5e:4x4", "predict", 2, 64),
    Case("v6e:16x16", "predict", 8, 64),
    Case("v5p:4x8x8", "predict", 8, 64),
    Case("v5e:4x4", "train", 8, 16),
    Case(POD, "train", 8, 16, remat="stack"),
    Case(POD, "train", 8, 32, remat="stack"),
    Case(POD, "train", 8, 8),
    Case("v5e:4x4", "train", 2, 64),
    Case(POD, "train", 8, 32),
    Case("v6e:16x16", "train", 8, 64, remat="stack"),
    Case("v5p:4x8x8", "train", 8, 64),
)
"""The most wanted first."""


def main() -> None:
    """Compile what is not in the file yet, and print a line for each."""
    given = _parse()
    began = time.monotonic()
    report = _read()
    done = {_case(entry) for entry in report["programs"]}
    for case in CASES:
        wanted = given.only in f"{case.topology} {case.program}"
        late = time.monotonic() - began > given.seconds
        if wanted and not late and case not in done:
            report["programs"].append(measure(case))
            RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    for entry in report["programs"]:
        print(describe(entry))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="part of `v5e:16x16 train`")
    parser.add_argument(
        "--seconds", type=float, default=2400, help="then begin no more"
    )
    return parser.parse_args()


def _read() -> dict[str, Any]:
    if RESULTS.exists():
        return json.loads(RESULTS.read_text())
    return {"image": f"{SIDE}x{SIDE}", "dtype": "bfloat16", "programs": []}


def _case(entry: dict[str, Any]) -> Case:
    return Case(**{field.name: entry[field.name] for field in dataclasses.fields(Case)})


def measure(case: Case) -> dict[str, Any]:
    """Compile, and what there is to know of the program."""
    devices = topologies.get_topology_desc(
        platform="tpu", topology_name=case.topology
    ).devices
    about = {
        **dataclasses.asdict(case),
        "chips": len(devices),
        "device": devices[0].device_kind,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "host": f"{platform.machine()}, cores: {cores()}",
        "versions": {
            **{"jax": jax.__version__, "jaxlib": jaxlib.__version__},
            "libtpu": libtpu.__version__,
        },
    }
    began = time.perf_counter()
    # The network asks what it is traced for; this host is no TPU, the target is.
    with mock.patch.object(jax, "default_backend", return_value="tpu"):
        lowered = lower(case, devices)
    traced = time.perf_counter()
    about["trace_seconds"] = round(traced - began, 1)
    try:
        compiled = lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return {**about, "does_not_fit": str(error).splitlines()[0]}
    about["compile_seconds"] = round(time.perf_counter() - traced, 1)
    return {**about, **figures(case, compiled)}


def figures(case: Case, compiled: Any) -> dict[str, Any]:
    """Memory, work and exchanges of a program, all of one chip."""
    memory = compiled.memory_analysis()
    text = hlo_text.with_rounds(compiled.as_text())
    computations = hlo_text.parse(text)
    net = make_network(case.config, KEYPOINTS)
    passes = 3 if case.program == "train" else 1
    return {
        "memory_bytes": memory.argument_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.generated_code_size_in_bytes,
        "temporary_bytes": memory.temp_size_in_bytes,
        # The network's own: what remat computes again is not counted.
        "model_flops": 2
        * passes
        * case.batch
        * count_products(net, (SIDE, SIDE)).total(),
        "memory_traffic_bytes": hlo_text.count_hbm_bytes(computations),
        "estimated_cycles": hlo_text.count_cycles(computations),
        "collectives": {
            kind: {"count": count, "bytes": size}
            for kind, (count, size) in count_collectives(text).items()
        },
    }


def lower(case: Case, devices: Any) -> jax.stages.Lowered:
    """The program as XLA gets it, for all chips of the slice."""
    size = case.batch * len(devices)
    train = dataclasses.replace(case.config.train, batch_size=size)
    config = dataclasses.replace(case.config, train=train)
    mesh = make_mesh(config, devices)
    net = make_network(config, KEYPOINTS)
    variables = variable_shapes(net, (SIDE, SIDE))
    batch = {
        "image": jax.ShapeDtypeStruct((size, SIDE, SIDE, 3), jnp.uint8),
        "keypoints_crop": jax.ShapeDtypeStruct((size, KEYPOINTS, 2), jnp.float32),
        "visibility": jax.ShapeDtypeStruct((size, KEYPOINTS), jnp.uint8),
    }
    match case.program:
        case "train":
            optimiser = make_optimiser(config.optim, config.train.steps)
            state = TrainState(
                step=jax.ShapeDtypeStruct((), jnp.int32),
                variables=variables,
                opt_state=jax.eval_shape(optimiser.init, variables["params"]),
                ema=None,
            )
            return jit_train_step(net, optimiser, config, mesh).lower(state, batch)
        case "forward":
            return _forward(net, config, mesh).lower(variables, batch)
        case "predict":
            return _predict(net, config, mesh).lower(variables, batch["image"])
    raise ValueError(case.program)


def _forward(net: Any, config: Config, mesh: Mesh) -> Any:
    """Loss and new statistics of every chip's own rows, as the step has them."""

    def run(variables: Any, batch: Any) -> Any:
        rest = {name: each for name, each in variables.items() if name != "params"}
        result = loss_of(variables["params"], rest, batch, net, config)
        return jax.tree.map(lambda array: array[None], result)

    return jax.jit(
        on_each_shard(run, mesh, PartitionSpec("data")),
        in_shardings=(replicated(mesh), split_batch(mesh)),
    )


def _predict(net: Any, config: Config, mesh: Mesh) -> Any:
    split = NamedSharding(mesh, PartitionSpec("data"))
    run = partial(
        find_keypoints,
        net=net,
        mean=config.model.mean,
        partners=tuple(range(KEYPOINTS)),
        flip=False,
        decoder=config.target.decoder,
        sigma_hm=config.target.sigma_hm,
    )
    return jax.jit(run, in_shardings=(replicated(mesh), split), out_shardings=split)


def describe(entry: dict[str, Any]) -> str:
    """A program's figures and the roofline's estimate, in a few lines."""
    title = (
        f"{entry['topology']} {entry['program']}: {entry['stacks']} stacks, "
        f"{entry['batch']} pictures a chip, {entry['statistics']}, "
        f"remat {entry['remat']}"
    )
    if "does_not_fit" in entry:
        return f"{title}\n  does not fit: {entry['does_not_fit']}"
    chip, work = CHIPS[entry["topology"].partition(":")[0]], work_of(entry)
    alone, sent = (
        compute_seconds(chip, work),
        exchange_seconds(chip, work, entry["chips"]),
    )
    return (
        f"{title}\n"
        f"  {entry['memory_bytes'] / 1e9:.2f} GB of {chip.memory / 1e9:.0f}, "
        f"{work.flops / 1e12:.2f} TFLOP, {work.memory_bytes / 1e9:.1f} GB of traffic, "
        f"{work.exchanges} collectives of {work.exchanged_bytes / 1e6:.1f} MB, "
        f"compiled in {entry['compile_seconds']:.0f} s\n"
        f"  at best {1e3 * alone:.1f} ms + {1e3 * sent:.2f} ms of exchange; the "
        f"compiler expects {1e3 * entry['estimated_cycles'] / chip.clock:.1f} ms; "
        f"efficiency {100 * efficiency(chip, work, entry['chips']):.1f} %"
    )


if __name__ == "__main__":
    main()
