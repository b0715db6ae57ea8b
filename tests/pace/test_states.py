# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from secmod.pace.states import NEXT, State, Step, following

ORDER = (State.SELECTED, State.NONCE, State.MAPPED, State.AGREED, State.DONE)


def test_the_steps_follow_each_other():
    assert [following(state, step) for state, step in zip(ORDER, Step, strict=False)] == list(ORDER[1:])


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_a_pair_that_is_not_in_the_table_ends_the_run(state: State, step: Step):
    assert (following(state, step) is State.ENDED) == ((state, step) not in NEXT)
    assert ((state, step) in NEXT) == (state in ORDER and ORDER.index(state) + 1 == step.value)


def test_nothing_follows_the_end():
    assert not {state for state, _ in NEXT} & {State.DONE, State.ENDED}
