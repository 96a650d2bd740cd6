"""What a chat counts, for the metrics."""


class Counts:
    def __init__(self) -> None:
        self.joins = 0
        self.lines_in = 0
        self.bytes_in = 0
        self.lines_out = self.writes = 0  # of rooms that are gone
        self.flushes = 0
        self.flush_seconds = 0.0
        self.drops: dict[str, int] = {}
        self.refused: dict[str, int] = {}

    def refuse(self, reason: str, number: int = 1) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + number
