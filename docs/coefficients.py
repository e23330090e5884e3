"""The polynomials of the elementary functions: least-squares fits at Chebyshev nodes, rounded coefficient by coefficient.

    python3 docs/coefficients.py        (needs mpmath)

A coefficient is rounded to the type that will hold it before the next ones are fitted, so that they make up for its error.
"""

import struct

from mpmath import asin, atan, cos, erf, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 60
ROUND = {"f32": lambda x: mpf(struct.unpack("f", struct.pack("f", float(x)))[0]), "f64": lambda x: mpf(float(x))}


def fit(f, low, high, n, round_to, weight):
    """Coefficients c0 … of a polynomial of n terms, each rounded with those before it held fast."""
    fixed = []
    while len(fixed) < n:
        fixed.append(round_to(refit(f, low, high, n, fixed, weight)[len(fixed)]))
    return fixed


def refit(f, low, high, n, fixed, weight):
    """A least-squares fit at Chebyshev nodes of the terms that are not fixed yet."""
    m = 4 * n
    nodes = [(low + high) / 2 + (high - low) / 2 * cos(pi * (2 * i + 1) / (2 * m)) for i in range(m)]
    k = len(fixed)
    a, b = matrix(m, n - k), matrix(m, 1)
    for i, x in enumerate(nodes):
        for j in range(k, n):
            a[i, j - k] = weight(x) * x**j
        b[i] = weight(x) * (f(x) - sum(c * x**j for j, c in enumerate(fixed)))
    solved = lu_solve(a, b)
    return fixed + [solved[j] for j in range(n - k)]


def show(name, kind, f, low, high, n, weight=lambda x: mpf(1)):
    """Prints a polynomial and its error, which is counted and made small as it weighs."""
    low, high = mpf(low), mpf(high)
    coefficients = fit(f, low, high, n, ROUND[kind], weight)
    points = [low + (high - low) * i / 500 for i in range(501)]
    error = max(weight(x) * abs(f(x) - sum(c * x**i for i, c in enumerate(coefficients))) for x in points)
    print(f"// {kind} {name}: error 2^{float(log(error, 2)):.1f}")
    digits = 9 if kind == "f32" else 17
    print("&[" + ", ".join(f"{float(c):.{digits}g}" for c in coefficients) + "]", flush=True)


def near(f, at, limit):
    """f, and its limit where it is 0/0."""
    return lambda x: f(x) if abs(x) > mpf(10) ** -16 else mpf(limit)


HALF_LN2 = log(2) / 2 * mpf("1.0001")
EXP = near(lambda r: (exp(r) - 1 - r - r * r / 2) / r**3, 0, mpf(1) / 6)
show("EXP", "f32", EXP, -HALF_LN2, HALF_LN2, 5)
show("EXP_SHORT", "f32", EXP, -HALF_LN2, HALF_LN2, 4, weight=lambda r: r * r)
show("EXP", "f64", EXP, -HALF_LN2, HALF_LN2, 10)

S = ((sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)) ** 2
LN = near(lambda z: (log((1 + sqrt(z)) / (1 - sqrt(z))) / sqrt(z) - 2) / z, 0, mpf(2) / 3)
show("LN", "f32", LN, 0, S, 4)
show("LN", "f64", LN, 0, S, 7)

ERF = near(lambda z: erf(sqrt(z)) / sqrt(z) - 1, 0, 2 / sqrt(pi) - 1)
show("ERF", "f32", ERF, 0, mpf("0.75") ** 2, 6)
show("ERF", "f64", ERF, 0, mpf("0.75") ** 2, 11)

MIDDLE = mpf("0.2")


def tail(v):
    w = v + MIDDLE
    x = 1 / w - 2
    return log(erfc(x) / w) + x * x


show("ERFC", "f32", tail, 1 / mpf("12.25") - MIDDLE, 1 / mpf("2.75") - MIDDLE, 9)
show("ERFC", "f64", tail, 1 / mpf(30) - MIDDLE, 1 / mpf("2.75") - MIDDLE, 23)

QUARTER = (pi / 4 * mpf("1.0001")) ** 2
SIN = near(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, 0, -mpf(1) / 6)
COS = near(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, 0, mpf(1) / 24)
show("SIN for f32", "f64", SIN, 0, QUARTER, 4)
show("SIN", "f64", SIN, 0, QUARTER, 6)
show("COS for f32", "f64", COS, 0, QUARTER, 4)
show("COS", "f64", COS, 0, QUARTER, 6)


LN_REST = near(lambda z: (LN(z) - mpf(2) / 3) / z if z > mpf(10) ** -16 else mpf(2) / 5, 0, mpf(2) / 5)
show("LN_REST", "f64", LN_REST, 0, S, 8)

ATAN = near(lambda z: (atan(sqrt(z)) / sqrt(z) - 1) / z, 0, -mpf(1) / 3)
show("ATAN", "f32", ATAN, 0, (mpf(7) / 16) ** 2, 5)
show("ATAN", "f64", ATAN, 0, (mpf(7) / 16) ** 2, 11)

ASIN = near(lambda z: (asin(sqrt(z)) / sqrt(z) - 1) / z, 0, mpf(1) / 6)
show("ASIN", "f32", ASIN, 0, mpf("0.36"), 6)
show("ASIN", "f64", ASIN, 0, mpf("0.36"), 15)

show("LN for f32 powers", "f64", LN, 0, S, 4)
show("EXP for f32 powers", "f64", EXP, -HALF_LN2, HALF_LN2, 5)
