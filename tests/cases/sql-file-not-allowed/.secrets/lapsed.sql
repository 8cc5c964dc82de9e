select s3cr3t
