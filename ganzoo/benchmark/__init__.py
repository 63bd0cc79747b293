"""The benchmark: suites of trainings, rows of results, tables, plots, reproduction."""
