"""Assertions outside of test modules tell what they compared, too."""

import pytest

pytest.register_assert_rewrite("faults.kill.reckoning")
