"""What every training refuses before it starts."""

from types import SimpleNamespace

import pytest

from segan_tl.commands.training import _check_unseen
from segan_tl.errors import UserError


def test_another_time_point_of_a_patient_is_no_test():
    source = SimpleNamespace(path="SOURCE", learnt_from={"BraTS-GLI-00008-000"})
    _check_unseen({"test": ["BraTS-GLI-00009-000"]}, source)
    with pytest.raises(UserError, match=r"^SOURCE was .* patients of 1 of the test cases \(BraTS-GLI-00008-001\)"):
        _check_unseen({"test": ["BraTS-GLI-00008-001", "BraTS-GLI-00009-000"]}, source)
    source.learnt_from = None
    _check_unseen({"test": ["BraTS-GLI-00008-001"]}, source)
    _check_unseen({"test": ["BraTS-GLI-00008-001"]}, None)
