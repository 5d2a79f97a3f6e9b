"""Figures as they are printed."""

import statistics


def ratio(theirs, ours, word):
    return f'{theirs / ours:.1f}x {word}' if theirs and ours else ''


def median(values):
    return statistics.median(values) if values else None


class Table:
    """Rows of (what, number or text or None, note)."""

    def __init__(self, title, unit, rows):
        self.title, self.unit, self.rows = title, unit, rows

    def show(self):
        print(f'\n{self.title}')
        width = max([len(name) for name, *_ in self.rows] + [24])
        for name, value, note in self.rows:
            shown = 'absent' if value is None else f'{value:.1f} {self.unit}' if isinstance(value, float) else str(value)
            print(f'  {name:<{width}}  {shown:>14}  {note}'.rstrip(), flush=True)
