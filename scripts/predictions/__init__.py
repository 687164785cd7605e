"""Parts of scripts/predict.py and scripts/compare.py: find images, run the zips on them, write the results.

The format of each file has a module: csv_rows.py, coco.py, yolo_labels.py. All take the responses of the function.
"""
