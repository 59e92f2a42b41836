"""From the click log to Parquet files, on the disk and in S3."""
