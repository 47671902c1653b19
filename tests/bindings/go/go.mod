module smtpclient.example/check

go 1.19
