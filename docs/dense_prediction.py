"""Another dense task with the same network: the parts of drawn faces, as masks.

python docs/dense_prediction.py      two minutes on two CPU cores
"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import optax
from faces import PARTS, draw_batch, save_sheet

from hourglass_jax.models import StackedHourglass, init


def train(net, steps):
    """Learn from drawn faces; returns the network's variables."""
    variables = init(net, jax.random.key(0))
    optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, steps))
    opt_state = optimiser.init(variables["params"])

    @jax.jit
    def train_step(variables, opt_state, images, masks):
        def loss_of(params):
            own = {**variables, "params": params}
            logits, updates = net.apply(own, images, True, mutable=["batch_stats"])
            labels = jnp.broadcast_to(masks[None], logits.shape)  # every stack learns
            return optax.sigmoid_binary_cross_entropy(logits, labels).mean(), updates

        gradients, updates = jax.grad(loss_of, has_aux=True)(variables["params"])
        change, opt_state = optimiser.update(gradients, opt_state)
        params = optax.apply_updates(variables["params"], change)
        return {"params": params, **updates}, opt_state

    for step in range(steps):
        variables, opt_state = train_step(variables, opt_state, *draw_batch(step))
    return variables


def find_parts(net, variables, images):
    """The probability of every part, of the last stack."""
    logits = jax.jit(partial(net.apply, train=False))(variables, images)
    return jax.nn.sigmoid(logits[-1])


def overlap(answers, masks):
    """Intersection over union of each part, over all pictures."""
    both, either = (answers > 0.5) & (masks > 0.5), (answers > 0.5) | (masks > 0.5)
    return both.sum((0, 1, 2)) / either.sum((0, 1, 2))


if __name__ == "__main__":
    net = StackedHourglass(2, features=32, keypoints=len(PARTS), depth=3, stem_width=16)
    images, masks = draw_batch(400, size=32)  # none of which it has seen
    answers = find_parts(net, train(net, steps=400), images)
    for part, share in zip(PARTS, overlap(answers, masks), strict=True):
        print(f"{part}: intersection over union {share:.2f}")
    picture = Path(__file__).parent / "pictures" / "dense_prediction.png"
    save_sheet(picture, images, masks, jax.device_get(answers))
