"""The command `workbook`: what it can do, a module a purpose."""
