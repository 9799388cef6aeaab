"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes says more of the machine than of the code; what must be fast is measured by bench/.
settings.register_profile("obelisk", deadline=None)
settings.load_profile("obelisk")
