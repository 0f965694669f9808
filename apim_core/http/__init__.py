"""The wire: HTTP/1.1 server and upstream pools."""
