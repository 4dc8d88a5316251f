"""What adapters cost and what they give: counting, timing, looking inside, and comparing methods on suites."""
