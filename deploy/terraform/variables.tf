variable "region" {
  description = "Region of the bucket and the queue (AWS_REGION)."
  type        = string
  default     = "us-east-1"
}

variable "table_region" {
  description = "Region of the table (AWS_DYNAMODB_REGION)."
  type        = string
  default     = "us-west-2"
}

variable "table" {
  description = "Table that clicks end in (AWS_DYNAMODB_TABLE_NAME)."
  type        = string
  default     = "customOffers-production"
}

variable "bucket" {
  description = "Bucket that co-recipe writes the recipe files to (S3_BUCKET_NAME)."
  type        = string
  default     = "co-recipe-prod"
}

variable "archive_bucket" {
  description = "Bucket that the hours of the archive go to (CLICK_ARCHIVE_BUCKET). Empty: none is made."
  type        = string
  default     = ""
}

variable "queue" {
  description = "FIFO queue of conversion messages; its URL is AWS_SQS_QUEUE_URL. Its name has to end in .fifo."
  type        = string
  default     = "conversions.fifo"
}

variable "oidc_provider" {
  description = "OpenID Connect provider of the EKS cluster, without https://. Empty: the role is for EC2 machines."
  type        = string
  default     = ""
}
