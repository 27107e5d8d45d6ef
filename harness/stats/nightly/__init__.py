"""The nightly regression detector on plain arrays: screen on history, confirm in the same night.

History alone cannot decide in the first night without many false alarms. So a cheap screen over all series selects the
few that deserve a second measurement, and only that measurement decides.
"""

from .detector import Detector
from .settings import Evidence, Kind, Settings, Verdict

__all__ = ["Detector", "Evidence", "Kind", "Settings", "Verdict"]
