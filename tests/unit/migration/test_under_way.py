"""How much each machine of a wave has to move, kept from the first look on."""

from conftest import Site
from drover.migration import under_way
from drover.waves.estimate import Load


def test_a_machine_may_be_called_like_a_secret(site: Site) -> None:
    loads = {"token-server": Load(3, 4, "a", ("fast",)), "password-vault": Load(1, 2)}
    site.run("inventory")
    with site.move() as move:
        assert under_way.kept_loads(move) is None
        under_way.keep_loads(move, loads)
        assert under_way.kept_loads(move) == loads
