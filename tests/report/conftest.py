"""What the tests of reports share."""

import pytest

from tests.report.records import BEAUTY, records


@pytest.fixture
def beauty():
    """Records of three methods on Amazon Beauty."""
    return records(BEAUTY)
