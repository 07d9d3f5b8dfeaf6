"""What `evaluate` and `radiomics` keep beside their tables, to know them again."""

from typing import ClassVar

from segan_tl.schemas.reading import Schema, Text


class ScoredTables(Schema):
    """The .made beside a table: what it was made of, and the sha256 of each table of that call."""

    remedy: ClassVar[str] = "remove it"

    key: Text
    tables: dict[Text, Text]
