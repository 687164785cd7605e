"""`scripts/verify.sh`: rebuild zips from the sources and compare them with those of a folder.

options     the command line
cli         the command, step by step
builds      the builds of a folder: zips, manifest and bill of materials
checkout    the sources of a version, from git
rebuild     a program that builds the same zips again with the sources of one checkout
comparison  two zips, member by member
report      the table, or the document of --json
"""
