"""The IoT telemetry domain of riskloom."""
