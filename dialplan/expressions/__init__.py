"""``$[...]``: Asterisk's expressions (main/ast_expr2.y and .fl). Pure, but for functions, which the caller reads.

Everything between the brackets is evaluated, both branches of ``?::`` too, as the grammar's actions do. What is wrong
does not end the evaluation: it is told in warnings, and the result is what Asterisk gives.
"""

from dialplan.expressions.evaluation import Evaluation, Pending, ReadFunction
from dialplan.expressions.parser import Expression, parse
from dialplan.expressions.scanner import ExpressionError

__all__ = ["Evaluation", "Expression", "ExpressionError", "Pending", "ReadFunction", "parse"]
