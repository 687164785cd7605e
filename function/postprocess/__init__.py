"""One module for each task that answers more than boxes: from what NMS kept to places in the picture."""
