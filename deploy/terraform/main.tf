# What an instance needs of AWS: table, bucket, queue, where it is wanted the archive's bucket, and a role that may do
# what the policies beside this file say and nothing else. Where co-recipe has made some of them already, import them
# or take them out here.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

provider "aws" {
  region = var.region
}

provider "aws" {
  alias  = "table"
  region = var.table_region
}

data "aws_caller_identity" "this" {}

resource "aws_dynamodb_table" "clicks" {
  provider     = aws.table
  name         = var.table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "lid"

  attribute {
    name = "lid"
    type = "S"
  }

  # A click says itself, in seconds since 1970, when it may go: a year after it came.
  ttl {
    attribute_name = "ttl"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket" "recipe" {
  bucket = var.bucket
}

# An older recipe can be put back: docs/operating.md, "Go back to an older recipe".
resource "aws_s3_bucket_versioning" "recipe" {
  bucket = aws_s3_bucket.recipe.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "recipe" {
  bucket     = aws_s3_bucket.recipe.id
  depends_on = [aws_s3_bucket_versioning.recipe]

  rule {
    id     = "old-recipes"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

resource "aws_s3_bucket_public_access_block" "recipe" {
  bucket                  = aws_s3_bucket.recipe.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket" "archive" {
  count  = var.archive_bucket == "" ? 0 : 1
  bucket = var.archive_bucket

  lifecycle {
    prevent_destroy = true
  }
}

# What an upload that broke off has left is paid for, and nobody sees it.
resource "aws_s3_bucket_lifecycle_configuration" "archive" {
  count  = length(aws_s3_bucket.archive)
  bucket = aws_s3_bucket.archive[0].id

  rule {
    id     = "broken-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}

resource "aws_s3_bucket_public_access_block" "archive" {
  count                   = length(aws_s3_bucket.archive)
  bucket                  = aws_s3_bucket.archive[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_sqs_queue" "conversions" {
  name       = var.queue
  fifo_queue = true
  # Instances name each message by its click, so that one that is sent twice within five minutes counts once.
  content_based_deduplication = false
  message_retention_seconds   = 1209600
  sqs_managed_sse_enabled     = true
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = [var.oidc_provider == "" ? "sts:AssumeRole" : "sts:AssumeRoleWithWebIdentity"]

    principals {
      type = var.oidc_provider == "" ? "Service" : "Federated"
      identifiers = [
        var.oidc_provider == ""
        ? "ec2.amazonaws.com"
        : "arn:aws:iam::${data.aws_caller_identity.this.account_id}:oidc-provider/${var.oidc_provider}"
      ]
    }

    # The service account of deploy/kubernetes and no other.
    dynamic "condition" {
      for_each = var.oidc_provider == "" ? [] : [var.oidc_provider]
      content {
        test     = "StringEquals"
        variable = "${condition.value}:sub"
        values   = ["system:serviceaccount:co-traffic:co-traffic"]
      }
    }
  }
}

resource "aws_iam_role" "instance" {
  name               = "co-traffic"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "instance" {
  name = "co-traffic"
  role = aws_iam_role.instance.id
  policy = templatefile("${path.module}/iam-policy.json", {
    account      = data.aws_caller_identity.this.account_id
    bucket       = var.bucket
    queue        = var.queue
    region       = var.region
    table        = var.table
    table_region = var.table_region
  })
}

resource "aws_iam_role_policy" "archive" {
  count = length(aws_s3_bucket.archive)
  name  = "co-traffic-archive"
  role  = aws_iam_role.instance.name
  policy = templatefile("${path.module}/iam-policy-archive.json", {
    archive_bucket = var.archive_bucket
  })
}

resource "aws_iam_instance_profile" "instance" {
  name = "co-traffic"
  role = aws_iam_role.instance.name
}

output "role" {
  description = "For the service account of deploy/kubernetes."
  value       = aws_iam_role.instance.arn
}

output "queue_url" {
  description = "AWS_SQS_QUEUE_URL"
  value       = aws_sqs_queue.conversions.url
}
