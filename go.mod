module kvorum

go 1.26
