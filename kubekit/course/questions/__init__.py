"""The chapters' questions, one file a chapter: guesses before a cell is run, and the quiz at the end.

Each file registers its questions with `prediction(...)` ("07.p1": kept, never judged) and `question(...)`
("07.q1": one right answer, and why). Cells ask them by id, so that a page shows each question once. Nothing
else has to be told about a new one.

A good guess has answers that a thoughtful person could believe, and the next cell shows which one is so.
"""
