"""The whole product in one run: local servers, the job, the producer, and a watcher of the scores."""
