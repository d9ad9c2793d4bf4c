"""The exercises' checks, one file a chapter.

Each file registers its exercises with `@exercise(...)`; nothing else has to be told about a new one. A check
only reads the cluster, runs all of its sub-checks whatever fails, and explains a typical wrong answer in the
words of what was seen. Two rules: a check never changes anything, and a lab that nobody touched says "not
attempted", never "wrong".
"""
