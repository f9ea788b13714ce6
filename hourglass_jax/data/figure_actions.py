"""What figures do: joint angles, in degrees, of legs and arms in some twenty actions.

Every angle is the middle of a range; `figure_pose` draws around it. Legs are measured
from an upright body, arms from the chest.
"""

from typing import NamedTuple


class Leg(NamedTuple):
    """Thigh forward, thigh outward, toes outward, knee bent."""

    flex: float
    abduct: float
    twist: float
    knee: float


class Arm(NamedTuple):
    """Upper arm forward, upper arm outward, forearm turned inward, elbow bent."""

    flex: float
    abduct: float
    twist: float
    elbow: float


class Action(NamedTuple):
    """One action: a leading and a trailing leg, the gestures of each arm, the trunk.

    `lean` is the trunk's angle forward, `lift` the height of the feet over the ground
    in body heights, `weight` how often the action is drawn.
    """

    weight: float
    lead: Leg
    trail: Leg
    lead_arms: tuple[str, ...]
    trail_arms: tuple[str, ...]
    lean: float = 0.0
    lift: float = 0.0
    seated: bool = False


GESTURES = {
    "down": Arm(2, 10, 10, 14),
    "relaxed": Arm(8, 16, 20, 30),
    "hip": Arm(-22, 46, 62, 100),
    "wave": Arm(8, 88, -82, 75),
    "raised": Arm(158, 12, 0, 18),
    "spread_up": Arm(10, 138, -60, 18),
    "side": Arm(5, 86, -40, 12),
    "low_side": Arm(5, 48, 0, 14),
    "reach": Arm(82, 8, 10, 18),
    "point": Arm(62, 42, 0, 12),
    "chin": Arm(42, 10, 28, 132),
    "folded": Arm(36, 12, 72, 98),
    "carry": Arm(18, 10, 6, 88),
    "behind_head": Arm(30, 118, -75, 128),
    "flex_biceps": Arm(10, 86, -85, 118),
    "throw": Arm(-15, 96, -68, 84),
    "swing_back": Arm(-26, 10, 12, 22),
    "swing_front": Arm(28, 8, 22, 32),
    "pump_back": Arm(-46, 12, 10, 92),
    "pump_front": Arm(34, 8, 22, 98),
    "on_knee": Arm(38, 12, 14, 36),
}

_CALM = ("down", "relaxed", "down", "hip", "folded", "carry", "chin", "swing_front")
_LIVELY = (
    *("wave", "raised", "spread_up", "side", "low_side", "reach", "point", "hip"),
    *("flex_biceps", "behind_head", "relaxed", "down"),
)
_JOYFUL = ("raised", "spread_up", "spread_up", "side", "wave", "flex_biceps")
_BALANCING = ("side", "low_side", "spread_up", "raised", "reach", "point", "hip")

ACTIONS = (
    # standing: straight, on one hip, with feet apart, legs crossing a little
    Action(16, Leg(2, 4, 8, 4), Leg(2, 4, 8, 4), _CALM, _CALM),
    Action(14, Leg(2, 4, 8, 4), Leg(2, 4, 8, 4), _LIVELY, _LIVELY),
    Action(12, Leg(0, 2, 6, 2), Leg(18, 8, 16, 30), _CALM, _LIVELY),
    Action(9, Leg(3, 18, 14, 4), Leg(3, 18, 14, 4), _LIVELY, _LIVELY),
    # going: walking, striding, running, climbing
    Action(14, Leg(25, 3, 4, 8), Leg(-17, 3, 4, 20),
           ("swing_back",), ("swing_front",), 3),
    Action(5, Leg(28, 3, 4, 10), Leg(-15, 3, 4, 26), _LIVELY, ("swing_front",), 3),
    Action(11, Leg(66, 4, 0, 82), Leg(-20, 4, 0, 38),
           ("pump_back",), ("pump_front",), 12, 0.03),
    Action(4, Leg(58, 5, 5, 72), Leg(0, 3, 5, 5), ("swing_back", "on_knee"), _CALM, 8),
    # sport: lunge, kick, squat, throw, bend
    Action(7, Leg(72, 6, 5, 84), Leg(-22, 6, 5, 32), _LIVELY, _LIVELY, 6),
    Action(5, Leg(64, 8, 0, 14), Leg(-5, 5, 4, 10), _BALANCING, _BALANCING, -8, 0.01),
    Action(5, Leg(78, 22, 20, 100), Leg(78, 22, 20, 100),
           ("reach", "carry", "folded"), ("reach", "carry", "folded"), 28),
    Action(5, Leg(20, 14, 8, 20), Leg(-12, 14, 12, 12),
           ("throw",), ("reach", "point"), 4),
    Action(5, Leg(10, 8, 8, 16), Leg(10, 8, 8, 16), ("reach", "down", "on_knee"),
           ("reach", "down", "hip"), 52),
    Action(4, Leg(4, 10, 8, 4), Leg(4, 10, 8, 4), ("side",), ("side", "low_side"), 30),
    # in the air
    Action(5, Leg(8, 26, 10, 10), Leg(8, 26, 10, 10), _JOYFUL, _JOYFUL, 0, 0.09),
    Action(5, Leg(48, 10, 5, 78), Leg(6, 10, 5, 60), _JOYFUL, _JOYFUL, 4, 0.1),
    # balance on one leg, kneeling, sitting
    Action(3, Leg(52, 46, 34, 118), Leg(0, 2, 4, 2), _BALANCING, _BALANCING),
    Action(5, Leg(84, 8, 4, 88), Leg(0, 4, 2, 86),
           ("on_knee", "carry", "hip"), _LIVELY, 4),
    Action(10, Leg(82, 9, 6, 84), Leg(80, 9, 6, 80),
           ("on_knee", "carry", "folded", "chin", "wave"),
           ("on_knee", "carry", "folded", "relaxed", "raised"), 6, 0, True),
)  # fmt: skip
