"""From noise to a clip: schedules, solvers, start noise, the sampler, and how much each adapter did."""
