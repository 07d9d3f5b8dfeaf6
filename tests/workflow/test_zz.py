import time
from tests.workflow.test_machines import *
def test_two(tiny_cohort, tiny_config, tmp_path):
    codes = end_all(start_two(tmp_path, tiny_cohort, tiny_config, "--set", "train.epochs=1"), 250)
    print(codes); print("=====0"); print(log_of(tmp_path,0)); print("====1"); print(log_of(tmp_path,1))
    assert 0
