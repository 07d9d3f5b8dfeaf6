"""What every training refuses before it starts."""

from types import SimpleNamespace

import pytest

from segan_tl.commands.training import _check_unseen
from segan_tl.data.learnt import Learnt
from segan_tl.errors import UserError


def test_another_time_point_of_a_patient_is_no_test():
    seen = {"BraTS-GLI-00008-001": "BraTS-GLI-00008"}
    source = SimpleNamespace(path="SOURCE", learnt_from=Learnt.of({"BraTS-GLI-00008-000": "BraTS-GLI-00008"}))
    _check_unseen({"BraTS-GLI-00009-000": "BraTS-GLI-00009"}, source)
    with pytest.raises(UserError, match=r"^SOURCE was .* patients of 1 of the test cases \(BraTS-GLI-00008-001\)"):
        _check_unseen(seen | {"BraTS-GLI-00009-000": "BraTS-GLI-00009"}, source)
    source.learnt_from = None
    _check_unseen(seen, source)
    _check_unseen(seen, None)
