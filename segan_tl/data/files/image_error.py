"""What is wrong with one image file, and what to do about it."""

from pathlib import Path

from segan_tl.errors import UserError

COPY_AGAIN = "copy or download it again"


class ImageError(UserError):
    """Name the file, the reason and the remedy; the three are kept apart for tables."""

    def __init__(self, path: Path, reason: str, remedy: str = COPY_AGAIN):
        super().__init__(f"{path}: {reason}; {remedy}")
        self.path = path
        self.reason = reason
        self.remedy = remedy
