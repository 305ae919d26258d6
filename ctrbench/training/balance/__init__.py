"""How the terms of a loss share the weights of a run: ``training.balance``.

The balances of the losses weigh the tasks (``losses.py``); those of the gradients weigh what each term sends to the
weights that several terms reach (``gradients.py``, with the rules in ``weightings.py`` and ``nash.py``).
"""
