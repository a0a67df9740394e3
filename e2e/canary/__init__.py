"""The canary: values that nobody else has, and a search for them in every place where a node could leave one.

These modules run here and, as they are, with the image's Python on a node: nothing but the standard library.
"""
