"""The choice among profiles: table, Pareto front, recommendation."""
