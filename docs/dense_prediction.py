"""Another dense task with the same network: the parts of drawn faces, as masks.

    python docs/dense_prediction.py      two minutes on two CPU cores

The picture it writes shows faces that the network has not seen, their masks, and the
answers.
"""

from functools import partial
from pathlib import Path

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import optax

from hourglass_jax.models import STRIDE, StackedHourglass, init

SIDE, STEPS, BATCH = 128, 400, 8
CELLS = SIDE // STRIDE
net = StackedHourglass(stacks=2, features=32, keypoints=3, depth=3, stem_width=16)
optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, STEPS))


def draw_face(rng):
    """A picture and the masks of skin, eyes and mouth, uint8 [h w 3] both."""
    image = cv2.resize(rng.integers(0, 256, (8, 8, 3), np.uint8), (SIDE, SIDE))
    masks = np.zeros((3, SIDE, SIDE), np.uint8)
    turn, size = rng.uniform(-0.6, 0.6), rng.uniform(28, 44)
    middle = rng.uniform(SIDE / 2 - 16, SIDE / 2 + 16, 2)
    for part, x, y, width, height in [
        *[
            (0, 0, 0, 0.75, 1),
            (1, -0.35, -0.2, 0.25, 0.15),
            (1, 0.35, -0.2, 0.25, 0.15),
        ],
        (2, 0, 0.5, 0.35, rng.uniform(0.1, 0.2)),
    ]:
        at = middle + size * np.array(
            [x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)]
        )
        axes = 2 * size * np.array([width, height])
        ellipse = (at.tolist(), axes.tolist(), float(np.degrees(turn)))
        cv2.ellipse(image, ellipse, rng.integers(0, 256, 3).tolist(), -1)
        for i in range(3):  # what is drawn later hides what was there
            cv2.ellipse(masks[i], ellipse, int(i == part), -1)
    return image, masks.transpose(1, 2, 0)


def draw_batch(number):
    """Pictures in [0, 1], and the share of each cell of the output that a mask has."""
    rng = np.random.default_rng([0, number])
    images, masks = map(
        np.stack, zip(*(draw_face(rng) for _ in range(BATCH)), strict=True)
    )
    cells = masks.reshape(BATCH, CELLS, STRIDE, CELLS, STRIDE, 3).mean((2, 4))
    return np.float32(images / 255), np.float32(cells)


@jax.jit
def train_step(variables, opt_state, images, masks):
    """One step of Adam on the binary cross-entropy of every stack."""

    def loss_of(params):
        logits, updates = net.apply(
            variables | {"params": params}, images, train=True, mutable=["batch_stats"]
        )
        labels = jnp.broadcast_to(masks[None], logits.shape)
        return optax.sigmoid_binary_cross_entropy(logits, labels).mean(), updates

    grads, updates = jax.grad(loss_of, has_aux=True)(variables["params"])
    change, opt_state = optimiser.update(grads, opt_state)
    params = optax.apply_updates(variables["params"], change)
    return {"params": params, **updates}, opt_state


variables = init(net, jax.random.key(0))
opt_state = optimiser.init(variables["params"])
for step in range(STEPS):
    variables, opt_state = train_step(variables, opt_state, *draw_batch(step))

images, masks = draw_batch(STEPS)
logits = jax.jit(partial(net.apply, train=False))(variables, images)
answers = np.asarray(jax.nn.sigmoid(logits[-1]))
both, either = (masks > 0.5) & (answers > 0.5), (masks > 0.5) | (answers > 0.5)
print("IoU of skin, eyes, mouth:", both.sum((0, 1, 2)) / either.sum((0, 1, 2)))

rows = [images, *(m.repeat(STRIDE, 1).repeat(STRIDE, 2) for m in (masks, answers))]
sheet = np.vstack([np.hstack(row[:6]) for row in rows])[::2, ::2, ::-1]
path = Path(__file__).parent / "pictures" / "dense_prediction.png"
cv2.imwrite(str(path), np.uint8(np.round(255 * sheet)))
