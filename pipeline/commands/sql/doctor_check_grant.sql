CHECK GRANT {privilege} ON {place}
