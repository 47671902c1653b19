# Builds, installs and tests libsmtpclient; `make help` lists the targets.
#
# Cargo makes the static archive, and the C compiler relinks it into the shared library. The detour
# buys two things that cargo alone cannot do: link-time optimisation (a cdylib built beside an rlib
# loses it silently), and versioned symbols (rustc passes a version script of its own).

PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR     ?= $(PREFIX)/share/man
DESTDIR    ?=
# A relative one lies below the prefix.
override LIBDIR := $(if $(filter /%,$(firstword $(LIBDIR))),$(LIBDIR),$(PREFIX)/$(LIBDIR))
override INCLUDEDIR := $(if $(filter /%,$(firstword $(INCLUDEDIR))),$(INCLUDEDIR),$(PREFIX)/$(INCLUDEDIR))
override MANDIR := $(if $(filter /%,$(firstword $(MANDIR))),$(MANDIR),$(PREFIX)/$(MANDIR))

CARGO      ?= cargo
RUSTC      ?= rustc
INSTALL    ?= install
STRIP      ?= strip
OBJCOPY    ?= objcopy
READELF    ?= readelf
PKG_CONFIG ?= pkg-config
# `make MINIMAL=1` leaves out what an appliance may do without: international domain names, names and
# passwords beyond ASCII in SCRAM, and the containment of our own faults (smtp_client_has_feature()
# tells), with all that unwinding takes.
MINIMAL    ?=
ifneq ($(filter-out 0 no,$(MINIMAL)),)
PROFILE    ?= minimal
LEFT_OUT   := idna saslprep
LEAN       := -Cforce-unwind-tables=no
endif
PROFILE    ?= release
# `make TLS=native` takes native-tls where OpenSSL itself would do TLS; it can do less.
TLS        ?=
# A Rust target triple to cross-compile for; set CC, STRIP and PKG_CONFIG along with it.
TARGET     ?= $(CARGO_BUILD_TARGET)

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
MAJOR   := $(word 1,$(subst ., ,$(VERSION)))
MINOR   := $(word 2,$(subst ., ,$(VERSION)))
# In 0.x, each minor release is an interface of its own: docs/abi.md.
SERIES  := $(MAJOR)$(if $(filter 0,$(MAJOR)),.$(MINOR))

# What the files are called, and how the linker is spoken to: Apple's has words of its own.
SYSTEM  := $(if $(findstring apple,$(TARGET)),Darwin,$(if $(findstring linux,$(TARGET)),Linux,$(if $(TARGET),other,$(shell uname -s))))
ifeq ($(SYSTEM),Darwin)
SONAME    := libsmtpclient.$(SERIES).dylib
REAL_NAME := libsmtpclient.$(VERSION).dylib
LINK_NAME := libsmtpclient.dylib
OLDER     := libsmtpclient.$(SERIES).*.dylib
EXPORTS   := names
STRIP_ALL := -x
STRIP_DEBUG := -S
LINK = -dynamiclib $(CFLAGS) $(LDFLAGS) -Wl,-install_name,'$(LIBDIR)/$(SONAME)' \
    -Wl,-current_version,$(VERSION) -Wl,-compatibility_version,$(SERIES) \
    -Wl,-exported_symbols_list,'$(MAP)' -Wl,-dead_strip -Wl,-force_load,'$(ARCHIVE)'
else
SONAME    := libsmtpclient.so.$(SERIES)
REAL_NAME := libsmtpclient.so.$(VERSION)
LINK_NAME := libsmtpclient.so
OLDER     := $(SONAME).*
EXPORTS   := nodes
STRIP_ALL := --strip-unneeded
STRIP_DEBUG := --strip-debug
LINK = -shared $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(SONAME) \
    -Wl,--version-script='$(MAP)' -Wl,--no-undefined -Wl,--gc-sections \
    -Wl,--as-needed -Wl,-z,relro,-z,now,-z,nodelete,-z,noexecstack $(PACK_RELOCS) \
    -Wl,--whole-archive '$(ARCHIVE)' -Wl,--no-whole-archive
endif

# `make HEADER=committed` installs the header as it is and needs no cbindgen.
HEADER  ?= generated
FEATURES = $(filter-out $(LEFT_OUT),idna saslprep) $(filter native,$(TLS)) $(if $(filter generated,$(HEADER)),header)

# Cargo's target directory, wherever the environment or a cargo configuration puts it; relative
# where it can be. With spaces in its name, recipes want it quoted, and rules in RULE's spelling.
T := $(or $(CARGO_TARGET_DIR),$(shell $(CARGO) metadata --no-deps --offline --format-version 1 2>/dev/null \
       | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p' | sed "s|^$$(pwd -P)/||"),target)
CARGO_OUT := $(T)$(if $(TARGET),/$(TARGET))/$(patsubst dev,debug,$(PROFILE))
# Not cargo's own directory: any other `cargo build` would put a different archive there.
OUT       := $(T)$(if $(TARGET),/$(TARGET))/c/$(PROFILE)$(TLS:%=-%)
ARCHIVE   := $(OUT)/libsmtpclient.a
SHARED    := $(OUT)/$(REAL_NAME)
HEADERS   := include/smtpclient.h $(wildcard include/smtpclient.hpp)
MANUAL    := $(OUT)/man/man3/smtpclient.3
MAP       := $(OUT)/smtpclient.map
NOTHING   :=
RULE       = $(subst $(NOTHING) $(NOTHING),\ ,$(1))

# For musl, Rust brings the library that unwinds, and the archive takes it in.
COMMA    := ,
UNWINDER := $(wildcard $(shell $(RUSTC) --print target-libdir $(TARGET:%=--target %) 2>/dev/null)/self-contained/libunwind.a)
# What the archive needs beside OpenSSL. rustc also names -lgcc_s and -lc, which every C compiler
# adds by itself; naming -lgcc_s would break a fully static link. tests/symbols.rs compares. On
# other systems it is what rustc has said. A static program must be told to keep what it unwinds by.
ifeq ($(SYSTEM),Linux)
PRIVATE_LIBS := $(strip $(if $(UNWINDER),-Wl$(COMMA)--eh-frame-hdr) -lutil -lrt -lpthread -lm -ldl)
else
PRIVATE_LIBS = $(filter-out -lssl -lcrypto -lgcc_s -lc -lSystem,$(shell cat '$(OUT)/native-static-libs' 2>/dev/null))
endif
# What the CMake package is told: names, and the way from its own place to the headers.
CMAKE_FACTS = -e 's|@SONAME@|$(SONAME)|g' -e 's|@VERSION@|$(VERSION)|g' -e 's|@MAJOR@|$(MAJOR)|g' \
    -e 's|@MINOR@|$(MINOR)|g' -e 's|@CMAKE_LIBS@|$(subst $(eval) ,;,$(patsubst -l%,%,$(PRIVATE_LIBS)))|g' \
    -e "s|@INCLUDE_FROM_HERE@|$$(scripts/relative '$(LIBDIR)/cmake/smtpclient' '$(INCLUDEDIR)')|g" \
    -e "s|@POINTER_SIZE@|$$(echo __SIZEOF_POINTER__ | $(CC) $(CFLAGS) -E -P - | tail -n 1)|g"
# What lies below the prefix is told relative to it, so that --define-prefix can move it all.
PC_FACTS = -e '/^\#/d' -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
    -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|^\([a-z]*dir\)=$(PREFIX)/|\1=$${prefix}/|' \
    -e '/^[a-z_]*=/s/[[:space:]]/\\&/g' -e 's|@VERSION@|$(VERSION)|' -e 's|@PRIVATE_LIBS@|$(PRIVATE_LIBS)|'
# Addresses to be adjusted while loading take a tenth of the room, where linker and C library know
# how: the linker asks glibc, and no other.
PACK_RELOCS := $(shell printf '\43include <features.h>\nint x = __GLIBC__; int *p = &x;' | $(CC) -shared -fPIC -o /dev/null -x c - \
    -Wl,--fatal-warnings,-z,pack-relative-relocs 2>/dev/null && echo -Wl,-z,pack-relative-relocs)
OPENSSL_LIBS  = $(shell $(PKG_CONFIG) --libs openssl 2>/dev/null || echo -lssl -lcrypto)

# Without make's job server, whose descriptors cargo would not inherit.
ALONE     = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL
RUN_CARGO = $(ALONE) $(JOBS:%=CARGO_BUILD_JOBS=%) $(CARGO)
JOBS      = $(filter-out 0,$(patsubst -j%,%,$(filter -j%,$(MAKEFLAGS))))
# Who owns neither what was built nor, where nothing is, the sources, installs and builds nothing:
# `sudo make install` leaves no file of root's behind.
STRANGER := $(shell file='$(SHARED)'; [ -e "$$file" ] || file=Cargo.toml; [ -O "$$file" ] || echo yes)

.PHONY: all built install install-strip uninstall header docs demo test check test-root test-native dist distcheck bench soak lint examples fuzz deps clean help
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

all: $(call RULE,$(SHARED)) $(call RULE,$(ARCHIVE)) $(call RULE,$(MANUAL)) ## build the shared and the static library, and the manual (default)

$(call RULE,$(ARCHIVE)): $(shell find src -name '*.rs' -o -name '*.h') Cargo.toml Cargo.lock build.rs \
        $(wildcard cbindgen.toml) scripts/archive scripts/rustflags
	@mkdir -p '$(OUT)'
	CARGO_ENCODED_RUSTFLAGS="$$($(ALONE) RUSTC='$(RUSTC)' scripts/rustflags '$(T)' $(LEAN))" \
	    $(RUN_CARGO) rustc --locked --profile $(PROFILE) $(if $(TARGET),--target $(TARGET)) --lib \
	    --no-default-features --features '$(FEATURES)' \
	    --crate-type staticlib -- --print 'native-static-libs=$(OUT)/native-static-libs'
	CC='$(CC)' CFLAGS='$(CFLAGS)' NO_UNWINDING='$(LEAN)' OBJCOPY='$(OBJCOPY)' READELF='$(READELF)' AR='$(AR)' \
	    PROFILE='$(PROFILE)' SYSTEM='$(SYSTEM)' UNWINDER='$(UNWINDER)' \
	    scripts/archive '$(CARGO_OUT)/libsmtpclient.a' '$@'

$(call RULE,$(MAP)): docs/symbols-in-versions scripts/version-script
	@mkdir -p '$(OUT)'
	scripts/version-script $< $(EXPORTS) > '$@'

$(call RULE,$(SHARED)): $(call RULE,$(ARCHIVE)) $(call RULE,$(MAP))
	$(CC) $(LINK) -o '$@' $(OPENSSL_LIBS) $(PRIVATE_LIBS)

# A program of the standard library alone, for the machine that builds.
$(call RULE,$(OUT)/manual): $(wildcard scripts/manual/*)
	@mkdir -p '$(OUT)'
	$(ALONE) $(RUSTC) --edition 2024 -C opt-level=1 -o '$@' scripts/manual/main.rs

# The archive's build may make the header anew.
$(call RULE,$(MANUAL)): $(call RULE,$(OUT)/manual) $(call RULE,$(ARCHIVE)) include/smtpclient.h \
        $(wildcard examples-c/*.c) CHANGELOG.md
	rm -rf '$(OUT)/man'
	'$(OUT)/manual' man . '$(OUT)/man/man3'

docs: $(call RULE,$(OUT)/manual) $(call RULE,$(ARCHIVE)) ## write the manual as HTML to the target directory's docs
	rm -rf '$(T)/docs'
	'$(OUT)/manual' html . '$(T)/docs'
	@echo "the manual begins at $(T)/docs/index.html"

built:
	@for file in '$(SHARED)' '$(ARCHIVE)' '$(MANUAL)'; do [ -e "$$file" ] || { \
	    echo 'make install: nothing is built here yet: run `make` first, as whom these files belong to' >&2; exit 1; }; done

install: $(if $(STRANGER),built,all) ## install below $(DESTDIR)$(PREFIX); LIBDIR= and INCLUDEDIR= override
	@case "$(PREFIX)$(LIBDIR)" in /*) ;; *) echo "make install: PREFIX must be an absolute path" >&2; exit 1 ;; esac
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(MANDIR)/man3"
	$(INSTALL) -m 755 "$(SHARED)" "$(DESTDIR)$(LIBDIR)/"
	ln -sf $(REAL_NAME) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/$(LINK_NAME)"
	$(INSTALL) -m 644 "$(ARCHIVE)" "$(DESTDIR)$(LIBDIR)/"
	$(INSTALL) -m 644 $(HEADERS) "$(DESTDIR)$(INCLUDEDIR)/"
	$(INSTALL) -m 644 "$(OUT)"/man/man3/*.3 "$(DESTDIR)$(MANDIR)/man3/"
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/cmake/smtpclient"
	for file in smtpclientConfig smtpclientConfigVersion; do \
	    sed $(CMAKE_FACTS) $$file.cmake.in > "$(DESTDIR)$(LIBDIR)/cmake/smtpclient/$$file.cmake" && \
	    chmod 644 "$(DESTDIR)$(LIBDIR)/cmake/smtpclient/$$file.cmake" || exit 1; done
	sed $(PC_FACTS) smtpclient.pc.in > "$(DESTDIR)$(LIBDIR)/pkgconfig/smtpclient.pc"
	chmod 644 "$(DESTDIR)$(LIBDIR)/pkgconfig/smtpclient.pc"

install-strip: install ## install without the symbols that only a debugger needs
	$(STRIP) $(STRIP_ALL) "$(DESTDIR)$(LIBDIR)/$(REAL_NAME)"
	$(STRIP) $(STRIP_DEBUG) "$(DESTDIR)$(LIBDIR)/libsmtpclient.a"

uninstall: ## remove what install put there
	rm -f "$(DESTDIR)$(LIBDIR)"/$(LINK_NAME) "$(DESTDIR)$(LIBDIR)"/$(SONAME) \
	    "$(DESTDIR)$(LIBDIR)"/$(OLDER) "$(DESTDIR)$(LIBDIR)"/$(REAL_NAME) \
	    "$(DESTDIR)$(LIBDIR)"/libsmtpclient.a "$(DESTDIR)$(LIBDIR)"/pkgconfig/smtpclient.pc \
	    "$(DESTDIR)$(LIBDIR)"/cmake/smtpclient/smtpclientConfig.cmake \
	    "$(DESTDIR)$(LIBDIR)"/cmake/smtpclient/smtpclientConfigVersion.cmake \
	    "$(DESTDIR)$(INCLUDEDIR)"/smtpclient.h "$(DESTDIR)$(INCLUDEDIR)"/smtpclient.hpp \
	    "$(DESTDIR)$(MANDIR)"/man3/smtpclient.3 "$(DESTDIR)$(MANDIR)"/man3/smtpclient-*.3
	[ ! -d "$(DESTDIR)$(LIBDIR)/cmake/smtpclient" ] || rmdir "$(DESTDIR)$(LIBDIR)/cmake/smtpclient"
	sed -n 's/^\(smtp_.*\)().*/\1/p' docs/symbols-in-versions | while read -r function; do \
	    rm -f "$(DESTDIR)$(MANDIR)/man3/$$function.3"; done

demo: ## send a message through the C library to a loopback server
	scripts/deps build
	$(MAKE) --no-print-directory install STRANGER= PREFIX="$$(mkdir -p '$(T)/demo-root' && cd '$(T)/demo-root' && pwd)" \
	    LIBDIR=lib INCLUDEDIR='$$(PREFIX)/include' MANDIR='$$(PREFIX)/share/man' DESTDIR= > '$(T)/demo-root/install.log'
	CARGO="$(RUN_CARGO)" CC="$(CC)" PKG_CONFIG="$(PKG_CONFIG)" scripts/demo '$(T)/demo-root'

header: ## make include/smtpclient.h anew from src/ffi
	touch build.rs
	$(RUN_CARGO) build --locked --lib

check: test ## the same as test

# REAL=no leaves out what starts real servers, and says so at the end, where it is seen.
REAL ?= yes
export REAL
TESTS := $(basename $(notdir $(wildcard tests/*.rs))) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs))

test: deps ## run every test (REAL=no: without Postfix and Dovecot)
	$(MAKE) --no-print-directory test-root
ifeq ($(REAL),no)
	export SMTPCLIENT_ROOT="$$(cd '$(T)/test-root' && pwd)"; status=0; \
	$(RUN_CARGO) test --locked --no-fail-fast --lib --bins --examples \
	    $(patsubst %,--test %,$(filter-out real,$(TESTS))) || status=1; \
	$(RUN_CARGO) test --locked --doc || status=1; \
	echo 'LEFT OUT by REAL=no: tests/real, against Postfix and Dovecot. They run with: make test'; \
	exit $$status
else
	SMTPCLIENT_ROOT="$$(cd '$(T)/test-root' && pwd)" $(RUN_CARGO) test --locked --no-fail-fast
endif

# What the other TLS library must do as well.
test-native: ## run the tests of TLS on native-tls
	$(MAKE) --no-print-directory test-root TLS=native
	SMTPCLIENT_ROOT="$$(cd '$(T)/test-root-native' && pwd)" $(RUN_CARGO) test --locked --features native --no-fail-fast \
	    --lib --test client --test c_api -- transport:: tls starttls open:: walk

# The installed tree that the C tests build against, made once for all of them.
TEST_ROOT = $(T)/test-root$(TLS:%=-%)
test-root:
	$(MAKE) --no-print-directory install STRANGER= PREFIX="$$(mkdir -p '$(TEST_ROOT)' && cd '$(TEST_ROOT)' && pwd)" \
	    LIBDIR=lib INCLUDEDIR='$$(PREFIX)/include' MANDIR='$$(PREFIX)/share/man' DESTDIR=

dist: ## make tarballs of the sources, without and with all crates, in the target directory's dist
	CARGO='$(RUN_CARGO)' scripts/dist '$(T)/dist'

distcheck: export XZ_LEVEL := 1
distcheck: ## build, test and install from the tarball with all crates, without a network
	CARGO='$(RUN_CARGO)' scripts/dist '$(T)/distcheck'
	MAKE='$(MAKE)' scripts/distcheck '$(T)/distcheck'

bench: ## measure against other clients (a few minutes)
	scripts/deps bench
	benches/run.sh

FUZZ_SECONDS ?= 60

fuzz: ## run each fuzz target for FUZZ_SECONDS (needs cargo-fuzz: cargo install cargo-fuzz)
	cd fuzz && for target in fuzz_targets/*.rs; do \
	    name=$${target##*/}; RUSTC_BOOTSTRAP=1 $(RUN_CARGO) fuzz run "$${name%.rs}" --fuzz-dir . \
	        -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

SECONDS ?= 600

soak: test-root ## random calls under sanitizers, and the model of a server, SECONDS= long each
	SMTPCLIENT_ROOT="$$(cd '$(T)/test-root' && pwd)" CARGO="$(RUN_CARGO)" scripts/soak $(SECONDS)

lint: ## check formatting and run clippy
	$(RUN_CARGO) fmt --check
	rustfmt --check --edition 2024 --config-path rustfmt.toml scripts/manual/main.rs
	$(RUN_CARGO) clippy --locked --all-targets -- -D warnings

examples: test-root ## build examples-c against a tree installed below the target directory
	$(MAKE) -C examples-c PKG_CONFIG_PATH="$$(cd '$(T)/test-root' && pwd)/lib/pkgconfig" \
	    BUILD='$(if $(filter /%,$(firstword $(T))),,../)$(T)/examples-c'

deps: ## install what building and testing need (Debian), or say what is missing
	scripts/deps test

clean: ## remove what was built
	$(RUN_CARGO) clean
	rm -rf '$(OUT)'

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' Makefile
	@echo "variables: PREFIX=$(PREFIX) LIBDIR INCLUDEDIR MANDIR DESTDIR CC CARGO PROFILE=$(PROFILE) TARGET TLS"
