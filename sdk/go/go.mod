module github.com/ostiary/ostiary/sdk/go

go 1.26
