import os
network = os.environ["DOCKER_NETWORK_NAME"]
