"""Parts of scripts/build_zip.sh: the model, layer.zip and function.zip, their sizes, and a smoke run of the zips."""
