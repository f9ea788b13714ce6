"""Films to test with."""

from fractions import Fraction

import av
import numpy as np

MILLISECOND = Fraction(1, 1000)

# Shown at odd moments, as telephones record.
TICKS = (0, 40, 75, 130, 160, 230, 300, 310, 400, 440, 480, 520)


def pictures(size=(48, 64)):
    """Grey that rises from frame to frame, with a white left half."""
    for i in range(len(TICKS)):
        picture = np.full((*size, 3), 10 * i, np.uint8)
        picture[:, : size[1] // 2] = 255
        yield picture


def make(path, size=(48, 64), turned=0, shown=TICKS, **options):
    """Encoders refuse times that stand still; files hold any that are ``shown``."""
    times = iter(shown)

    def mux(packets):
        for packet in packets:
            packet.pts = packet.dts = next(times)
            container.mux(packet)

    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = size[1], size[0], "yuv420p"
        stream.codec_context.time_base = MILLISECOND
        stream.codec_context.thread_count = 2  # what is written depends on it
        if turned:
            stream.set_display_rotation(turned)
        for picture, ticks in zip(pictures(size), TICKS, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = ticks, MILLISECOND
            mux(stream.encode(frame))
        mux(stream.encode())
    return path
