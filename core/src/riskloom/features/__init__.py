"""The feature store: what the stream computed, kept as Parquet for training and in Redis for serving, through Feast."""
