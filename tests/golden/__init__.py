"""Images with the results of Ultralytics' own `predict`."""
