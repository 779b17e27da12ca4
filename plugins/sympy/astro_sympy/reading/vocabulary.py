"""The words and commands of LaTeX mathematics, by their role in the grammar."""

from __future__ import annotations

FUNCTIONS = frozenset({
    "sqrt", "cbrt", "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan",
    "arccot", "sinh", "cosh", "tanh", "coth", "log", "ln", "lg", "exp", "binom", "frac",
    "sum", "prod", "int", "lim", "max", "min", "gcd", "lcm", "deg", "abs", "floor", "ceil",
    "factorial", "arg", "det", "Re", "Im",
})  # fmt: skip
"""Names of functions, in LaTeX or plain."""

ALIASES = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "tg": "tan", "ctg": "cot",
    "arctg": "arctan", "cosec": "csc",
}  # fmt: skip
"""Other spellings of functions."""

OPERATORS = {
    "times": "*", "cdot": "*", "ast": "*", "star": "*", "div": "/", "pm": "pm", "mp": "mp",
    "le": "<=", "leq": "<=", "leqslant": "<=", "leqq": "<=", "ge": ">=", "geq": ">=",
    "geqslant": ">=", "geqq": ">=", "lt": "<", "gt": ">", "ne": "!=", "neq": "!=",
    "approx": "approx", "equiv": "equiv", "pmod": "mod", "mod": "mod", "approxeq": "approx",
    "simeq": "approx", "sim": "approx", "in": "in",
    "cup": "cup", "cap": "cap", "setminus": "setminus", "backslash": "setminus", "{": "{",
    "}": "}", "lbrace": "{", "rbrace": "}", "lfloor": "floor(", "rfloor": "floor)",
    "lceil": "ceil(", "rceil": "ceil)", "lvert": "|", "rvert": "|", "vert": "|", "mid": "|",
    "|": "|", "lVert": "|", "rVert": "|", "Vert": "|", "langle": "(", "rangle": ")",
    "lbrack": "[", "rbrack": "]", "lparen": "(", "rparen": ")", "%": "%", "$": "currency",
    "euro": "currency", "gbp": "currency", "yuan": "currency", "cent": "currency",
    "circ": "degree", "degree": "degree", "textdegree": "degree", "textcirc": "degree",
    "prime": "'", "not": "not", "colon": ":", "to": "to", "rightarrow": "to", "choose": "choose",
    "over": "over", "land": "and", "wedge": "and", "lor": "or", "vee": "or", "ldots": "...",
    "dots": "...", "cdots": "...", "dotsc": "...", "dotsb": "...", "dotsm": "...",
}  # fmt: skip
"""Commands that stand for the kind of a token."""

NAMES = {
    "infty": "oo", "infinity": "oo", "inf": "oo", "oo": "oo", "Infinity": "oo", "pi": "pi",
    "emptyset": "emptyset", "varnothing": "emptyset", "ell": "l", "varphi": "phi",
    "vartheta": "theta", "varepsilon": "epsilon", "imath": "i", "alpha": "alpha",
    "beta": "beta", "gamma": "gamma", "delta": "delta", "epsilon": "epsilon", "zeta": "zeta",
    "eta": "eta", "theta": "theta", "iota": "iota", "kappa": "kappa", "lambda": "lambda",
    "mu": "mu", "nu": "nu", "xi": "xi", "omicron": "omicron", "rho": "rho", "sigma": "sigma",
    "tau": "tau", "upsilon": "upsilon", "phi": "phi", "chi": "chi", "psi": "psi",
    "omega": "omega", "partial": "partial", "nabla": "nabla", "hbar": "hbar",
    "Gamma": "Gamma", "Delta": "Delta", "Theta": "Theta", "Lambda": "Lambda", "Xi": "Xi",
    "Pi": "Pi", "Sigma": "Sigma", "Upsilon": "Upsilon", "Phi": "Phi", "Psi": "Psi",
    "Omega": "Omega",
}  # fmt: skip
"""Commands and words that stand for a symbol."""

SKIPPED = frozenset({
    "left", "right", "big", "Big", "bigg", "Bigg", "bigl", "Bigl", "biggl", "Biggl", "bigr",
    "Bigr", "biggr", "Biggr", "bigm", "middle", ",", ";", "!", ":", ">", "displaystyle",
    "textstyle", "scriptstyle", "limits", "nolimits", "quad", "qquad", "enspace", "thinspace",
    "space", "angle", "measuredangle", "triangle", "mathstrut", "strut", "therefore",
    "boldsymbol", "mathbf", "mathcal", "mathit", "mathsf", "bm", "vec", "overline", "bar",
    "hat", "widehat", "tilde", "widetilde", "overrightarrow", "underline", "mathbb", "mathop",
    "mathrel", "mathbin", "nonumber", "ensuremath", "bf", "rm", "it", "(", ")", "[", "]", "/",
    "boxed", "fbox",
})  # fmt: skip
"""Commands without an effect; their arguments, if any, are read normally."""

TEXT = frozenset({
    "text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "textup", "mbox",
    "hbox", "mathrm", "operatorname",
})  # fmt: skip
"""Commands whose argument is text."""

OMITTED = frozenset({"hspace", "vspace", "phantom", "tag"})
"""Commands that are skipped together with their argument."""

SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
"""Words that multiply the number before them."""

WORDS = {"and": "and", "or": "or", "in": "in", "union": "cup", "equals": "="}
"""Plain words that are operators."""
