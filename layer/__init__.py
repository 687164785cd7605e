"""Builder of the Lambda layer: onnxruntime, numpy and Pillow for a target machine, trimmed, checked and compiled.

    targets       the architectures and Python versions, and the pip options for each
    pin           writes the hashes of requirements.txt
    build         installs, trims, checks and compiles the packages; caches the result under build/
    cache         folders that are made again only when their inputs change
    trim          the table of files that are left out, with the reason for each
    elf           parser of ELF shared objects
    amazon_linux  the libraries and symbol versions of Amazon Linux 2023, and the check against them
    bytecode      compiles .py to .pyc with the target's own Python
    zip_writer    writes reproducible zips
    smoke         smoke test of the finished layer

Lambda does not run this code. All but zip_writer uses only the standard library, so that it also runs in the build
image of layer/Dockerfile.
"""
