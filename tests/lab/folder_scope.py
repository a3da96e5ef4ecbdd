"""A scope that pytest does not have: of a folder that is no package.

Machines that idle take CPU, where they are emulated, from all tests that come after. So a lab that many tests use goes
with the last test of the folder whose conftest makes it, and not with the last test of all.
"""

from functools import partial
from pathlib import Path

import pytest


def goes_with_folder(request: pytest.FixtureRequest, conftest: str) -> None:
    """Ends this fixture, which has the scope of the session, with the folder; a test that asks later makes it anew.

    :param conftest: `__file__` of the conftest that stands in the folder.
    """
    folder = Path(conftest).parent
    node = next(node for node in request._pyfuncitem.listchain() if node.path == folder)
    node.addfinalizer(partial(request._fixturedef.finish, request))
