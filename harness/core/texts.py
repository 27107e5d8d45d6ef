"""What the table says of a case in words, beside its metrics: kept with the cell in a store, so that both agree."""

from __future__ import annotations

from .record import Record

TEXTS = ("precision_requested", "precision_effective", "accuracy_note")


def texts(record: Record) -> dict[str, str | None]:
    """The columns of `TEXTS`: precision asked for, precision had by the runtime's account, a remark on accuracy.

    None where there is nothing to say.
    """
    effective = record.execution.effective
    said = (record.execution.asked, effective if isinstance(effective, str) else None, record.accuracy_note)
    return dict(zip(TEXTS, said, strict=True))
