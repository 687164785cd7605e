"""Parts of deploy.sh and undeploy.sh: the `aws` command, the built zips, and one module for each resource of AWS."""
