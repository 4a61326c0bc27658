"""One file per method; every module here is imported when a method is looked up."""
