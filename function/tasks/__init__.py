"""One module per task: raw output to arrays; each refuses a shape it does not know."""
