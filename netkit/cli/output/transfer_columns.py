"""What a progress bar says of a transfer: how much came, of how much where that is known, and how fast."""

from rich.filesize import decimal
from rich.progress import DownloadColumn, Task, TransferSpeedColumn
from rich.text import Text


class Amount(DownloadColumn):
    """`45/300 bytes`; of what has no announced end `45 bytes`."""

    def render(self, task: Task) -> Text:
        if task.total is not None:
            return super().render(task)
        return Text(decimal(int(task.completed)), "progress.download")


class Speed(TransferSpeedColumn):
    """Nothing until there is a rate."""

    def render(self, task: Task) -> Text:
        return super().render(task) if task.finished_speed or task.speed else Text()
