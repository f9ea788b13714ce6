import json

import pytest

from hourglass_jax.errors import InputError
from hourglass_jax.extras import import_extra


def test_what_is_there_is_imported():
    assert import_extra("json", "pip install json") is json


def test_what_is_missing_is_named_with_the_way_to_get_it():
    with pytest.raises(InputError, match=r"^nowhere cannot .*; pip install 'a\[b\]'$"):
        import_extra("nowhere.at_all", "pip install 'a[b]'")
