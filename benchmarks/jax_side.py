"""The side of jax_speed.py that Keras' JAX backend computes: built on the host, compiled and run on the device."""

import time

import jax
import keras
import numpy as np
from jax_rows import NETWORKS, Row, config_of, make_batch, make_case, sizes_of
from jax_steps import build_critic_of, build_network, case_step, game_step, state_of, volume_step, zeros_like

from segan_tl.errors import UserError
from segan_tl.models import mednext, nnunet
from segan_tl.models.foreign.torch_layout import collect

GIB = 2**30


class JaxRow:
    """One row: its networks, their state, and what is done with it again and again.

    Attributes:
        weights: of the networks, for PyTorch to start from; None where it has no such network.
        parameters: that learn, the critic's too.
    """

    def __init__(self, row: Row, *, size: int | None, batch_size: int | None, gpu: bool):
        if gpu and (found := jax.devices()[0].platform) != "gpu":  # JAX goes on without one
            raise UserError(f"expected a GPU, JAX found {found}: pip install 'jax[cuda12]', or --device cpu")
        if gpu:  # PyTorch's convolutions take TensorFloat-32, too
            jax.config.update("jax_default_matmul_precision", "tensorfloat32")
        keras.config.set_image_data_format("channels_last")
        keras.config.set_dtype_policy("mixed_bfloat16" if row.precision == "bfloat16" else row.precision)
        keras.utils.set_random_seed(0)
        self.row, config = row, config_of(row.network)
        sizes = sizes_of(row.network, config, size=size, batch_size=batch_size)
        with jax.default_device(jax.devices("cpu")[0]):  # random first weights, shape by shape
            networks = {"segmentor": build_network(config, grouped=NETWORKS[row.network].grouped)}
            if config.critic:
                networks["critic"] = build_critic_of(config)
            self.state, self.function = training_of(networks, config)
            self.batch = make_batch(config, sizes)
            if row.kind == "inference":
                self.state = state_of(networks["segmentor"])
                self.function = case_step(networks["segmentor"], config, sizes)
                self.batch = (make_case(config, sizes),)
        self.weights = _weights_for_pytorch(row.network, networks)
        learning = [variable for network in networks.values() for variable in network.trainable_variables]
        self.parameters = sum(int(np.prod(variable.shape)) for variable in learning)

    def start(self) -> dict:
        """Compile and take the first step; return what is known then, the losses or the mean probability to check."""
        device = jax.devices()[0]
        self.state = jax.device_put(self.state, device, may_alias=False)
        self.batch = jax.device_put(self.batch, device)
        begun = time.perf_counter()
        self.compiled = jax.jit(self.function, donate_argnums=0).lower(self.state, *self.batch).compile()
        seconds = time.perf_counter() - begun
        self.run(1)
        first = [float(jax.numpy.mean(value)) for value in jax.tree.leaves(self.answer)]
        return {
            "warm_up_seconds": seconds, "check": first, "parameters": self.parameters,
            "planned_gib": _planned_gib(self.compiled), "device": device.device_kind,
        }  # fmt: skip

    def run(self, steps: int) -> float:
        """Return the seconds of some steps, or of as many cases, each fetched."""
        begun = time.perf_counter()
        for _ in range(steps):
            self.state, self.answer = self.compiled(self.state, *self.batch)
            if self.row.kind == "inference":
                np.asarray(self.answer)
        jax.block_until_ready((self.state, self.answer))
        return time.perf_counter() - begun

    def peak_gib(self) -> float | None:
        """Return the most that the device held, compilation and the trials of its convolutions included."""
        statistics = jax.devices()[0].memory_stats()
        return statistics["peak_bytes_in_use"] / GIB if statistics else None


def training_of(networks: dict, config) -> tuple[dict, object]:
    """Return the first state and the step of a network of volumes, or of SegAN's game."""
    if not config.critic:
        state = state_of(networks["segmentor"])
        return state | {"velocities": zeros_like(state["weights"])}, volume_step(networks["segmentor"], config)
    states = {name: state_of(network) for name, network in networks.items()}
    state = {kind: {name: states[name][kind] for name in states} for kind in ("weights", "rest")}
    return state | {"squares": zeros_like(state["weights"])}, game_step(**networks, config=config)


def _weights_for_pytorch(name: str, networks: dict):
    """Return the first weights as the original's side takes them."""
    network = networks["segmentor"]
    if "critic" in networks:
        return {key: [np.asarray(v) for v in one.trainable_variables] for key, one in networks.items()}
    family = {"nnunet": nnunet, "mednext": mednext}.get(name.partition("_")[0])
    return collect(network, family.torch_names(network)) if family else None


def _planned_gib(compiled) -> float:
    """Return what XLA plans to hold in a step: arguments, results where they are others, and what lies between."""
    plan = compiled.memory_analysis()
    whole = plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes
    return (whole - plan.alias_size_in_bytes) / GIB
