"""Parts of deploy.sh and undeploy.sh: sessions of boto3, the built zips, and one module for each resource of AWS."""
