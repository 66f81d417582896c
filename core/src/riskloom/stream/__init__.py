"""The one Spark job: the plan of the installed domains, the session, the query that scores."""
