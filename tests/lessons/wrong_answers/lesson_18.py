ROOTS_OF_EACH = (
    "np.trace(np.linalg.multi_dot([(v * np.sqrt(np.maximum(w, 0))) @ v.T for w, v in map(np.linalg.eigh, "
    "(cov_1, cov_2))]))"
)

WRONG_ANSWERS = {
    "warm-up": [
        (".astype(float)", "", "bytes wrap around; make floats first"),
        ("(differences**2)", "differences", "the most negative difference"),
        ("(differences**2)", "np.abs(differences)", "four differences of 6 have smaller squares"),
        ("argmin", "argmax", "nearest is the smallest sum of squares"),
        ("axis=(2, 3)", "axis=2", "yours has (1, 2)"),
        ("argmin(axis=1)", "argmin(axis=0)", "the shape (1,), yours has (2,)"),
        ("argmin(axis=1)", "min(axis=1)", "return row numbers, not distances"),
        ("argmin(axis=1)", "argmin()", "the shape (1,), yours has ()"),
        (
            "(differences**2).sum(axis=(2, 3)).argmin",
            "np.einsum('nhw,mhw->nm', samples.astype(float), training.astype(float)).argmax",
            "not the largest product",
        ),
    ],
    "exercise": [
        ("2 * roots.sum()", "roots.sum()", "equal covariances cost nothing"),
        ("2 * roots.sum()", "2 * np.trace(np.sqrt(np.abs(cov_1 @ cov_2)))", "equal covariances cost nothing"),
        ("2 * roots.sum()", f"2 * {ROOTS_OF_EACH}", "the product of the two roots"),
        ("2 * roots.sum()", "2 * eigenvalues.sum()", "equal covariances cost nothing"),
        ("np.maximum(eigenvalues, 0)", "eigenvalues", "yours is NaN"),
        ("float(moved", "np.sqrt(roots[0] * 0j + moved", "yours is complex"),
        ("float(moved", "float(0.5 * moved", "It is ‖δ‖², the sum of squares"),
        ("** 2).sum()", "** 2).mean()", "It is ‖δ‖², the sum of squares"),
        ("((mean_1 - mean_2) ** 2).sum()", "np.linalg.norm(mean_1 - mean_2)", "no root of it"),
        ("+ np.trace(cov_2)", "", "equal covariances cost nothing"),
        ("np.trace(cov_1) + np.trace(cov_2)", "2 * np.trace(cov_1)", "It is (s − 1)² tr S"),
        ("float(", "np.array(roots * 0 + ", "the distance is one number"),
    ],
    "stretch": [
        ("[:, k]", "[:, k - 1]", "the point itself, at distance 0"),
        ("between < real_radii", "between <= real_radii", "on the edge of its ball"),
        ("between < sample_radii", "between <= sample_radii", "For recall too the edge is not inside"),
        (
            "between < real_radii[None, :]\n    reached = between < sample_radii[:, None]",
            "between < sample_radii[:, None]\n    reached = between < real_radii[None, :]",
            "the balls are those of the real points",
        ),
        (
            "precise.any(axis=1).mean(), reached.any(axis=0).mean()",
            "reached.any(axis=0).mean(), precise.any(axis=1).mean()",
            "the other way round",
        ),
        (".any(axis=1)", ".all(axis=1)", "the precision is"),
        (".any(axis=0)", ".any(axis=1)", "the recall is"),
        ("precise.any(axis=1).mean()", "precise.mean()", "the precision is"),
        (".mean(), reached", ", reached", "two numbers, yours have the shapes"),
        (", reached.any(axis=0).mean()", "", "return two shares"),
        ("np.sort(real, axis=1)[:, k]", "real[:, k]", "the precision is"),
        ("    real_radii", "    real.sort(axis=1)\n    real_radii", "changes the distances"),
    ],
}
