#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1-or-later
#
# static-check.sh FOLDER CC...: makes Check, the library of the tests, for another C
# library or architecture: FOLDER/check.h and FOLDER/check.o, of Check's source in
# $CHECK_SOURCE. Not by its own configure, which takes longer than all the rest.
set -eu

folder=$1
shift
mkdir -p "$folder/objects"
cp "$CHECK_SOURCE/src/check.h" "$CHECK_SOURCE/check_stdint.h" "$folder/"

cat >"$folder/config.h" <<'END'
#define ENABLE_REGEX 1
#define ENABLE_SUBUNIT 0
#define HAVE_CLOCK_GETTIME 1
#define HAVE_DECL_ALARM 1
#define HAVE_DECL_CLOCK_GETTIME 1
#define HAVE_DECL_GETLINE 1
#define HAVE_DECL_GETTIMEOFDAY 1
#define HAVE_DECL_LOCALTIME_R 1
#define HAVE_DECL_SETENV 1
#define HAVE_DECL_STRDUP 1
#define HAVE_DECL_STRSIGNAL 1
#define HAVE_FORK 1
#define HAVE_LIBRT 1
#define HAVE_MKSTEMP 1
#define HAVE_PTHREAD 1
#define HAVE_REGEX 1
#define HAVE_REGEX_H 1
#define HAVE_SIGACTION 1
#define HAVE_SNPRINTF 1
#define HAVE_STDINT_H 1
#define HAVE_STRUCT_ITIMERSPEC_IT_INTERVAL 1
#define HAVE_STRUCT_ITIMERSPEC_IT_VALUE 1
#define HAVE_STRUCT_TIMESPEC_TV_NSEC 1
#define HAVE_STRUCT_TIMESPEC_TV_SEC 1
#define HAVE_SYS_TIME_H 1
#define HAVE_UNISTD_H 1
#define HAVE_VSNPRINTF 1
#define PACKAGE_VERSION "0.15.2"
END

(
	cd "$folder/objects"
	"$@" -w -O2 -D_GNU_SOURCE -DHAVE_CONFIG_H -I.. -I"$CHECK_SOURCE/src" \
		-I"$CHECK_SOURCE/lib" -c "$CHECK_SOURCE"/src/*.c
)
"$@" -r -nostdlib -o "$folder/check.o" "$folder"/objects/*.o
