"""A study of people's preferences: its pages, the server that collects answers, and what the answers say."""
