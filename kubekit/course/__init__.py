"""course: chapters, exercises, checks, hints and progress.

A chapter is one Markdown file in `chapters/`. The builder makes a lab (for the learner) and a solution (run,
with its outputs) from it. An exercise is a function in `checks/chapter_NN.py` that looks at the cluster and
says, in words, what it expected and what it saw. Learners use four names:

    from kubekit.course import check, hint, predict, progress

Reading order: `exercise` (what an exercise and a finding are), `history` (how an object came to be as it is),
`checking` (running one), `progress` (what is kept), `predict` (guesses and quizzes), `builder` (notebooks),
then `checks/` and `questions/`.

Left out: accounts, servers and grades. Progress is one JSON file that belongs to the learner.
"""

from kubekit.course.checking import check, hint
from kubekit.course.predict import predict, quiz
from kubekit.course.progress import progress

__all__ = ["check", "hint", "predict", "progress", "quiz"]
