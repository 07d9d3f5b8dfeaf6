"""`finetune` is `transfer` under the name that Heras Rivera 2024 and Kaur 2019 call it by."""

from segan_tl.commands.transfer import add_arguments, plan_run, run

__all__ = ["add_arguments", "plan_run", "run"]
