import hlo_text
import pytest

from hourglass_jax.training.collectives import count_collectives

# A loop of 7 rounds that fetches a row of a table and writes one of a list, both in the
# chip's memory; between them the row lies in the core's, `S(1)`.
PROGRAM = """
HloModule jit_step, is_scheduled=true

%fetch (param_0: f32[7,8,128], param_1: s32[]) -> f32[8,128] {
  %param_0 = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %param_1 = s32[]{:T(128)S(6)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %row = f32[1,8,128]{2,1,0:T(8,128)} dynamic-slice(%param_0, %param_1, %zero, %zero), dynamic_slice_sizes={1,8,128}
  ROOT %bitcast.1 = f32[8,128]{1,0:T(8,128)S(1)} bitcast(%row)
}

%store (param_0.1: bf16[7,8,128], param_1.1: f32[8,128], param_2: s32[]) -> bf16[7,8,128] {
  %param_0.1 = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} parameter(0)
  %param_1.1 = f32[8,128]{1,0:T(8,128)S(1)} parameter(1)
  %param_2 = s32[]{:T(128)S(6)} parameter(2)
  %converted = bf16[1,8,128]{2,1,0:T(8,128)(2,1)} convert(%param_1.1)
  ROOT %written = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} dynamic-update-slice(%param_0.1, %converted, %param_2)
}

%body (carry: (s32[], f32[7,8,128], bf16[7,8,128])) -> (s32[], f32[7,8,128], bf16[7,8,128]) {
  %carry = (s32[]{:T(128)}, f32[7,8,128]{2,1,0:T(8,128)}, bf16[7,8,128]{2,1,0:T(8,128)(2,1)}) parameter(0)
  %i = s32[]{:T(128)S(6)} get-tuple-element(%carry), index=0
  %table = f32[7,8,128]{2,1,0:T(8,128)} get-tuple-element(%carry), index=1
  %list = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} get-tuple-element(%carry), index=2
  %fetched = f32[8,128]{1,0:T(8,128)S(1)} fusion(%table, %i), kind=kLoop, calls=%fetch, backend_config={"estimated_cycles":"100"}
  %summed = f32[8,128]{1,0:T(8,128)S(1)} all-reduce(%fetched), to_apply=%add
  %stored = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} fusion(%list, %summed, %i), kind=kLoop, calls=%store, backend_config={"estimated_cycles":"10"}
  ROOT %next = (s32[]{:T(128)}, f32[7,8,128]{2,1,0:T(8,128)}, bf16[7,8,128]{2,1,0:T(8,128)(2,1)}) tuple(%i, %table, %stored)
}

%condition (carry.1: (s32[], f32[7,8,128], bf16[7,8,128])) -> pred[] {
  %limit = s32[]{:T(128)} constant(7)
  %carry.1 = (s32[]{:T(128)}, f32[7,8,128]{2,1,0:T(8,128)}, bf16[7,8,128]{2,1,0:T(8,128)(2,1)}) parameter(0)
  %i.1 = s32[]{:T(128)} get-tuple-element(%carry.1), index=0
  ROOT %less = pred[]{:T(512)} compare(%i.1, %limit), direction=LT
}

ENTRY %main (p: f32[7,8,128], q: bf16[3,5]) -> bf16[7,8,128] {
  %p = f32[7,8,128]{2,1,0:T(8,128)} parameter(0)
  %q = bf16[3,5]{1,0:T(8,128)(2,1)} parameter(1)
  %moved = (bf16[3,5]{1,0:T(8,128)(2,1)S(1)}, bf16[3,5]{1,0:T(8,128)(2,1)}, u32[]{:S(2)}) copy-start(%q)
  %space = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} custom-call(), custom_call_target="AllocateBuffer"
  %start = (s32[]{:T(128)}, f32[7,8,128]{2,1,0:T(8,128)}, bf16[7,8,128]{2,1,0:T(8,128)(2,1)}) tuple(%i, %p, %space)
  %loop = (s32[]{:T(128)}, f32[7,8,128]{2,1,0:T(8,128)}, bf16[7,8,128]{2,1,0:T(8,128)(2,1)}) while(%start), condition=%condition, body=%body
  ROOT %result = bf16[7,8,128]{2,1,0:T(8,128)(2,1)} get-tuple-element(%loop), index=2
}
"""  # noqa: E501


def test_a_loop_runs_as_often_as_its_condition_says():
    assert hlo_text.rounds(hlo_text.parse(PROGRAM)) == {"ENTRY": 1, "body": 7}


def test_cycles_of_a_loop_count_every_round():
    assert hlo_text.count_cycles(hlo_text.parse(PROGRAM)) == 7 * (100 + 10)


def test_of_sliced_arrays_the_slices_count_and_of_the_core_s_own_memory_nothing():
    # A round reads a row of float32 and writes one of bfloat16; the counter is in the
    # core. The copy at the start reads 3x5, which is padded to 8x128.
    round_bytes = 8 * 128 * 4 + 8 * 128 * 2
    assert hlo_text.count_hbm_bytes(hlo_text.parse(PROGRAM)) == (
        7 * round_bytes + 8 * 128 * 2
    )


def test_collectives_in_a_loop_count_every_round():
    assert count_collectives(hlo_text.with_rounds(PROGRAM)) == {
        "all-reduce": (7, 7 * 8 * 128 * 4)
    }


def test_a_loop_without_a_known_end_is_refused():
    unknown = PROGRAM.replace("constant(7)", "parameter(1)")
    with pytest.raises(ValueError, match="loop"):
        hlo_text.rounds(hlo_text.parse(unknown))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("f32[10,100]", 4000),
        ("f32[10,100]{1,0:T(8,128)}", 4 * 16 * 128),
        ("f32[10,100]{0,1:T(8,128)}", 4 * 104 * 128),
        ("bf16[2,3,16]{2,0,1:T(8,128)(2,1)}", 2 * 3 * 8 * 128),
        ("pred[100]{0:T(512)}", 512),
        ("s32[]{:T(128)}", 4),
        ("f32[10,100]{1,0:T(8,128)S(1)}", 0),
        ("(f32[4]{0}, bf16[4]{0})", 24),
    ],
)
def test_arrays_take_their_padded_size(kind, expected):
    assert hlo_text.hbm_bytes(kind) == expected
