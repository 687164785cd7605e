"""The parts of deploy.sh and undeploy.sh: the `aws` CLI, the zips, the layer, the function, the role."""
