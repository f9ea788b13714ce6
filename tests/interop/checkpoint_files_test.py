"""Files of every form are read, bad ones refused in a line, and none is ever run."""

import contextlib
import json
import os
import pickle
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.interop.checkpoint_files import read_checkpoint
from hourglass_jax.interop.safetensors_files import pack_safetensors

from .small import STORED

MAGIC = 0x1950A86A20F9469CFC6C


def zipped(path, content: bytes, **others: bytes) -> Path:
    """A zip as torch.save writes it, around this pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for name, data in others.items():
            archive.writestr(f"archive/data/{name}", data)
    return path


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        read_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth"])
def test_both_formats_of_pytorch_are_read(name):
    found = read_checkpoint(STORED / name)
    np.testing.assert_array_equal(found.tensors["a"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(found.tensors["b"], [[1, 4], [2, 5]])
    np.testing.assert_array_equal(found.tensors["half"].astype(float), [0.5, -2])
    assert found.tensors["a"].dtype == np.float32
    assert found.beside == ["epoch", "best_acc", "optimizer"]


def test_torchscript_is_read_as_the_state_dict_of_its_module():
    found = read_checkpoint(STORED / "script.pt").tensors
    shapes = {name: values.shape for name, values in found.items()}
    assert shapes == {
        "0.weight": (2, 1, 1, 1),
        "0.bias": (2,),
        "1.weight": (2,),
        "1.bias": (2,),
        "1.running_mean": (2,),
        "1.running_var": (2,),
        "1.num_batches_tracked": (),
    }
    np.testing.assert_array_equal(found["1.running_var"], [1, 1])


@pytest.mark.parametrize("legacy", [False, True])
def test_what_pytorch_saves_now_is_read(tmp_path, legacy):
    torch = pytest.importorskip("torch")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    path = tmp_path / "now.pth"
    everything = {"state_dict": torch.nn.DataParallel(net).state_dict(), "epoch": 3}
    torch.save(everything, path, _use_new_zipfile_serialization=not legacy)
    found = read_checkpoint(path).tensors
    assert found.keys() == net.state_dict().keys()
    for name, values in net.state_dict().items():
        np.testing.assert_array_equal(found[name], values.numpy())


def test_safetensors_come_back_as_they_were(tmp_path):
    path = tmp_path / "some.safetensors"
    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    path.write_bytes(pack_safetensors({"model.a": whole, "model.n": np.asarray(7)}))
    found = read_checkpoint(path).tensors
    np.testing.assert_array_equal(found["a"], whole)
    np.testing.assert_array_equal(found["n"], 7)


def test_safetensors_are_those_of_the_library():
    numpy = pytest.importorskip("safetensors.numpy")
    tensors = {"a": np.ones((2, 3), np.float32), "n": np.asarray(7)}
    found = numpy.load(pack_safetensors(tensors))
    for name, values in tensors.items():
        np.testing.assert_array_equal(found[name], values)


class Evil:
    """Unpickled by Python, it runs a command."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
def test_a_malicious_pickle_is_refused_by_name_and_not_run(tmp_path, protocol, form):
    mark, path = tmp_path / "mark", tmp_path / "evil.pth"
    evil = pickle.dumps({"state_dict": Evil(mark)}, protocol)
    if form == "zip":
        zipped(path, evil)
    else:
        before = [pickle.dumps(x, 2) for x in (MAGIC, 1001, {})]
        path.write_bytes(b"".join([*before, evil]) if form == "legacy" else evil)
    message = refusal(path)
    assert "system" in message
    assert "nothing was run" in message
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["builtins eval", "torch.hub load", "torch load", "numpy load"]
)
def test_names_beside_the_harmless_ones_are_refused(tmp_path, name):
    path = zipped(tmp_path / "evil.pth", f"c{name.replace(' ', chr(10))}\n.".encode())
    assert name.replace(" ", ".") in refusal(path)


def test_curves_that_mmengine_keeps_beside_weights_are_read_over(tmp_path):
    """As its runner saves them: a buffer of arrays and of methods, by getattr."""
    array = pickle.dumps(np.arange(3.0), 2)[2:-1]
    buffer = b"cmmengine.logging.history_buffer\nHistoryBuffer\n"
    method = b"c__builtin__\ngetattr\n(" + buffer + b"Vmin\ntR"
    curve = buffer + b")\x81}(V_log_history\n" + array
    curve += b"Vstatistics_methods\n}Vmin\n" + method + b"sub"
    hub = b"Vmessage_hub\n}Vloss\n" + curve + b"ss"
    weights = tensor_pickle((2, 2), (2, 1))[:-1]
    path = tmp_path / "epoch_210.pth"
    content = b"\x80\x02}Vstate_dict\n" + weights + b"s" + hub + b"."
    zipped(path, content, **{"0": np.arange(4, dtype=np.float32).tobytes()})
    found = read_checkpoint(path)
    np.testing.assert_array_equal(found.tensors["a"], [[0, 1], [2, 3]])
    assert found.beside == ["message_hub"]


@pytest.mark.parametrize("owner", ["cbuiltins\ndict\n", "Vtext\n", "N"])
def test_attributes_of_anything_else_are_refused(tmp_path, owner):
    content = f"cbuiltins\ngetattr\n({owner}V__class__\ntR.".encode()
    path = zipped(tmp_path / "evil.pth", content)
    assert "getattr(..., '__class__')" in refusal(path)


def test_a_whole_model_is_refused_with_what_to_do(tmp_path):
    path = zipped(tmp_path / "model.pth", b"cmodels.hourglass\nHourglassNet\n.")
    assert "models.hourglass.HourglassNet" in refusal(path)
    assert "torch.save(model.state_dict()" in refusal(path)


def test_files_that_are_no_checkpoint_are_refused(tmp_path):
    path = tmp_path / "some.file"
    contents = {
        b"": "it is empty",
        b"just text": "no checkpoint",
        pickle.dumps({"a": 1}): "no zip, no safetensors",
        b"\x80\x02": "no checkpoint",
        b"PK\x03\x04": "no checkpoint",
        (99).to_bytes(8, "little") + b"{": "cut off",
        (2).to_bytes(8, "little") + b"{}": "no tensors",
    }
    for content, reason in contents.items():
        path.write_bytes(content)
        assert reason in refusal(path)
    assert "cannot be read (not a file)" in refusal(tmp_path)
    assert "cannot be read (not a file)" in refusal(Path(os.devnull))
    assert "cannot be read" in refusal(tmp_path / "missing.pth")


def test_a_zip_without_a_checkpoint_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("photo.jpg", b"")
    assert "without a data.pkl" in refusal(tmp_path / "a.zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
    assert "compressed" in refusal(tmp_path / "b.zip")


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "script.pt"])
def test_a_file_cut_off_anywhere_is_refused(tmp_path, name):
    content = (STORED / name).read_bytes()
    for length in range(1, len(content), max(1, len(content) // 60)):
        (tmp_path / name).write_bytes(content[:length])
        refusal(tmp_path / name)


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth", "script.pt"])
def test_no_damage_leads_to_another_error(tmp_path, name):
    content = (STORED / name).read_bytes()
    rng = random.Random(1)
    for _ in range(150):
        damaged = bytearray(content)
        for _ in range(rng.choice([1, 3, 20])):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        (tmp_path / name).write_bytes(damaged)
        with contextlib.suppress(InputError):
            read_checkpoint(tmp_path / name)


def tensor_pickle(shape, strides, offset=0, length=4) -> bytes:
    """A state dict of one tensor over the storage 0."""
    numbers = "".join(f"I{n}\n" for n in shape), "".join(f"I{n}\n" for n in strides)
    return (
        "(dVa\nctorch._utils\n_rebuild_tensor_v2\n(((Vstorage\nctorch\nFloatStorage\n"
        f"V0\nVcpu\nI{length}\ntQI{offset}\n({numbers[0]}t({numbers[1]}t"
        "I00\nccollections\nOrderedDict\n(tRtRs."
    ).encode()


def test_a_tensor_stays_inside_its_storage(tmp_path):
    path, data = tmp_path / "t.pth", np.arange(4, dtype=np.float32).tobytes()
    zipped(path, tensor_pickle((2, 2), (1, 2)), **{"0": data})
    np.testing.assert_array_equal(read_checkpoint(path).tensors["a"], [[0, 2], [1, 3]])
    for shape, strides, offset, length in [
        ((2, 2), (3, 2), 0, 4),  # ends behind it
        ((2, 2), (2, 1), 1, 4),
        ((2, 2), (2, -1), 1, 4),
        ((9, 9), (0, 0), 0, 4),  # more numbers than there are
        ((2, 2), (2,), 0, 4),
        ((2, 2), (2, 1), 0, 5),  # the storage itself is shorter
    ]:
        zipped(path, tensor_pickle(shape, strides, offset, length), **{"0": data})
        refusal(path)


def test_deep_nesting_is_no_way_to_crash(tmp_path):
    path = zipped(tmp_path / "deep.pth", b"(" * 30_000 + b"t" * 30_000 + b".")
    refusal(path)
    header = b'{"a":' * 100_000
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    refusal(path)


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nerror: b", "\u202ea"])
def test_a_name_that_would_move_the_cursor_is_refused(tmp_path, name):
    path = tmp_path / "some.safetensors"
    path.write_bytes(pack_safetensors({name: np.zeros(2, np.float32)}))
    assert refusal(path).isprintable()


def test_a_safetensors_header_that_lies_is_refused(tmp_path):
    path = tmp_path / "lie.safetensors"
    for entry in (
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]},
        {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},  # and no numbers
        {"dtype": "X9", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": 2, "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [0, -8]},
        [],
    ):
        header = json.dumps({"a": entry}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header)
        refusal(path)
