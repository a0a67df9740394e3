"""A store's place as a writer reaches it."""

from rune.adapters.layout import LayoutRegistry
from rune.errors import InvalidConfig
from rune.model.clock import Clock
from rune.model.oci import LayoutFolder, Location
from rune.ports import WritableRegistry
from rune.wiring.writer_config import RegistryOptions


def open_registry(location: Location, options: RegistryOptions, clock: Clock) -> WritableRegistry:
    """Build the registry; nothing is asked of it yet.

    Raises:
        InvalidConfig: an option can't be used.
    """
    if isinstance(location, LayoutFolder):
        return LayoutRegistry(location.path)
    raise InvalidConfig(f"{location} can't be reached yet", mend="use an oci-layout:// store")
