# Everything a developer runs, and what CI runs: CI calls `make test`.
#
#   make build            bin/kvorum, one static binary
#   make run              build, then a server on 127.0.0.1:6379
#   make test             all checks; installs the Debian packages they need
#   make lint race        parts of it
#   make fuzz             every fuzz target for FUZZTIME each (FUZZTIME=5m)
#   make scripts          script tests against a real redis-server; REWRITE=1
#                         lets it write the expected replies, PKG=./command/strcmd
#                         limits the packages, RUN=append the scripts
#   make crash            a crash after every operation on a file, and 200 kills
#   make chaos            replicas over bad networks, for longer; needs root
#   make bench            side by side with redis-server; BENCHFLAGS=...
#   make suite SRC=DIR    the Tcl suite of a Valkey checkout against our server
#   make install          PREFIX, DESTDIR; REDIS_NAMES=1 adds the redis-* names

GO          ?= go
PREFIX      ?= /usr/local
FUZZTIME    ?= 30s
BENCHFLAGS  ?=
SUITEFLAGS  ?=
RUNFLAGS    ?=
RELEASE     := 0.1.0
VERSION     ?= $(RELEASE)$(shell git describe --always --dirty --exclude '*' 2>/dev/null | sed 's/^/+g/')
LDFLAGS     := -X kvorum/server.Version=$(VERSION)
TESTFLAGS   ?=

SHELL       := /bin/bash
.SHELLFLAGS := -e -o pipefail -c
.DEFAULT_GOAL := build

# dirs NAMES gives the package patterns of the folders that exist.
dirs = $(patsubst %,./%/...,$(wildcard $(1)))

RACE_PKGS     := $(call dirs,mem resp netloop config clock logx metrics hist ds object keyspace command feed pubsub tracking engine server client)
MEMDEBUG_PKGS := $(call dirs,mem ds object keyspace command engine)
PORTABLE_PKGS := $(call dirs,netloop server)
SYSTEM_PKGS   := $(call dirs,test bench)
CROSS         := linux/arm64 darwin/arm64 darwin/amd64

# The comment at the top of this file.
help:
	@sed -n '/^# *$$/d; s/^# \{0,1\}//p; /^$$/q' Makefile

.PHONY: help build run test deps check fmt vet lint unit race memdebug portable system \
	fuzz fuzz-short cross scripts crash chaos bench suite suite-src install clean

build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/kvorum ./cmd/kvorum

run: build
	exec bin/kvorum server --bind 127.0.0.1 --port 6379 $(RUNFLAGS)

# Cheap checks first: a wrong format should not cost ten minutes.
test: deps
	$(MAKE) check

check:
	@tools/steps.sh fmt vet lint build unit system race memdebug portable cross fuzz-short

deps:
	@tools/deps.sh

fmt:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "not formatted (gofmt -w):"; echo "$$out"; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags memdebug ./...
	$(GO) vet -tags portable ./...

lint:
	$(GO) test -count=1 ./internal/lint

unit:
	$(GO) test -timeout 300s $(TESTFLAGS) $$($(GO) list ./... | grep -v -e '^kvorum/test' -e '^kvorum/bench' -e '^kvorum/internal/lint$$')

# Conformance, interoperability and histories: they run the built server beside
# redis-server, which the test cache does not know of.
system:
	@$(if $(SYSTEM_PKGS),$(GO) test -count=1 -timeout 300s $(TESTFLAGS) $(SYSTEM_PKGS),echo "no system tests yet")

race:
	@$(if $(RACE_PKGS),CGO_ENABLED=1 $(GO) test -short -race -timeout 300s $(TESTFLAGS) $(RACE_PKGS),echo "nothing to race yet")

memdebug:
	@$(if $(MEMDEBUG_PKGS),$(GO) test -short -tags memdebug -timeout 300s $(TESTFLAGS) $(MEMDEBUG_PKGS),echo "nothing to check yet")

portable:
	@$(if $(PORTABLE_PKGS),$(GO) test -short -tags portable -timeout 180s $(TESTFLAGS) $(PORTABLE_PKGS),echo "nothing to check yet")

cross:
	@for t in $(CROSS); do \
		echo "$$t"; \
		GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) vet ./...; \
		GOOS=$${t%/*} GOARCH=$${t#*/} CGO_ENABLED=0 $(GO) build ./...; \
	done

fuzz:
	tools/fuzz.sh $(FUZZTIME) ./...
	$(if $(MEMDEBUG_PKGS),tools/fuzz.sh $(FUZZTIME) -tags memdebug $(MEMDEBUG_PKGS))

fuzz-short:
	@tools/fuzz.sh 2s ./...

# The packages whose tests run scripts; one process at a time, for each script
# flushes the server.
PKG ?= $(shell $(GO) list -f '{{$$p := .ImportPath}}{{range .TestImports}}{{if eq . "kvorum/internal/datadriven"}}{{$$p}} {{end}}{{end}}' ./... 2>/dev/null)
RUN ?=
scripts: deps
	@pkgs='$(strip $(PKG))'; if [ -z "$$pkgs" ]; then echo "no package runs scripts yet"; exit 0; fi; \
	tools/with-redis.sh $(GO) test -p 1 -count=1 $$pkgs -run 'Script/$(RUN)' -oracle @ORACLE@ $(if $(REWRITE),-rewrite)

bench: build
	$(GO) run ./bench $(BENCHFLAGS)

crash:
	KVORUM_CRASHES=all KVORUM_KILLS=200 $(GO) test -count=1 -timeout 1800s -v ./test/crash

chaos:
	KVORUM_CHAOS=8 $(GO) test -count=1 -timeout 900s -v -run '^TestChaos$$' ./test/interop

suite: suite-src build
	$(GO) run ./test/suite -src $(SRC) $(SUITEFLAGS)

suite-src:
	@if [ -z "$(SRC)" ]; then echo "usage: make suite SRC=DIR   (a checkout of Valkey 8.0.1)"; exit 2; fi

# Names are linked only for programs that exist in this tree.
REDIS_LINKS := $(if $(wildcard server/*.go),redis-server) $(if $(wildcard sentinel/driver),redis-sentinel) \
	$(if $(wildcard cli),redis-cli) $(if $(wildcard loadgen),redis-benchmark) \
	$(if $(wildcard check/rdb.go),redis-check-rdb) $(if $(wildcard check/aof.go),redis-check-aof)

install: build
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 bin/kvorum '$(DESTDIR)$(PREFIX)/bin/kvorum'
ifneq ($(REDIS_NAMES),)
	@for n in $(REDIS_LINKS); do \
		echo "ln -sf kvorum $(DESTDIR)$(PREFIX)/bin/$$n"; \
		ln -sf kvorum "$(DESTDIR)$(PREFIX)/bin/$$n"; \
	done
endif

clean:
	rm -rf bin
