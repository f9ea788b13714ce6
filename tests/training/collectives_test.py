"""Counting what a program sends, on texts in XLA's form with known answers."""

from hourglass_jax.training.collectives import count_collectives

TEXT = """\
HloModule jit_step, is_scheduled=true

%add (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %sum = f32[] add(%x, %y)
}

%body.1 (p: (s32[], f32[4,8])) -> (s32[], f32[4,8]) {
  %p = (s32[], f32[4,8]{1,0}) parameter(0)
  %g = f32[4,8]{1,0:T(8,128)} get-tuple-element(%p), index=1
  %all-reduce.3 = f32[4,8]{1,0:T(8,128)} all-reduce(%g), channel_id=1, to_apply=%add
  ROOT %t = (s32[], f32[4,8]{1,0}) tuple(%g, %all-reduce.3)
}

%cond.1 (p.2: (s32[], f32[4,8])) -> pred[] {
  ROOT %less = pred[] constant(true)
}

%wrapped (w: bf16[16]) -> bf16[16] {
  ROOT %inner = bf16[16]{0} reduce-scatter(%w), dimensions={0}, to_apply=%add
}

ENTRY %main (a: f32[4,8], b: f32[3]) -> f32[4,8] {
  %a = f32[4,8]{1,0} parameter(0)
  %b = f32[3]{0} parameter(1)
  %all-reduce.4 = (f32[4,8]{1,0}, /*index=1*/f32[3]{0}) \
all-reduce(%a, %b), to_apply=%add
  %loop = (s32[], f32[4,8]{1,0}) while(%z), condition=%cond.1, body=%body.1, \
backend_config={"known_trip_count":{"n":"7"}}
  %start = (f32[3]{0}, f32[6]{0}) all-gather-start(%b), dimensions={0}
  %done = f32[6]{0} all-gather-done(%start)
  %halo-start = (u8[5]{0}, u8[5]{0}, u32[], u32[]) collective-permute-start(%q)
  %halo = u8[5]{0} collective-permute-done(%halo-start)
  %fused = bf16[16]{0} fusion(%v), kind=kCustom, calls=%wrapped
  ROOT %all-to-all.1 = pred[9]{0} all-to-all(%m), metadata={op_name="x/all-reduce(y)"}
}
"""


def test_every_kind_is_counted_with_the_bytes_of_its_result():
    assert count_collectives(TEXT) == {
        "all-reduce": (1 + 7, 4 * (32 + 3) + 7 * 4 * 32),
        "all-gather": (1, 4 * 6),
        "reduce-scatter": (1, 2 * 16),
        "all-to-all": (1, 9),
        "collective-permute": (1, 5),
    }


def test_a_loop_of_unknown_length_counts_once():
    unknown = TEXT.replace("known_trip_count", "other")
    assert count_collectives(unknown)["all-reduce"] == (2, 4 * (32 + 3) + 4 * 32)


def test_a_program_that_sends_nothing_has_none():
    assert (
        count_collectives("ENTRY %main () -> f32[] {\n  ROOT %c = f32[] add()\n}") == {}
    )
