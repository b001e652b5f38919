from results.report.latex import write


def test_latex_is_a_tabular_with_escaped_names(table):
    lines = write(table.assign(model="ir_v2 & 5 %")).splitlines()
    assert lines[0].startswith("% Errors in percent")
    assert lines[1] == r"\begin{tabular}{lllrrrll}"
    assert lines[5].startswith(r"ir\_v2 \& 5 \% & 1 & all & 25 & ")
    assert lines[-1] == r"\end{tabular}"
