"""`batch.py`: thousands of images through a deployed function, and one file with their results.

sources.py lists the images, results_file.py is the file that survives an interruption, formats.py makes CSV, COCO and
Parquet of it.
"""
