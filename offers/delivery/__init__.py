"""From the click log to DynamoDB and SQS."""
