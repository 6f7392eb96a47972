"""Reports as pages that can be kept and sent: one file each, without anything from elsewhere."""
