"""How may a sum or a difference be asked for?"""

from __future__ import annotations

from random import Random

from tiny_training.held_out import OPERATORS, Sum, is_held_out_sum
from tiny_training.phrasing import draw
from tiny_training.topic import MACROS, substitute_macros

# `«` and `»` stand for the operands; both operators share the forms in which the operator stands between them.
_ASK = (
    "what is|what is|what is|what's|what does|how much is|how much makes|compute|calculate|work out|tell me|find|evaluate|solve"
    "|please compute|please calculate|please work out|(can|could) you (compute|calculate|work out|tell me)|do you know|do you know what is|what do you get for"
    "|I need|give me|the answer to|what is the answer to|what is the result of|the result of|so what is|and what is|and|now|now what is"
    "|determine|what number is|how many is|then what is|quick, what is|say|what would be|the value of|what is the value of||||"
)
_TAIL = "(|||| =| = ?| equals| make| is| equal to what|, please| for me)"
_FORMS = {
    "+": (
        f"({_ASK}) «(+| + | + | + | plus | plus | and )»{_TAIL}",
        f"({_ASK}) «(+| + | + | plus )»{_TAIL}",
        "«+»|« + »|« plus »|«+»=|« + » =|« + » = ?|« +»|«+ »|«  +  »",
        "(|please |can you |could you |now )(add|sum|sum up|add up) « and »( please| for me| together|)|add » to «( please|)|add « to »",
        "(|what is |what's |compute |calculate |tell me |find |give me )the sum of « and »|« and » (together|in total|added|added together)",
        "(I have|I had|there are|she has|he has|we have|Tom has|Anna has) « (apples|books|coins|eggs|cards|pens) and (get|buy|find|receive|add) » more, how many (are there|are there now|in total|is that|altogether)",
    ),
    "-": (
        f"({_ASK}) «(-| - | - | - | minus | minus | less | – | − | take away )»{_TAIL}",
        f"({_ASK}) «(-| - | - | minus )»{_TAIL}",
        "«-»|« - »|« minus »|«-»=|« - » =|« - » = ?|« -»|«- »|« − »|«–»",
        "(|please |can you |could you |now )(subtract|take|take away) » from «( please| for me|)|subtract » from «|take » away from «|deduct » from «",
        "(|what is |what's |compute |calculate |tell me |find |give me )the difference (of|between) « and »|« (reduced|decreased|lowered) by »|what is left of « (after|when) (I|you) (take|take away|subtract|remove) »",
        "(I have|I had|there are|she has|he has|we have|Tom has|Anna has) « (apples|books|coins|eggs|cards|pens) and (lose|give away|sell|eat|spend) », how many (are left|remain|is that|are there now)",
    ),
}
FORMS = {
    operator: tuple(substitute_macros(form, MACROS) for form in forms) for operator, forms in _FORMS.items()
}


def draw_sum(rng: Random) -> Sum:
    """Any sum or difference of numbers below 100 that is not held out."""
    while True:
        question = Sum(rng.randrange(100), rng.choice(OPERATORS), rng.randrange(100))
        if not is_held_out_sum(question):
            return question


def draw_sum_prompt(question: Sum, rng: Random) -> str:
    """One phrasing of the question, before noise."""
    form = draw(rng.choice(FORMS[question.operator]), rng)
    return form.replace("«", str(question.a)).replace("»", str(question.b))
