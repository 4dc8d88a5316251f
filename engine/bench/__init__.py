"""Measuring methods side by side: suites of cases, clips of each method, scores, and a report."""
