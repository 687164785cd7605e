"""The Lambda layer: onnxruntime, numpy and pillow for a target machine, trimmed, checked and precompiled.

    targets      which machines and Pythons, and what pip calls them
    pin          writes the hashes of requirements.txt
    install      requirements.txt -> a folder of packages, by pip, for any target
    trim         the table of what may go, and why
    elf          what a shared object asks of the machine
    amazon_linux what Amazon Linux 2023 offers, and the check of the one against the other
    bytecode     .py -> .pyc by the target's own Python
    tree         install, trim, check and compile, in that order; kept under build/ until something changes
    zipper       a folder -> a zip whose bytes depend on nothing but its contents

Never shipped; only the standard library, so that it also runs in the bare build image (layer/Dockerfile).
"""
